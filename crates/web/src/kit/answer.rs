//! What a face answers, before it becomes HTTP.

use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use bytes::Bytes;

/// After how many seconds a caller is asked to come back when maintenance mode is on.
pub(crate) const MAINTENANCE_RETRY_SECONDS: u64 = 30;
/// After how many seconds a caller is asked to come back when there was too much to do.
pub(crate) const BUSY_RETRY_SECONDS: u64 = 1;

/// The classes of answers that figures tell apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// What was asked for.
    Ok,
    /// Refused by a rule: not found, not granted, locked, not active.
    Refused,
    /// The request was incomplete or malformed.
    Invalid,
    /// Nobody was signed in.
    SignInFailed,
    /// No such path, or not by this verb.
    NoRoute,
    /// Over the rate limit.
    Throttled,
    /// Not now: maintenance, overload, a deadline.
    Unavailable,
    /// Our fault.
    Fault,
}

impl Outcome {
    /// All of them, in the order of their declaration.
    pub(crate) const ALL: [Self; 8] = [
        Self::Ok,
        Self::Refused,
        Self::Invalid,
        Self::SignInFailed,
        Self::NoRoute,
        Self::Throttled,
        Self::Unavailable,
        Self::Fault,
    ];

    /// The word in figures.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Refused => "refused",
            Self::Invalid => "invalid",
            Self::SignInFailed => "sign_in_failed",
            Self::NoRoute => "no_route",
            Self::Throttled => "throttled",
            Self::Unavailable => "unavailable",
            Self::Fault => "fault",
        }
    }
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) content_type: &'static str,
    pub(crate) body: Bytes,
    /// Further headers, where the answer needs some.
    pub(crate) headers: Vec<(HeaderName, HeaderValue)>,
    pub(crate) outcome: Outcome,
    /// The face's own word for the outcome, for logs.
    pub(crate) code: &'static str,
}

impl Answer {
    /// A JSON text that is what was asked for.
    pub(crate) fn json(body: Vec<u8>) -> Self {
        Self {
            status: StatusCode::OK,
            content_type: "application/json",
            body: body.into(),
            headers: Vec::new(),
            outcome: Outcome::Ok,
            code: "ok",
        }
    }

    /// A page for people.
    pub(crate) fn html(body: Bytes) -> Self {
        // The page carries its style in it and needs nothing else from anywhere.
        let policy = HeaderValue::from_static("default-src 'none'; style-src 'unsafe-inline'");
        Self {
            content_type: "text/html; charset=utf-8",
            body,
            headers: vec![(header::CONTENT_SECURITY_POLICY, policy)],
            ..Self::json(Vec::new())
        }
    }

    /// The same with one more header.
    pub(crate) fn with(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }
}

/// A text of whatever origin as one line.
pub(crate) fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}
