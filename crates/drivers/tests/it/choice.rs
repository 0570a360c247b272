//! The choice of a driver by the name in the catalogue.

use std::path::Path;
use std::sync::Arc;

use provisor_domain::catalogue::Network;
use provisor_domain::driver::Element;
use provisor_domain::driver::{Driver, Outcome};
use provisor_drivers::{Surroundings, build, check, is_mail, mail_doveadm, mail_file};
use serde_json::{Value, json};

use crate::support::{command, present};

fn network(driver: &str, settings: &Value) -> Network {
    Network {
        code: "AS".parse().unwrap(),
        driver: driver.into(),
        number_range: None,
        drift: provisor_domain::drift::DriftPolicy::default(),
        settings: settings.as_object().unwrap().clone(),
    }
}

fn sims(built: Element) -> Arc<dyn Driver> {
    match built {
        Element::Network(driver) => driver,
        other => panic!("{other:?} serves no SIMs"),
    }
}

#[tokio::test]
async fn a_simulated_network_keeps_its_file_in_the_data_directory() {
    let data = tempfile::tempdir().unwrap();
    let driver =
        sims(build(&network("simulated", &json!({})), &Surroundings::new(data.path())).unwrap());
    assert_eq!(driver.ensure(&command(1, 1, vec![present(0)])).await, Outcome::Done);
    assert!(data.path().join("network-AS.db").exists());

    let named = json!({ "file": "elsewhere.db", "outage_file": "down" });
    let driver =
        sims(build(&network("simulated", &named), &Surroundings::new(data.path())).unwrap());
    assert!(data.path().join("elsewhere.db").exists());
    std::fs::write(data.path().join("down"), "").unwrap();
    let outcome = driver.ensure(&command(1, 1, vec![present(0)])).await;
    assert!(matches!(outcome, Outcome::Unavailable { .. }), "{outcome:?}");
}

#[test]
fn an_unknown_driver_and_a_wrong_setting_are_named_before_anything_is_opened() {
    let data = tempfile::tempdir().unwrap();
    let surroundings = Surroundings::new(data.path());
    let cases = [
        (
            network("hlr", &json!({})),
            "network AS: there is no driver \"hlr\"; use one of: simulated, osmo-hlr, http, mail, simulated-mail",
        ),
        (network("simulated", &json!({ "sed": 1 })), "network AS: unknown setting `sed`"),
        (network("osmo-hlr", &json!({ "seed": 1 })), "network AS: unknown setting `seed`"),
        (network("mail", &json!({ "seed": 1 })), "network AS: unknown setting `seed`"),
        (network("simulated-mail", &json!({ "log": true })), "network AS: unknown setting `log`"),
    ];
    for (network, message) in cases {
        let error = check(&network).unwrap_err().to_string();
        assert!(error.starts_with(message), "{error}");
        assert_eq!(build(&network, &surroundings).unwrap_err().to_string(), error);
    }
    assert_eq!(std::fs::read_dir(data.path()).unwrap().count(), 0);
    assert!(check(&network("simulated", &json!({ "latency_ms": 5 }))).is_ok());
    // An HLR keeps its own files.
    let hlr = network("osmo-hlr", &json!({ "address": "127.0.0.9" }));
    assert!(matches!(build(&hlr, &surroundings), Ok(Element::Network(_))));
    assert_eq!(std::fs::read_dir(data.path()).unwrap().count(), 0);
}

#[test]
fn mail_networks_are_told_apart_and_have_a_directory_of_their_own() {
    let data = tempfile::tempdir().unwrap();
    let surroundings = Surroundings::new(data.path());
    for driver in ["mail", "simulated-mail"] {
        assert!(is_mail(driver));
        let mut files = Vec::new();
        for code in ["MAIL", "M2", "mail", "M/3"] {
            let unnamed = Network { code: code.parse().unwrap(), ..network(driver, &json!({})) };
            let file = mail_file(&unnamed, data.path()).unwrap().unwrap();
            assert!(!file.exists(), "asking makes nothing");
            assert!(matches!(build(&unnamed, &surroundings), Ok(Element::Mail(_))), "{code}");
            assert!(file.exists());
            std::fs::remove_dir_all(file.parent().unwrap()).unwrap();
            files.push(file.strip_prefix(data.path()).unwrap().to_owned());
        }
        let expected =
            ["mail/mail.db", "mail-M2/mail.db", "mail-mail/mail.db", "mail-M%2F3/mail.db"];
        assert_eq!(files, expected.map(std::path::PathBuf::from));
        let named = network(driver, &json!({ "file": "/srv/mail.db" }));
        assert_eq!(mail_file(&named, data.path()).unwrap(), Some("/srv/mail.db".into()));
    }
    assert!(!is_mail("simulated"));
    assert_eq!(mail_file(&network("simulated", &json!({})), data.path()).unwrap(), None);
}

#[test]
fn the_key_for_doveadm_is_found_from_the_data_directory() {
    let data = Path::new("data");
    let url = "http://127.0.0.1:10027/doveadm/v1";
    let ends = |key_file: &str| {
        let settings = json!({ "doveadm": { "url": url, "key_file": key_file } });
        let doveadm = mail_doveadm(&network("mail", &settings), data).unwrap().unwrap();
        assert_eq!(doveadm.address, "127.0.0.1:10027".parse().unwrap());
        doveadm.key_file
    };
    assert_eq!(ends("/etc/key"), Path::new("/etc/key"));
    assert_eq!(ends("key"), std::path::absolute("data/key").unwrap());
    for driver in ["mail", "simulated-mail", "simulated"] {
        assert_eq!(mail_doveadm(&network(driver, &json!({})), data).unwrap(), None);
    }
    assert!(check(&network("simulated-mail", &json!({ "doveadm": {} }))).is_err());
}
