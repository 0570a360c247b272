use super::*;

fn file(text: &str) -> (PathBuf, SettingsLayer) {
    (PathBuf::from("provisor.toml"), parse(Path::new("provisor.toml"), text).unwrap())
}

fn from(config: &Config, key: &str) -> (Value, Whence) {
    let found = config.listed.iter().find(|setting| setting.key == key).unwrap();
    (found.value.clone(), found.from.clone())
}

#[test]
fn a_flag_beats_the_environment_beats_the_file_beats_the_default() {
    let text =
        "listen = \"127.0.0.1:1\"\ndatabase = \"sqlite://file.db\"\n[http]\nin_flight_max = 7\n";
    let mut flags = SettingsLayer::empty();
    flags.listen = Some("127.0.0.1:3".parse().unwrap());
    let mut environment = SettingsLayer::empty();
    environment.listen = Some("127.0.0.1:2".parse().unwrap());
    environment.database = Some("sqlite://env.db".parse().unwrap());
    let config = Config::merge(flags, environment, Some(file(text))).unwrap();
    assert_eq!(config.settings.listen.port(), 3);
    assert_eq!(from(&config, "listen"), ("127.0.0.1:3".into(), Whence::Flag));
    assert_eq!(
        from(&config, "database"),
        ("sqlite://env.db".into(), Whence::Environment("PROVISOR_DATABASE"))
    );
    let in_file = Whence::File("provisor.toml".into());
    assert_eq!(from(&config, "http.in_flight_max"), (7.into(), in_file));
    assert_eq!(config.settings.http.in_flight_max, 7);
    assert_eq!(from(&config, "log.filter"), ("info".into(), Whence::Default));
    assert_eq!(from(&config, "data_dir"), (Value::Null, Whence::Default));
    assert!(config.is_default("log.filter") && !config.is_default("listen"));
}

#[test]
fn wrong_files_are_refused_with_file_and_line() {
    let error = |text: &str| parse(Path::new("x.toml"), text).map(|_| ()).unwrap_err().to_string();
    assert!(
        error("listen = \"127.0.0.1:1\"\nlisten_at = 1\n").starts_with("x.toml:2: unknown field")
    );
    assert!(error("\n[http]\nmax = 1\n").starts_with("x.toml:3: unknown field"));
    assert!(error("listen = 8080\n").starts_with("x.toml:1: listen: "));
    assert!(error("\n[http]\nin_flight_max = -1\n").starts_with("x.toml:3: http.in_flight_max: "));
    assert!(error("\ndatabase = \"mysql://x\"\n").contains("sqlite://"));
    assert!(error("metrics_listen = \"on\"\n").contains("write auto, off"));
    for (text, what) in [
        ("listen = \"127.0.0.1\"\n", "x.toml:1: listen: write \"ADDRESS:PORT\""),
        ("listen = 8080\n", "x.toml:1: listen: write \"ADDRESS:PORT\""),
        (
            "\n[http]\nconnections_max = 0\n",
            "x.toml:3: http.connections_max: write a whole number, 1 or more",
        ),
        (
            "[http]\nin_flight_max = \"many\"\n",
            "x.toml:2: http.in_flight_max: write a whole number, 1 or more",
        ),
        (
            "[http]\nrequests_per_second = -1\n",
            "x.toml:2: http.requests_per_second: write a whole number, 0 to",
        ),
    ] {
        assert!(error(text).starts_with(what), "{}", error(text));
    }
    assert!(error("[http\n").starts_with("x.toml:1: "));
}

#[test]
fn values_that_cannot_work_are_refused() {
    let text = "[log]\nfilter = \"loud=yes=no\"\n";
    let empty = SettingsLayer::empty;
    assert!(Config::merge(empty(), empty(), Some(file(text))).is_err());
}

#[test]
fn the_template_names_every_setting_and_is_itself_a_valid_file() {
    let template = template();
    let config =
        Config::merge(SettingsLayer::empty(), SettingsLayer::empty(), Some(file(&template)))
            .unwrap();
    for setting in &config.listed {
        let name = setting.key.rsplit('.').next().unwrap();
        assert!(template.contains(&format!("#{name} =")), "{name}");
    }
    let uncommented: Vec<&str> = template
        .lines()
        .map(|line| line.strip_prefix('#').filter(|l| l.contains(" = ")).unwrap_or(line))
        .collect();
    let uncommented = uncommented.join("\n");
    assert!(parse(Path::new("template"), &uncommented).is_ok(), "{uncommented}");
}
