//! A subscriber as the HLR has it, and as a command wants it.

use provisor_domain::{Imsi, Msisdn};
use secrecy::{ExposeSecret as _, SecretString};

/// A subscriber as the HLR has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Subscriber {
    pub(super) msisdn: Option<Msisdn>,
    pub(super) access: Access,
    /// Milenage keys, where they were asked for and it has some.
    pub(super) keys: Option<Keys>,
    /// The serving nodes that it was last registered at and that have not said since that they forgot it: not a proof that
    /// it is attached.
    pub(super) sgsn: Option<String>,
    pub(super) vlr: Option<String>,
}

/// To which half of the core network it is admitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Access {
    pub(super) circuit: bool,
    pub(super) packet: bool,
}

impl Access {
    /// As a subscriber is served.
    pub(super) const ALL: Self = Self { circuit: true, packet: true };
    /// As a subscriber is suspended.
    pub(super) const NONE: Self = Self { circuit: false, packet: false };

    /// The VTY's word.
    pub(super) fn word(self) -> &'static str {
        match (self.circuit, self.packet) {
            (true, true) => "cs+ps",
            (true, false) => "cs",
            (false, true) => "ps",
            (false, false) => "none",
        }
    }
}

/// Milenage keys, each 32 hex digits in small letters.
#[derive(Debug, Clone)]
pub(super) struct Keys {
    pub(super) ki: SecretString,
    pub(super) opc: SecretString,
}

impl PartialEq for Keys {
    fn eq(&self, other: &Self) -> bool {
        self.ki.expose_secret() == other.ki.expose_secret()
            && self.opc.expose_secret() == other.opc.expose_secret()
    }
}

impl Eq for Keys {}

/// A subscriber as a command wants it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Target {
    Absent,
    Present {
        msisdn: Option<Msisdn>,
        access: Access,
        /// `None` leaves those that it has.
        keys: Option<Keys>,
    },
}

impl Target {
    /// As it was found, to be brought about again.
    pub(super) fn restored(found: Option<&Subscriber>) -> Self {
        match found.cloned() {
            None => Self::Absent,
            Some(Subscriber { msisdn, access, keys, .. }) => Self::Present { msisdn, access, keys },
        }
    }

    /// What the HLR has otherwise, in words and without keys.
    pub(super) fn differences(&self, found: Option<&Subscriber>) -> Vec<String> {
        let (msisdn, access, keys, found) = match (self, found) {
            (Self::Absent, None) => return Vec::new(),
            (Self::Absent, Some(_)) => return vec!["it is there and should not be".to_owned()],
            (Self::Present { .. }, None) => return vec!["it is not there".to_owned()],
            (Self::Present { msisdn, access, keys }, Some(found)) => (msisdn, access, keys, found),
        };
        let number =
            |msisdn: &Option<Msisdn>| msisdn.as_ref().map_or("none", Msisdn::as_str).to_owned();
        let mut differences = Vec::new();
        if *msisdn != found.msisdn {
            let what = [number(&found.msisdn), number(msisdn)];
            differences.push(format!("number is {}, not {}", what[0], what[1]));
        }
        if *access != found.access {
            let what = [found.access.word(), access.word()];
            differences.push(format!("network access mode is {}, not {}", what[0], what[1]));
        }
        if keys.is_some() && *keys != found.keys {
            differences.push("keys differ".to_owned());
        }
        differences
    }
}

impl Subscriber {
    /// Reads the value of `info` or `info-all`: lines of a name, a tab and a value. The error holds nothing of it.
    pub(super) fn parse(value: &SecretString) -> Result<Self, String> {
        let text = value.expose_secret();
        let find = |name: &str| {
            let line = |line: &'_ str| -> Option<String> {
                let (found, value) = line.split_once('\t')?;
                (found == name).then(|| value.trim().to_owned())
            };
            text.lines().find_map(line).filter(|value| !value.is_empty())
        };
        let flag = |name| match find(name).as_deref() {
            Some("1") => Ok(true),
            Some("0") => Ok(false),
            _ => Err(format!("the HLR does not say whether {name} is on")),
        };
        let msisdn = find("msisdn").map(|msisdn| msisdn.parse()).transpose();
        let node = |name, purged| find(name).filter(|_| find(purged).as_deref() != Some("1"));
        Ok(Self {
            msisdn: msisdn
                .map_err(|error| format!("the HLR has a number that is none: {error}"))?,
            access: Access { circuit: flag("nam_cs")?, packet: flag("nam_ps")? },
            keys: match (find("aud3g.algo").as_deref(), find("aud3g.k"), find("aud3g.opc")) {
                (Some("MILENAGE"), Some(ki), Some(opc)) => {
                    let small = |key: String| SecretString::from(key.to_ascii_lowercase());
                    Some(Keys { ki: small(ki), opc: small(opc) })
                }
                _ => None,
            },
            sgsn: node("sgsn_number", "ms_purged_ps"),
            vlr: node("vlr_number", "ms_purged_cs"),
        })
    }

    /// Whether a serving node may have it.
    pub(super) fn is_registered(&self) -> bool {
        self.sgsn.is_some() || self.vlr.is_some()
    }

    /// The IMSI in the same value.
    pub(super) fn imsi(value: &SecretString) -> Option<Imsi> {
        let line = value.expose_secret().lines().find_map(|line| line.strip_prefix("imsi\t"))?;
        line.trim().parse().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const INFO: &str = "\nid\t1\nimsi\t901700000000011\nmsisdn\t4912345\nnam_cs\t1\nnam_ps\t0\n\
        vlr_number\tMSC-1\nsgsn_number\tSGSN-1\nms_purged_cs\t1\nms_purged_ps\t0\n\
        aud3g.algo\tMILENAGE\naud3g.k\t465B5CE8B199B49FAA5F0A2EE238A6BC\n\
        aud3g.opc\tcd63cb71954a9f4e48a5994e37a02baf\naud3g.ind_bitlen\t5\naud3g.sqn\t161\n";

    fn keys(ki: &str) -> Keys {
        Keys { ki: ki.into(), opc: "cd63cb71954a9f4e48a5994e37a02baf".into() }
    }

    #[test]
    fn what_the_hlr_says_is_read() {
        let info = INFO.into();
        let found = Subscriber::parse(&info).unwrap();
        assert_eq!(Subscriber::imsi(&info).unwrap().as_str(), "901700000000011");
        let expected = Subscriber {
            msisdn: Some("4912345".parse().unwrap()),
            access: Access { circuit: true, packet: false },
            keys: Some(keys("465b5ce8b199b49faa5f0a2ee238a6bc")),
            sgsn: Some("SGSN-1".to_owned()),
            vlr: None, // it has purged the subscriber
        };
        assert_eq!(found, expected);
        assert!(!format!("{found:?}").contains("465b"));
        let error = Subscriber::parse(&"\naud3g.k\t465b\nnam_cs\tx\n".into()).unwrap_err();
        assert!(error.contains("nam_cs") && !error.contains("465b"), "{error}");
    }

    #[test]
    fn differences_are_named_and_keys_are_not_shown() {
        let found = Subscriber::parse(&INFO.into()).unwrap();
        let target = Target::Present {
            msisdn: None,
            access: Access::ALL,
            keys: Some(keys("00000000000000000000000000000000")),
        };
        let differences = target.differences(Some(&found)).join(", ");
        let expected =
            "number is 4912345, not none, network access mode is cs, not cs+ps, keys differ";
        assert_eq!(differences, expected);
        assert_eq!(Target::restored(Some(&found)).differences(Some(&found)), [""; 0]);
        let without = Target::Present { msisdn: None, access: Access::NONE, keys: None };
        assert!(!without.differences(Some(&found)).iter().any(|what| what.contains("keys")));
    }
}
