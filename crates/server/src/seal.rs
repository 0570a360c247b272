//! Sealing of a SIM's secret keys (Ki, OPc) before they reach the database, and opening them for a driver whose network
//! is told them.
//!
//! XChaCha20-Poly1305 under a key from a file that is kept apart from the database. A sealed key is bound to its SIM
//! and to what it is, so that one cannot be put in another's place. Form: `v1.` + hex of nonce (24 bytes) and
//! ciphertext with tag (32 bytes).
//!
//! Invariant: neither the file's key nor a SIM's key appears in a log, an error or `Debug`.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use anyhow::{Context, Result, bail};
use chacha20poly1305::aead::{Aead, Payload};
use chacha20poly1305::{KeyInit, XChaCha20Poly1305, XNonce};
use provisor_domain::{Iccid, OpenKeys, PlainKeys, SealedKeys};
use secrecy::{ExposeSecret, SecretBox, SecretSlice, SecretString};

use crate::output::note;

/// What a sealed text begins with: the way it was sealed.
const VERSION: &str = "v1.";
/// Bytes of the file's key, and of a nonce.
const KEY_BYTES: usize = 32;
const NONCE_BYTES: usize = 24;
/// Bytes of a Ki or OPc (3GPP TS 35.206: 128 bits).
const SIM_KEY_BYTES: usize = 16;
/// Bytes that Poly1305 adds.
const TAG_BYTES: usize = 16;
/// How an operator brings keys and key file together.
const WHAT_TO_DO: &str = "put the file there that they were sealed with, or name it with sim_key_file (after `provisor copy` it \
     is the SQLite database's, provisor.db.key). Only where it is lost for good: --new-key seals with another one, and the keys \
     that are there are never opened again";
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
    /// With the key in `file`, which is made (readable by its owner only) when there is none. Says so: it must be backed up.
    pub(crate) fn open_or_make(file: &Path) -> Result<Self> {
        let key = match make(file)? {
            Some(key) => {
                note(format_args!("made the key file {}: back it up", file.display()));
                key
            }
            None => read(file)?,
        };
        Ok(Self::with(&key))
    }

    /// With the key in `file`, which must be the one that `keys` of the SIM `iccid` were sealed with. Never made anew: the
    /// database would have keys under two keys, and whoever has one file could not open all of them.
    pub(crate) fn open(file: &Path, (iccid, keys): (&Iccid, &SealedKeys)) -> Result<Self> {
        let shown = file.display();
        if !file.try_exists().unwrap_or(true) {
            bail!("the database has keys of SIMs, and there is no key file {shown}: {WHAT_TO_DO}");
        }
        let sealer = Self::with(&read(file)?);
        if sealer.unseal_all(iccid, keys).is_none() {
            bail!(
                "the database has keys of SIMs that were not sealed with the key in {shown}: {WHAT_TO_DO}"
            );
        }
        Ok(sealer)
    }

    fn with(key: &SecretBox<[u8; KEY_BYTES]>) -> Self {
        Self(XChaCha20Poly1305::new(key.expose_secret().into()))
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

    /// What was sealed, as 32 hex digits in small letters. `None` when it was sealed with another key, for another SIM or
    /// as something else, or is none of ours.
    fn unseal(&self, iccid: &Iccid, which: SimKey, sealed: &SecretString) -> Option<SecretString> {
        let hex = sealed.expose_secret().strip_prefix(VERSION)?;
        let all: SecretBox<[u8; NONCE_BYTES + SIM_KEY_BYTES + TAG_BYTES]> = from_hex(hex)?;
        let (nonce, msg) = all.expose_secret().split_at(NONCE_BYTES);
        let aad = bound_to(iccid, which);
        let payload = Payload { msg, aad: aad.as_bytes() };
        let plain = SecretSlice::from(self.0.decrypt(XNonce::from_slice(nonce), payload).ok()?);
        Some(to_hex(plain.expose_secret()).into())
    }

    /// All keys of a SIM, those that it has.
    fn unseal_all(&self, iccid: &Iccid, sealed: &SealedKeys) -> Option<PlainKeys> {
        let unsealed = |which, sealed: &Option<SecretString>| match sealed {
            None => Some(None),
            Some(sealed) => self.unseal(iccid, which, sealed).map(Some),
        };
        Some(PlainKeys {
            ki: unsealed(SimKey::Ki, &sealed.ki)?,
            opc: unsealed(SimKey::Opc, &sealed.opc)?,
        })
    }
}

/// The key file of a running server, for drivers. Read when a SIM's keys are first needed: most installations have none.
#[derive(Debug)]
pub(crate) struct KeyFile {
    path: PathBuf,
    sealer: OnceLock<Sealer>,
}

impl KeyFile {
    pub(crate) fn new(path: PathBuf) -> Self {
        Self { path, sealer: OnceLock::new() }
    }

    fn sealer(&self) -> Result<&Sealer, String> {
        if let Some(sealer) = self.sealer.get() {
            return Ok(sealer);
        }
        // Never made anew here: a new key would open nothing.
        let key = read(&self.path).map_err(|error| format!("{error:#}"))?;
        Ok(self.sealer.get_or_init(|| Sealer::with(&key)))
    }
}

impl OpenKeys for KeyFile {
    fn open(&self, iccid: &Iccid, sealed: &SealedKeys) -> Result<PlainKeys, String> {
        self.sealer()?.unseal_all(iccid, sealed).ok_or_else(|| {
            let file = self.path.display();
            format!("the keys of SIM {iccid} were not sealed with the key in {file}")
        })
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

    #[test]
    fn a_sealed_key_opens_only_with_the_file_for_its_sim_and_as_what_it_is() {
        let dir = tempfile::tempdir().unwrap();
        let sealer = Sealer::open_or_make(&dir.path().join("a.key")).unwrap();
        let sealed = sealer.seal(&iccid(), SimKey::Ki, KI).unwrap();
        assert!(!sealed.expose_secret().contains(KI));
        let twice = sealer.seal(&iccid(), SimKey::Ki, KI).unwrap();
        assert_ne!(sealed.expose_secret(), twice.expose_secret());

        let keys = SealedKeys { ki: Some(sealed.clone()), opc: None };
        let file = KeyFile::new(dir.path().join("a.key"));
        let opened = file.open(&iccid(), &keys).unwrap();
        assert_eq!(opened.ki.unwrap().expose_secret(), KI);
        assert!(opened.opc.is_none());
        let as_other = SealedKeys { ki: None, opc: Some(sealed) };
        assert!(file.open(&iccid(), &as_other).is_err());
        let other_sim = "8944110011462295831".parse().unwrap();
        assert!(file.open(&other_sim, &keys).is_err());
        Sealer::open_or_make(&dir.path().join("b.key")).unwrap();
        let other_key = KeyFile::new(dir.path().join("b.key"));
        let error = other_key.open(&iccid(), &keys).unwrap_err();
        assert!(error.contains("b.key") && !error.contains("v1."), "{error}");
    }

    #[test]
    fn a_key_file_that_is_not_there_is_not_made_by_opening_and_is_read_once_it_is() {
        let dir = tempfile::tempdir().unwrap();
        let file = KeyFile::new(dir.path().join("a.key"));
        let error = file.open(&iccid(), &SealedKeys::default()).unwrap_err();
        assert!(error.contains("cannot read the key file"), "{error}");
        assert!(!dir.path().join("a.key").exists());
        let sealer = Sealer::open_or_make(&dir.path().join("a.key")).unwrap();
        let keys = SealedKeys { ki: None, opc: sealer.seal(&iccid(), SimKey::Opc, KI) };
        assert_eq!(file.open(&iccid(), &keys).unwrap().opc.unwrap().expose_secret(), KI);
    }

    #[test]
    fn what_is_not_32_hex_digits_is_not_sealed() {
        let dir = tempfile::tempdir().unwrap();
        let sealer = Sealer::open_or_make(&dir.path().join("a.key")).unwrap();
        for wrong in ["", "465b", &format!("{KI}00"), &KI.replace('4', "g"), &"é".repeat(16)] {
            assert!(sealer.seal(&iccid(), SimKey::Ki, wrong).is_none(), "{wrong}");
        }
    }

    #[test]
    fn the_key_file_is_private_and_a_public_or_broken_one_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("a.key");
        Sealer::open_or_make(&file).unwrap();
        let mode = |file: &Path| std::fs::metadata(file).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&file), 0o600);
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o640)).unwrap();
        assert!(Sealer::open_or_make(&file).unwrap_err().to_string().contains("chmod 600"));
        let broken = dir.path().join("b.key");
        std::fs::write(&broken, "not hex\n").unwrap();
        std::fs::set_permissions(&broken, std::fs::Permissions::from_mode(0o600)).unwrap();
        assert!(Sealer::open_or_make(&broken).unwrap_err().to_string().contains("64 hex digits"));
    }
}
