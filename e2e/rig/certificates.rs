//! Certificates of a test's own, made by openssl.

use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::Command;

/// An authority and the certificates that it gives, as PEM files in one directory.
#[derive(Debug)]
pub(crate) struct Certificates {
    dir: PathBuf,
    name: String,
}

impl Certificates {
    /// A new authority called `name`.
    pub(crate) fn new(dir: &Path, name: &str) -> Self {
        let authority = Self { dir: dir.to_owned(), name: name.to_owned() };
        authority.make(name, "basicConstraints = critical,CA:TRUE", None);
        authority
    }

    /// The authority's certificate.
    pub(crate) fn root(&self) -> PathBuf {
        self.dir.join(format!("{}.pem", self.name))
    }

    /// A certificate for a server at this address, and its key.
    pub(crate) fn of_server(&self, name: &str, address: Ipv4Addr) -> (PathBuf, PathBuf) {
        let extensions =
            format!("basicConstraints = critical,CA:FALSE\nsubjectAltName = IP:{address}");
        self.make(name, &extensions, Some(&self.name))
    }

    /// A certificate for a client called `name`, and its key.
    pub(crate) fn of_client(&self, name: &str) -> (PathBuf, PathBuf) {
        self.make(name, "basicConstraints = critical,CA:FALSE", Some(&self.name))
    }

    fn make(&self, name: &str, extensions: &str, by: Option<&str>) -> (PathBuf, PathBuf) {
        let file = |of: &str, extension: &str| self.dir.join(format!("{of}.{extension}"));
        let (certificate, key, config) = (file(name, "pem"), file(name, "key"), file(name, "cnf"));
        let text = format!(
            "[req]\nprompt = no\ndistinguished_name = names\n[names]\nCN = {name}\n[extensions]\n{extensions}\n"
        );
        std::fs::write(&config, text).expect("a file in the test's directory");
        let mut openssl = Command::new("openssl");
        openssl.args(["req", "-x509", "-nodes", "-days", "2", "-extensions", "extensions"]);
        openssl.args(["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-config"]);
        openssl.arg(config).arg("-out").arg(&certificate).arg("-keyout").arg(&key);
        if let Some(by) = by {
            openssl.arg("-CA").arg(file(by, "pem")).arg("-CAkey").arg(file(by, "key"));
        }
        let made = openssl.output().expect("openssl is installed");
        assert!(made.status.success(), "{made:?}");
        (certificate, key)
    }
}
