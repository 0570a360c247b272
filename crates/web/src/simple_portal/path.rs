//! The paths of this face: `/[<tenant>/]<apiDescription>/<package>/<ParCustId>/<function>[/…]`, read into types.
//!
//! Invariants: reading never panics; a segment is percent-decoded once, and only afterwards looked at; the HASH leaves
//! this file as [`Md5Hex`] or not at all, and what cannot be shown in a log is replaced by [`Function::template`].

use std::borrow::Cow;

use axum::http::Uri;
use provisor_domain::portal::Md5Hex;
use provisor_domain::{Malformed, ParCustId};

/// `apiDescription`, in any case of letters: the document itself writes it in two.
const API_DESCRIPTION: &str = "ccsimplemailapi";
/// Most segments of a path: a tenant, the description, and the longest function.
const SEGMENTS_MAX: usize = 7;

/// A function of the Simple Portal document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Function {
    /// Shows whether a customer is there and may log in.
    AccessStatus,
    /// Creates a customer, or resets its password.
    AccessEnable,
    /// Ends a customer's log-in.
    AccessDisable,
    /// Shows a customer's packs.
    PackList,
    /// Gives a customer a pack, or another value of it.
    PackEnable,
    /// Ends a pack.
    PackDisable,
    /// Shows a customer's mailboxes.
    MailList,
}

impl Function {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::AccessStatus,
        Self::AccessEnable,
        Self::AccessDisable,
        Self::PackList,
        Self::PackEnable,
        Self::PackDisable,
        Self::MailList,
    ];

    /// Its name in figures and logs: package and function.
    pub fn name(self) -> &'static str {
        match self {
            Self::AccessStatus => "access/status",
            Self::AccessEnable => "access/enable",
            Self::AccessDisable => "access/disable",
            Self::PackList => "pack/list",
            Self::PackEnable => "pack/enable",
            Self::PackDisable => "pack/disable",
            Self::MailList => "mail/list",
        }
    }

    /// Its path with names in place of what was sent.
    pub fn template(self) -> &'static str {
        match self {
            Self::AccessStatus => "/ccsimplemailapi/access/ParCustId/status",
            Self::AccessEnable => "/ccsimplemailapi/access/ParCustId/enable/HASH",
            Self::AccessDisable => "/ccsimplemailapi/access/ParCustId/disable",
            Self::PackList => "/ccsimplemailapi/pack/ParCustId/list",
            Self::PackEnable => "/ccsimplemailapi/pack/ParCustId/enable/PACK/VALUE",
            Self::PackDisable => "/ccsimplemailapi/pack/ParCustId/disable/PACK/VALUE",
            Self::MailList => "/ccsimplemailapi/mail/ParCustId/list",
        }
    }

    /// Whether it changes anything: such a function raises a ticket and needs more than a read-only credential.
    pub fn changes(self) -> bool {
        match self {
            Self::AccessStatus | Self::PackList | Self::MailList => false,
            Self::AccessEnable | Self::AccessDisable | Self::PackEnable | Self::PackDisable => true,
        }
    }
}

/// A path of a known shape. What is in it may still be wrong: that is told only to those who may call.
#[derive(Debug)]
pub(super) struct Path {
    /// The tenant's segment, where there is one.
    pub(super) tenant: Option<String>,
    /// The ParCustId.
    pub(super) customer: Result<ParCustId, Malformed>,
    /// What is asked.
    pub(super) ask: Ask,
}

/// A function with what it is given.
#[derive(Debug)]
pub(super) enum Ask {
    Status,
    Enable(Result<Md5Hex, Malformed>),
    Disable,
    Packs,
    PackEnable(PackText),
    PackDisable(PackText),
    Mailboxes,
}

/// A pack and its value as they were sent.
#[derive(Debug)]
pub(super) struct PackText {
    pub(super) pack: String,
    pub(super) value: String,
}

impl Ask {
    pub(super) fn function(&self) -> Function {
        match self {
            Self::Status => Function::AccessStatus,
            Self::Enable(_) => Function::AccessEnable,
            Self::Disable => Function::AccessDisable,
            Self::Packs => Function::PackList,
            Self::PackEnable(_) => Function::PackEnable,
            Self::PackDisable(_) => Function::PackDisable,
            Self::Mailboxes => Function::MailList,
        }
    }
}

/// A path for this face, read.
#[derive(Debug)]
pub(super) enum Reading {
    /// Of a known shape.
    Known(Path),
    /// It names this face, and nothing that is there.
    Unknown,
}

impl Reading {
    /// What a log may know of the path.
    pub(super) fn redacted(&self) -> Uri {
        Uri::from_static(match self {
            Self::Known(path) => path.ask.function().template(),
            Self::Unknown => "/ccsimplemailapi",
        })
    }
}

/// Reads a path as it was sent; `None` when it is none of this face's: neither its first nor its second segment is the
/// `apiDescription`.
pub(super) fn read(path: &str) -> Option<Reading> {
    let rest = path.strip_prefix('/').unwrap_or(path);
    let ours = |segment: &str| decoded(segment).is_some_and(|s| is_api_description(&s));
    let named = rest.split('/').take(2).position(ours)?;
    let segments = rest.strip_suffix('/').unwrap_or(rest);
    Some(shape(segments, named).map_or(Reading::Unknown, Reading::Known))
}

/// The path whose `apiDescription` is the segment `named`.
fn shape(path: &str, named: usize) -> Option<Path> {
    let segments = path.split('/').take(SEGMENTS_MAX + 1);
    let segments: Vec<Cow<'_, str>> = segments.map(decoded).collect::<Option<_>>()?;
    if segments.iter().any(|segment| segment.is_empty()) {
        return None;
    }
    let (before, call) = segments.split_at_checked(named)?;
    let call: Vec<&str> = call.iter().map(AsRef::as_ref).collect();
    let pack = |pack: &str, value: &str| PackText { pack: pack.into(), value: value.into() };
    let (id, ask) = match call[..] {
        [_, "access", id, "status"] => (id, Ask::Status),
        [_, "access", id, "enable", hash] => (id, Ask::Enable(hash.parse())),
        [_, "access", id, "disable"] => (id, Ask::Disable),
        [_, "pack" | "packs", id, "list"] => (id, Ask::Packs),
        [_, "pack" | "packs", id, "enable", name, value] => {
            (id, Ask::PackEnable(pack(name, value)))
        }
        [_, "pack" | "packs", id, "disable", name, value] => {
            (id, Ask::PackDisable(pack(name, value)))
        }
        [_, "mail", id, "list"] => (id, Ask::Mailboxes),
        _ => return None,
    };
    Some(Path { tenant: before.first().map(ToString::to_string), customer: id.parse(), ask })
}

fn is_api_description(segment: &str) -> bool {
    segment.eq_ignore_ascii_case(API_DESCRIPTION)
}

/// A segment with its `%XX` undone, once. `None` when one is incomplete, or when what comes out is not UTF-8.
fn decoded(segment: &str) -> Option<Cow<'_, str>> {
    if !segment.contains('%') {
        return Some(Cow::Borrowed(segment));
    }
    let mut pieces = segment.split('%');
    let mut bytes = pieces.next()?.as_bytes().to_vec();
    for piece in pieces {
        let (digits, rest) = piece.as_bytes().split_at_checked(2)?;
        let digit = |at: usize| char::from(digits[at]).to_digit(16);
        bytes.push(u8::try_from(digit(0)? * 16 + digit(1)?).ok()?);
        bytes.extend_from_slice(rest);
    }
    String::from_utf8(bytes).ok().map(Cow::Owned)
}

/// For fuzzing: reads `path`, and asserts that what was read, written out again, is read as the same.
///
/// # Panics
/// When reading has a fault: on no input otherwise.
pub fn fuzz_path(path: &str) {
    let Some(reading) = read(path) else { return };
    let Reading::Known(known) = reading else { return };
    let Some(written) = written(&known) else { return };
    match read(&written) {
        Some(Reading::Known(again)) => {
            assert_eq!(self::written(&again).as_ref(), Some(&written), "another path");
            assert_eq!(again.ask.function(), known.ask.function(), "another function");
        }
        other => assert!(matches!(other, Some(Reading::Known(_))), "it is not read again"),
    }
}

/// The path in one of its spellings; `None` where something in it cannot be read.
fn written(path: &Path) -> Option<String> {
    let tenant = path.tenant.iter().map(|tenant| encoded(tenant));
    let customer = path.customer.as_ref().ok()?.as_str();
    let (package, function) = path.ask.function().name().split_once('/')?;
    let call = [API_DESCRIPTION, package, customer, function].map(str::to_owned);
    let given = match &path.ask {
        Ask::Enable(hash) => vec![hash.as_ref().ok()?.expose().to_owned()],
        Ask::PackEnable(text) | Ask::PackDisable(text) => {
            vec![encoded(&text.pack), encoded(&text.value)]
        }
        Ask::Status | Ask::Disable | Ask::Packs | Ask::Mailboxes => Vec::new(),
    };
    // Every segment has a slash before it: the first one's comes from the empty one.
    let segments: Vec<String> =
        std::iter::once(String::new()).chain(tenant).chain(call).chain(given).collect();
    Some(segments.join("/"))
}

fn encoded(text: &str) -> String {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._~".contains(byte);
    let shown = |byte: u8| match byte {
        byte if plain(&byte) => char::from(byte).to_string(),
        byte => format!("%{byte:02X}"),
    };
    text.bytes().map(shown).collect()
}

#[cfg(test)]
#[path = "path_tests.rs"]
mod tests;
