//! The `Idempotency-Key` header, and what makes two requests the same.

use axum::http::{HeaderMap, HeaderName};
use provisor_domain::limits::IDEMPOTENCY_KEY_BYTES_MAX;

use super::error::WireError;
use super::json::{Json, Member};
use super::members::Members;
use super::method::Method;

const HEADER: HeaderName = HeaderName::from_static("idempotency-key");

/// The key, if `method` takes one and one was sent.
pub(super) fn key(method: Method, headers: &HeaderMap) -> Result<Option<&str>, WireError> {
    if !method.raises_ticket() {
        return Ok(None);
    }
    let mut sent = headers.get_all(HEADER).iter();
    let Some(value) = sent.next() else { return Ok(None) };
    let bytes = value.as_bytes();
    let fits = (1..=IDEMPOTENCY_KEY_BYTES_MAX).contains(&bytes.len())
        && bytes.iter().all(u8::is_ascii_graphic)
        && sent.next().is_none();
    let key = value.to_str().ok().filter(|_| fits);
    key.map(Some).ok_or_else(|| {
        let rule = format!("1 to {IDEMPOTENCY_KEY_BYTES_MAX} visible ASCII characters");
        WireError::invalid(format!("the Idempotency-Key must be one of {rule}."))
    })
}

/// A digest of the method and of all members of the body but `user`: neither the credential nor spacing, escapes or
/// the order of members makes another request.
pub(super) fn fingerprint(method: Method, body: Members<'_>) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new();
    text(&mut hasher, method.name());
    let members = body.list().iter().filter(|member| member.name != "user");
    object(&mut hasher, members.collect());
    *hasher.finalize().as_bytes()
}

// Every value begins with a letter for its type and, where it has parts, their number: no two differ only by where
// one part ends and the next begins.
fn value(hasher: &mut blake3::Hasher, json: &Json<'_>) {
    match json {
        Json::Null => {
            hasher.update(b"n");
        }
        Json::Bool(yes) => {
            hasher.update(if *yes { b"t" } else { b"f" });
        }
        Json::Number(digits) => {
            hasher.update(b"d");
            text(hasher, digits);
        }
        Json::Text(content) => {
            hasher.update(b"s");
            text(hasher, content);
        }
        Json::Array(elements) => {
            hasher.update(b"a");
            count(hasher, elements.len());
            for element in elements {
                value(hasher, element);
            }
        }
        Json::Object(members) => object(hasher, members.iter().collect()),
    }
}

fn object(hasher: &mut blake3::Hasher, mut members: Vec<&Member<'_>>) {
    members.sort_unstable_by(|one, other| one.name.cmp(&other.name));
    hasher.update(b"o");
    count(hasher, members.len());
    for member in members {
        text(hasher, &member.name);
        value(hasher, &member.value);
    }
}

fn text(hasher: &mut blake3::Hasher, text: &str) {
    count(hasher, text.len());
    hasher.update(text.as_bytes());
}

fn count(hasher: &mut blake3::Hasher, count: usize) {
    hasher.update(&u64::try_from(count).unwrap_or(u64::MAX).to_le_bytes());
}
