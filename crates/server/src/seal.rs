//! Sealing of a SIM's secret keys (Ki, OPc) before they reach the database.
//!
//! XChaCha20-Poly1305 under a key from a file that is kept apart from the database. A sealed key is bound to its SIM
//! and to what it is, so that one cannot be put in another's place. Form: `v1.` + hex of nonce (24 bytes) and
//! ciphertext with tag (32 bytes).
//!
//! Invariant: neither the file's key nor a SIM's key appears in a log, an error or `Debug`.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

use anyhow::{Context, Result, bail};
use chacha20poly1305::aead::{Aead, Payload};
use chacha20poly1305::{KeyInit, XChaCha20Poly1305, XNonce};
use provisor_domain::Iccid;
use secrecy::{ExposeSecret, SecretBox, SecretString};

/// What a sealed text begins with: the way it was sealed.
const VERSION: &str = "v1.";
/// Bytes of the file's key, and of a nonce.
const KEY_BYTES: usize = 32;
const NONCE_BYTES: usize = 24;
/// Bytes of a Ki or OPc (3GPP TS 35.206: 128 bits).
const SIM_KEY_BYTES: usize = 16;
/// Permission bits that nobody but the owner may have.
const OTHERS: u32 = 0o077;

/// Which secret of a SIM.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SimKey {
    /// The subscriber key.
    Ki,
    /// The operator key, derived for this SIM.
    Opc,
}

/// Seals keys of SIMs.
pub(crate) struct Sealer(XChaCha20Poly1305);

impl std::fmt::Debug for Sealer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Sealer(..)")
    }
}

impl Sealer {
    /// With the key in `file`, which is made (readable by its owner only) when there is none.
    pub(crate) fn open(file: &Path) -> Result<Self> {
        let key = match make(file)? {
            Some(key) => key,
            None => read(file)?,
        };
        Ok(Self(XChaCha20Poly1305::new(key.expose_secret().into())))
    }

    /// Seals 32 hex digits. `None` when `hex` is something else.
    pub(crate) fn seal(&self, iccid: &Iccid, which: SimKey, hex: &str) -> Option<SecretString> {
        let plain: SecretBox<[u8; SIM_KEY_BYTES]> = from_hex(hex)?;
        let nonce: [u8; NONCE_BYTES] = rand::random();
        let aad = bound_to(iccid, which);
        let payload = Payload { msg: plain.expose_secret(), aad: aad.as_bytes() };
        let sealed = self.0.encrypt(XNonce::from_slice(&nonce), payload).ok()?;
        Some(format!("{VERSION}{}{}", to_hex(&nonce), to_hex(&sealed)).into())
    }
}

fn bound_to(iccid: &Iccid, which: SimKey) -> String {
    let which = match which {
        SimKey::Ki => "ki",
        SimKey::Opc => "opc",
    };
    format!("{iccid}/{which}")
}

/// A new key in a new file; `None` when the file is there already.
fn make(file: &Path) -> Result<Option<SecretBox<[u8; KEY_BYTES]>>> {
    let created = OpenOptions::new().write(true).create_new(true).mode(0o600).open(file);
    let mut handle = match created {
        Ok(handle) => handle,
        Err(error) if error.kind() == ErrorKind::AlreadyExists => return Ok(None),
        Err(error) => {
            return Err(error).with_context(|| {
                format!("cannot make the key file {} (setting sim_key_file)", file.display())
            });
        }
    };
    let key = SecretBox::new(Box::new(rand::random::<[u8; KEY_BYTES]>()));
    let text = SecretString::from(to_hex(key.expose_secret()));
    writeln!(handle, "{}", text.expose_secret())
        .and_then(|()| handle.sync_all())
        .with_context(|| format!("cannot write the key file {}", file.display()))?;
    Ok(Some(key))
}

fn read(file: &Path) -> Result<SecretBox<[u8; KEY_BYTES]>> {
    let about = || format!("cannot read the key file {}", file.display());
    let mode = std::fs::metadata(file).with_context(about)?.permissions().mode();
    if mode & OTHERS != 0 {
        bail!("the key file {0} may be read by others: run `chmod 600 {0}`", file.display());
    }
    let text = SecretString::from(std::fs::read_to_string(file).with_context(about)?);
    match from_hex(text.expose_secret().trim()) {
        Some(key) => Ok(key),
        None => bail!("the key file {} must hold 64 hex digits and nothing else", file.display()),
    }
}

fn to_hex(bytes: &[u8]) -> String {
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    digits.filter_map(|digit| char::from_digit(digit.into(), 16)).collect()
}

fn from_hex<const N: usize>(hex: &str) -> Option<SecretBox<[u8; N]>> {
    if hex.len() != 2 * N || !hex.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    let mut bytes = SecretBox::new(Box::new([0; N]));
    let out = secrecy::ExposeSecretMut::expose_secret_mut(&mut bytes);
    for (at, byte) in out.iter_mut().enumerate() {
        *byte = u8::from_str_radix(hex.get(2 * at..2 * at + 2)?, 16).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KI: &str = "465b5ce8b199b49faa5f0a2ee238a6bc";

    fn iccid() -> Iccid {
        "8910390000015161789".parse().unwrap()
    }

    fn unseal(sealer: &Sealer, iccid: &Iccid, which: SimKey, sealed: &str) -> Option<String> {
        let hex = sealed.strip_prefix(VERSION)?;
        let all: SecretBox<[u8; NONCE_BYTES + SIM_KEY_BYTES + 16]> = from_hex(hex)?;
        let (nonce, msg) = all.expose_secret().split_at(NONCE_BYTES);
        let aad = bound_to(iccid, which);
        let payload = Payload { msg, aad: aad.as_bytes() };
        sealer.0.decrypt(XNonce::from_slice(nonce), payload).ok().map(|plain| to_hex(&plain))
    }

    #[test]
    fn a_sealed_key_opens_only_with_the_file_for_its_sim_and_as_what_it_is() {
        let dir = tempfile::tempdir().unwrap();
        let sealer = Sealer::open(&dir.path().join("a.key")).unwrap();
        let sealed = sealer.seal(&iccid(), SimKey::Ki, KI).unwrap();
        let text = sealed.expose_secret();
        assert!(!text.contains(KI));
        assert_ne!(text, sealer.seal(&iccid(), SimKey::Ki, KI).unwrap().expose_secret());
        let again = Sealer::open(&dir.path().join("a.key")).unwrap();
        assert_eq!(unseal(&again, &iccid(), SimKey::Ki, text).as_deref(), Some(KI));
        assert_eq!(unseal(&again, &iccid(), SimKey::Opc, text), None);
        let other_sim = "8944110011462295831".parse().unwrap();
        assert_eq!(unseal(&again, &other_sim, SimKey::Ki, text), None);
        let other_key = Sealer::open(&dir.path().join("b.key")).unwrap();
        assert_eq!(unseal(&other_key, &iccid(), SimKey::Ki, text), None);
    }

    #[test]
    fn what_is_not_32_hex_digits_is_not_sealed() {
        let dir = tempfile::tempdir().unwrap();
        let sealer = Sealer::open(&dir.path().join("a.key")).unwrap();
        for wrong in ["", "465b", &format!("{KI}00"), &KI.replace('4', "g"), &"é".repeat(16)] {
            assert!(sealer.seal(&iccid(), SimKey::Ki, wrong).is_none(), "{wrong}");
        }
    }

    #[test]
    fn the_key_file_is_private_and_a_public_or_broken_one_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("a.key");
        Sealer::open(&file).unwrap();
        let mode = |file: &Path| std::fs::metadata(file).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&file), 0o600);
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o640)).unwrap();
        assert!(Sealer::open(&file).unwrap_err().to_string().contains("chmod 600"));
        let broken = dir.path().join("b.key");
        std::fs::write(&broken, "not hex\n").unwrap();
        std::fs::set_permissions(&broken, std::fs::Permissions::from_mode(0o600)).unwrap();
        assert!(Sealer::open(&broken).unwrap_err().to_string().contains("64 hex digits"));
    }
}
