//! Configuration for the mail servers: Debian 12's Dovecot 2.3 and Postfix 3.7 on a mail network's lookup file.
//!
//! Invariants: whatever the servers look up, they look up in views that begin with `v1_`; the files hold no secret; what
//! stands between the two servers listens on 127.0.0.1 only; TLS is the operator's, on lines marked `TLS`.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use provisor_domain::Malformed;

use super::Doveadm;

/// Where `docs/drivers.md` puts doveadm.
const DOVEADM_PORT: u16 = 10_027;

/// What the configuration has to say about this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Params {
    /// The mail network's lookup file (see [`crate::mail_file`]), as an absolute path.
    pub lookup: PathBuf,
    /// The directory that the files are put into, as an absolute path.
    pub config: PathBuf,
    /// The directory of all mail, as an absolute path.
    pub mail_root: PathBuf,
    /// The group that may write in the lookup file's directory.
    pub group: String,
    /// Whom all mail belongs to: user and group by number. Not root.
    pub mail_owner: (u32, u32),
    /// Where IMAP and SMTP are served; `None`: on every address.
    pub listen: Option<IpAddr>,
    /// The ports.
    pub ports: Ports,
    /// Where Dovecot ends open sessions for provisor (see [`crate::mail_doveadm`]), its key file as an absolute path;
    /// `None`: nowhere.
    pub doveadm: Option<Doveadm>,
}

/// Ports of the two servers. LMTP, SASL and quota status are only for them, on 127.0.0.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ports {
    /// IMAP with STARTTLS.
    pub imap: u16,
    /// IMAP in TLS.
    pub imaps: u16,
    /// Postfix delivers to Dovecot.
    pub lmtp: u16,
    /// Postfix asks Dovecot whether a log-in is right.
    pub sasl: u16,
    /// Postfix asks Dovecot whether a mailbox is full.
    pub quota_status: u16,
    /// Mail from other servers.
    pub smtp: u16,
    /// Mail from customers.
    pub submission: u16,
}

impl Default for Ports {
    fn default() -> Self {
        Self {
            imap: 143,
            imaps: 993,
            lmtp: 10_024,
            sasl: 10_025,
            quota_status: 10_026,
            smtp: 25,
            submission: 587,
        }
    }
}

impl Params {
    /// Ports, owner and group as `docs/drivers.md` sets them up.
    pub fn new(lookup: PathBuf, config: PathBuf, mail_root: PathBuf) -> Self {
        let (group, mail_owner) = ("provisor-mail".into(), (5_000, 5_000));
        let (listen, ports, doveadm) = (None, Ports::default(), None);
        Self { lookup, config, mail_root, group, mail_owner, listen, ports, doveadm }
    }

    /// Text that means itself in all the files' languages; anything else would need four kinds of quotes.
    fn check(&self) -> Result<(), Malformed> {
        let key_file = self.doveadm.as_ref().map(|doveadm| &doveadm.key_file);
        for path in [&self.lookup, &self.config, &self.mail_root].into_iter().chain(key_file) {
            let plain = |b: u8| b.is_ascii_alphanumeric() || b"/._-".contains(&b);
            let fits = path.to_str().is_some_and(|text| text.bytes().all(plain));
            if !(fits && path.is_absolute()) {
                let what = "path for the mail servers' configuration";
                let rule = "an absolute one of letters, digits, dots, underscores and hyphens";
                return Err(Malformed { what, rule });
            }
        }
        let plain = |b: u8| b.is_ascii_alphanumeric() || b"_-".contains(&b);
        if self.group.is_empty() || !self.group.bytes().all(plain) {
            let what = "group for the mail servers' configuration";
            return Err(Malformed { what, rule: "a name of letters, digits, _ and -" });
        }
        if self.mail_owner.0 == 0 || self.mail_owner.1 == 0 {
            return Err(Malformed { what: "owner of mail", rule: "a user and a group, not root" });
        }
        Ok(())
    }

    fn doveadm_as_documented(&self) -> Doveadm {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, DOVEADM_PORT));
        let key_file = self.config.join("doveadm.key");
        Doveadm { address, path: "/doveadm/v1".into(), key_file }
    }

    /// `template` with everything in its place. `all` is how the server says "every address".
    fn fill(&self, template: &str, all: &str) -> String {
        let path = |path: &Path| path.display().to_string();
        let Ports { imap, imaps, lmtp, sasl, quota_status, smtp, submission } = self.ports;
        // Without the setting it is there as a comment.
        let (mark, doveadm) = match &self.doveadm {
            Some(doveadm) => ("", doveadm.clone()),
            None => ("#", self.doveadm_as_documented()),
        };
        let mut text = template.to_owned();
        for (name, value) in [
            ("@LOOKUP@", path(&self.lookup)),
            ("@CONFIG@", path(&self.config)),
            ("@MAIL_ROOT@", path(&self.mail_root)),
            ("@GROUP@", self.group.clone()),
            ("@MAIL_UID@", self.mail_owner.0.to_string()),
            ("@MAIL_GID@", self.mail_owner.1.to_string()),
            ("@LISTEN@", self.listen.map_or(all.to_owned(), |address| address.to_string())),
            ("@IMAP_PORT@", imap.to_string()),
            ("@IMAPS_PORT@", imaps.to_string()),
            ("@LMTP_PORT@", lmtp.to_string()),
            ("@SASL_PORT@", sasl.to_string()),
            ("@QUOTA_PORT@", quota_status.to_string()),
            ("@SMTP_PORT@", smtp.to_string()),
            ("@SUBMISSION_PORT@", submission.to_string()),
            ("@DOVEADM@", mark.to_owned()),
            ("@DOVEADM_KEY@", path(&doveadm.key_file)),
            ("@DOVEADM_ADDRESS@", doveadm.address.ip().to_string()),
            ("@DOVEADM_PORT@", doveadm.address.port().to_string()),
        ] {
            text = text.replace(name, &value);
        }
        text
    }
}

/// A file of a server's configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// Its path, from [`Params::config`].
    pub name: &'static str,
    /// What is in it.
    pub text: String,
    /// Its rights. Nothing in it is a secret, and the servers read it as several users.
    pub mode: u32,
}

impl File {
    fn new(name: &'static str, text: String) -> Self {
        Self { name, text, mode: 0o644 }
    }
}

/// The files for Dovecot 2.3; it is started with `dovecot -c <config>/dovecot.conf`.
pub fn dovecot(params: &Params) -> Result<Vec<File>, Malformed> {
    params.check()?;
    let templates = [
        ("dovecot.conf", include_str!("config/dovecot.conf")),
        ("sql.conf", include_str!("config/sql.conf")),
        ("verify.lua", include_str!("config/verify.lua")),
    ];
    let file = |(name, template)| File::new(name, params.fill(template, "*, ::"));
    Ok(templates.map(file).into())
}

/// The maps of Postfix and what each asks.
const MAPS: [(&str, &str); 5] = [
    ("sql/domains.cf", "SELECT domain FROM v1_postfix_domain WHERE domain = '%s'"),
    ("sql/mailboxes.cf", "SELECT result FROM v1_postfix_mailbox WHERE address = '%s'"),
    ("sql/aliases.cf", "SELECT destination FROM v1_postfix_alias WHERE address = '%s'"),
    ("sql/access.cf", "SELECT action FROM v1_postfix_access WHERE address = '%s'"),
    ("sql/senders.cf", "SELECT owner FROM v1_postfix_sender WHERE sender = '%s'"),
];

/// The files for Postfix 3.7; it is started with `postfix -c <config> start`.
pub fn postfix(params: &Params) -> Result<Vec<File>, Malformed> {
    params.check()?;
    let main = [
        ("main.cf", include_str!("config/main.cf")),
        ("master.cf", include_str!("config/master.cf")),
    ];
    let mut files: Vec<File> =
        main.map(|(name, template)| File::new(name, params.fill(template, "all"))).into();
    let map = params.fill(include_str!("config/map.cf"), "all");
    files.extend(MAPS.map(|(name, query)| File::new(name, map.replace("@QUERY@", query))));
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn params() -> Params {
        Params::new("/srv/l/mail.db".into(), "/etc/provisor-mail".into(), "/srv/mail".into())
    }

    #[test]
    fn every_place_is_filled_and_only_versioned_views_are_read() {
        let files = [dovecot(&params()).unwrap(), postfix(&params()).unwrap()].concat();
        assert_eq!(files.len(), 10);
        for File { name, text, .. } in files {
            assert!(!text.contains('@'), "{name}: {text}");
            let mut words = text.split_whitespace();
            while let Some(word) = words.next() {
                if word == "FROM" {
                    let view = words.next().unwrap();
                    assert!(view.starts_with("v1_"), "{name} reads {view}");
                }
            }
        }
    }

    #[test]
    fn doveadm_listens_where_the_setting_says_and_without_it_nowhere() {
        let conf = |params: &Params| dovecot(params).unwrap()[0].text.clone();
        let without = conf(&params());
        for line in ["#doveadm_api_key = </etc/provisor-mail/doveadm.key", "#    port = 10027"] {
            assert!(without.lines().any(|found| found == line), "{line}: {without}");
        }
        let address = "[::1]:5000".parse().unwrap();
        let key_file = PathBuf::from("/srv/provisor/key");
        let doveadm = Some(Doveadm { address, path: "/doveadm/v1".into(), key_file });
        let with = conf(&Params { doveadm, ..params() });
        for line in ["doveadm_api_key = </srv/provisor/key", "    address = ::1", "    port = 5000"]
        {
            assert!(with.lines().any(|found| found == line), "{line}: {with}");
        }
    }

    #[test]
    fn what_would_need_quotes_is_refused() {
        let spaced = Params { lookup: "/srv/my mail.db".into(), ..params() };
        let relative = Params { mail_root: "mail".into(), ..params() };
        let line = Params { group: "mail\nuser".into(), ..params() };
        let root = Params { mail_owner: (0, 5_000), ..params() };
        let doveadm =
            Some(Doveadm { key_file: "doveadm.key".into(), ..params().doveadm_as_documented() });
        let relative_key = Params { doveadm, ..params() };
        for bad in [spaced, relative, line, root, relative_key] {
            assert!(dovecot(&bad).is_err() && postfix(&bad).is_err(), "{bad:?}");
        }
    }
}
