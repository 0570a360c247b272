//! API credentials: long random words that stand in for a password and can be revoked one by one.
//!
//! Form: `pvk_` + 27 base-62 characters (160 random bits) + 6 base-62 characters of checksum. The prefix lets leak
//! scanners find them, the checksum tells a mistyped one from a wrong one without asking the database. The store
//! keeps only a keyed BLAKE3 digest: with 160 random bits nothing slower is needed.

use secrecy::{ExposeSecret, SecretString};

const PREFIX: &str = "pvk_";
const RANDOM_CHARS: usize = 27;
const CHECK_CHARS: usize = 6;
const LABEL_CHARS: usize = PREFIX.len() + 4;
const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// A credential whose form and checksum are right.
#[derive(Debug, Clone)]
pub struct Credential(SecretString);

/// What the store keeps of a credential.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CredentialDigest(pub [u8; 32]);

impl Credential {
    /// A new one, from the operating system's random numbers.
    pub fn generate() -> Self {
        let mut text = String::from(PREFIX);
        while text.len() < PREFIX.len() + RANDOM_CHARS {
            let byte: u8 = rand::random();
            // 248 is the greatest multiple of 62 in a byte: the rest is thrown away so that all letters are as likely.
            if byte < 248 {
                text.push(char::from(ALPHABET[usize::from(byte % 62)]));
            }
        }
        let check = checksum(&text);
        text.push_str(&check);
        Self(text.into())
    }

    /// `raw` as a credential, when it has the form and the checksum of one.
    pub fn parse(raw: &SecretString) -> Option<Self> {
        let text = raw.expose_secret();
        let fits = text.starts_with(PREFIX)
            && text.len() == PREFIX.len() + RANDOM_CHARS + CHECK_CHARS
            && text.bytes().skip(PREFIX.len()).all(|b| b.is_ascii_alphanumeric());
        let (body, check) = text.split_at_checked(text.len().checked_sub(CHECK_CHARS)?)?;
        (fits && checksum(body) == check).then(|| Self(raw.clone()))
    }

    /// The whole credential, to be shown once.
    pub fn reveal(&self) -> &str {
        self.0.expose_secret()
    }

    /// Its first characters, by which people tell credentials apart. Not enough to guess the rest.
    pub fn label(&self) -> &str {
        self.0.expose_secret().get(..LABEL_CHARS).unwrap_or_default()
    }

    /// What the store keeps.
    pub fn digest(&self, installation_key: &[u8; 32]) -> CredentialDigest {
        let hash = blake3::keyed_hash(installation_key, self.0.expose_secret().as_bytes());
        CredentialDigest(*hash.as_bytes())
    }
}

/// Six characters that depend on every character of `body`. Not secret, not keyed: it only finds typing errors.
fn checksum(body: &str) -> String {
    let hash = blake3::hash(body.as_bytes());
    let chars = hash.as_bytes().iter().take(CHECK_CHARS);
    chars.map(|byte| char::from(ALPHABET[usize::from(byte % 62)])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_generated_credential_parses_and_a_mistyped_one_does_not() {
        let credential = Credential::generate();
        let text = credential.reveal().to_owned();
        assert!(Credential::parse(&text.clone().into()).is_some());
        for place in 0..text.len() {
            let mut wrong = text.clone().into_bytes();
            wrong[place] = if wrong[place] == b'x' { b'y' } else { b'x' };
            let wrong = String::from_utf8(wrong).unwrap();
            assert!(Credential::parse(&wrong.into()).is_none(), "place {place}");
        }
        assert!(Credential::parse(&"pvk_".into()).is_none());
        assert!(Credential::parse(&"pvk_\u{e9}".into()).is_none());
    }

    #[test]
    fn two_credentials_differ_and_debug_shows_neither() {
        let (one, other) = (Credential::generate(), Credential::generate());
        assert_ne!(one.digest(&[1; 32]), other.digest(&[1; 32]));
        assert_ne!(one.digest(&[1; 32]), one.digest(&[2; 32]));
        assert!(!format!("{one:?}").contains(one.reveal()));
    }
}
