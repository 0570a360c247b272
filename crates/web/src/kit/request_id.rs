//! Request ids: taken over from the caller where valid, else made here; given back with every answer and logged.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::http::{HeaderMap, HeaderName, HeaderValue};

/// The header that carries it, both ways.
pub(crate) const HEADER: HeaderName = HeaderName::from_static("x-request-id");
const BYTES_MAX: usize = 64;

/// A request's id: 1 to 64 visible ASCII characters.
#[derive(Debug, Clone)]
pub(crate) struct RequestId(HeaderValue);

impl RequestId {
    pub(crate) fn as_str(&self) -> &str {
        self.0.to_str().unwrap_or_default()
    }

    pub(crate) fn into_header(self) -> HeaderValue {
        self.0
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Makes ids: a random prefix of this boot and a counter. Unique, not secret, and as cheap as a counter.
#[derive(Debug)]
pub(crate) struct RequestIds {
    boot: String,
    next: AtomicU64,
}

impl RequestIds {
    pub(crate) fn new() -> Self {
        Self { boot: format!("{:016x}", rand::random::<u64>()), next: AtomicU64::new(1) }
    }

    /// The id of a request with these headers.
    pub(crate) fn of(&self, headers: &HeaderMap) -> RequestId {
        let sent = headers.get(HEADER).filter(|value| {
            let bytes = value.as_bytes();
            (1..=BYTES_MAX).contains(&bytes.len()) && bytes.iter().all(u8::is_ascii_graphic)
        });
        RequestId(sent.cloned().unwrap_or_else(|| self.make()))
    }

    fn make(&self) -> HeaderValue {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let text = format!("{}-{number}", self.boot);
        HeaderValue::try_from(text).unwrap_or_else(|_| HeaderValue::from_static("-"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_valid_id_is_kept_and_any_other_is_replaced() {
        let ids = RequestIds::new();
        let of = |sent: &[u8]| {
            let mut headers = HeaderMap::new();
            headers.insert(HEADER, HeaderValue::from_bytes(sent).unwrap());
            ids.of(&headers).to_string()
        };
        assert_eq!(of(b"trace/42"), "trace/42");
        assert_eq!(of(&[b'x'; 64]), "x".repeat(64));
        for bad in [&b""[..], b"a b", &[b'x'; 65], b"\xe4"] {
            assert_ne!(of(bad).as_bytes(), bad);
        }
        let (one, other) = (ids.of(&HeaderMap::new()), ids.of(&HeaderMap::new()));
        assert_ne!(one.as_str(), other.as_str());
        assert!(one.as_str().len() <= BYTES_MAX);
    }
}
