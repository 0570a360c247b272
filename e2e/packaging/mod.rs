//! What is shipped beside the binary fits it: the settings file, the unit, the container files.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::rig::*;

fn shipped(file: &str) -> (PathBuf, String) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../packaging").join(file);
    let text = std::fs::read_to_string(&path).expect("it is shipped");
    (path, text)
}

/// What looks like a word of the given beginning.
fn words(text: &str, beginning: &str) -> BTreeSet<String> {
    let part = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    let word = |(at, _): (usize, &str)| {
        let rest = &text[at..];
        rest[..rest.find(|c| !part(c)).unwrap_or(rest.len())].to_owned()
    };
    text.match_indices(beginning).map(word).collect()
}

#[test]
fn the_settings_file_is_accepted() {
    let world = World::empty();
    let (path, _) = shipped("provisor.toml");
    let path = path.to_str().expect("a plain path");
    let ran = run(world.dir(), &["config", "check", "--config", path]).succeeded();
    assert!(ran.stdout.contains("sqlite:///var/lib/provisor/provisor.db"), "{ran:?}");
}

#[test]
fn the_options_of_unit_and_container_exist() {
    let world = World::empty();
    let help = run(world.dir(), &["serve", "--help"]).succeeded().stdout;
    for file in ["provisor.service", "Dockerfile"] {
        let (_, text) = shipped(file);
        let begins = |line: &&str| line.starts_with("ExecStart=") || line.starts_with("CMD");
        let started: Vec<&str> = text.lines().filter(begins).collect();
        assert_eq!(started.len(), 1, "{file}");
        let options = words(started[0], "--");
        assert!(!options.is_empty(), "{file}");
        for option in options {
            assert!(help.contains(&option), "{file} has {option}, which `provisor serve` does not");
        }
    }
}

#[test]
fn the_variables_of_the_container_files_are_settings() {
    let world = World::empty();
    let known = run(world.dir(), &["config", "template"]).succeeded().stdout;
    let (_, compose) = shipped("compose.yaml");
    let variables = words(&compose, "PROVISOR_");
    assert!(variables.len() >= 2, "{variables:?}");
    for variable in variables {
        assert!(known.contains(&variable), "{variable} is no setting");
    }
}

#[test]
fn the_unit_may_write_where_the_documents_put_what_it_writes() {
    let (_, unit) = shipped("provisor.service");
    let of = |name: &str| -> Vec<&str> {
        let values = unit.lines().filter_map(|line| line.strip_prefix(name)?.strip_prefix('='));
        values.flat_map(str::split_whitespace).collect()
    };
    assert_eq!((of("ProtectSystem"), of("StateDirectory")), (vec!["strict"], vec!["provisor"]));
    let database = format!("{}/provisor.db", of("WorkingDirectory")[0]);
    assert_eq!(of("WorkingDirectory"), ["/var/lib/provisor"]);
    assert!(shipped("provisor.toml").1.contains(&format!("sqlite://{database}")));
    let (_, drivers) = shipped("../docs/drivers.md");
    let lookup = drivers.lines().find_map(|line| line.strip_prefix("file = \"")?.split('"').next());
    let folder = Path::new(lookup.expect("an example")).parent().expect("a folder");
    assert_eq!(of("ReadWritePaths"), [format!("-{}", folder.display())]);
    // The folder has the setgid bit, which this forbids to set.
    assert!(of("RestrictSUIDSGID").is_empty());
}

#[test]
fn what_the_containers_share_belongs_to_whom_they_run_as() {
    // A volume that is new takes over the owner of the folder that the image has in its place; without one it is root's.
    let (_, image) = shipped("Dockerfile");
    let (as_root, _) = image.split_once("\nUSER 10001\n").expect("it does not run as root");
    assert!(as_root.contains("--uid 10001 provisor"), "{as_root}");
    let made: Vec<&str> = as_root
        .lines()
        .filter_map(|line| line.split_once("install --directory --owner=provisor "))
        .filter_map(|(_, rest)| rest.split_whitespace().find(|word| word.starts_with('/')))
        .collect();
    let (_, compose) = shipped("compose.yaml");
    let mounted =
        compose.lines().filter_map(|line| line.trim().strip_prefix("- ")?.split_once(":/"));
    let ours: Vec<String> = mounted
        .map(|(_, path)| format!("/{path}"))
        .filter(|path| path.starts_with("/var/lib/provisor/"))
        .collect();
    assert_eq!(made, ours);
    assert_eq!(ours.len(), 1, "{compose}");
}

#[test]
fn what_package_and_image_are_made_of_is_there() {
    let server = Path::new(env!("CARGO_MANIFEST_DIR"));
    let manifest = std::fs::read_to_string(server.join("Cargo.toml")).expect("a manifest");
    let named: Vec<&str> =
        manifest.split('"').filter(|text| text.starts_with("../../") && text.len() > 6).collect();
    assert!(named.len() > 5, "{named:?}");
    for name in named {
        // All of a kind, or one.
        let (folder, kind) = name.split_once('*').unwrap_or((name, ""));
        let is_there = |path: &Path| {
            let Ok(mut files) = path.read_dir() else { return path.is_file() };
            files.any(|file| file.expect("a file").path().to_string_lossy().ends_with(kind))
        };
        assert!(is_there(&server.join(folder)), "{name}");
    }
    let (_, image) = shipped("Dockerfile");
    assert!(image.contains(concat!("--package ", env!("CARGO_PKG_NAME"))), "{image}");
    let toolchain = server.join("../../rust-toolchain.toml");
    let toolchain = std::fs::read_to_string(toolchain).expect("a toolchain");
    let (_, image) = image.split_once("FROM rust:").expect("what it is built with");
    let (release, _) = image.split_once('-').expect("a release");
    assert!(toolchain.contains(&format!("channel = \"{release}.")), "rust {release}");
}
