//! Errors as the wire has them, and how everything that can go wrong becomes one of them.

use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use provisor_domain::Refusal;
use provisor_domain::limits::BODY_BYTES_MAX;
use serde::Serialize;

use super::code::Code;
use crate::kit::answer::{Answer, BUSY_RETRY_SECONDS, MAINTENANCE_RETRY_SECONDS};
use crate::kit::body::BodyError;
use crate::kit::exchange::Trouble;

/// An error on its way to the caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct WireError {
    code: Code,
    /// What the message is about, where it says so.
    about: String,
    status: StatusCode,
    retry_seconds: Option<u64>,
}

/// The documented envelope. Of a refused bar the document shows other names for the same two members; it gets both.
#[derive(Serialize)]
struct Envelope<'a> {
    ok: bool,
    #[serde(rename = "errorCode")]
    error_code: &'a str,
    #[serde(rename = "errorMessage")]
    error_message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<&'a str>,
}

impl WireError {
    /// The error with this code.
    pub(super) fn of(code: Code) -> Self {
        Self::about(code, String::new())
    }

    /// The error with this code, about this.
    pub(super) fn about(code: Code, about: String) -> Self {
        Self { code, about, status: code.status(), retry_seconds: None }
    }

    /// A JSON object that is no valid request: what is wrong with it, and where. Never holds a value that was sent.
    pub(super) fn invalid(what: impl Into<String>) -> Self {
        Self::about(Code::RequestInvalid, what.into())
    }

    /// A body that is no JSON object at all.
    pub(super) fn not_an_object(what: impl Into<String>) -> Self {
        Self { status: StatusCode::BAD_REQUEST, ..Self::invalid(what) }
    }

    /// No method is called by this verb.
    pub(super) fn not_post() -> Self {
        Self { status: StatusCode::METHOD_NOT_ALLOWED, ..Self::of(Code::UnknownMethod) }
    }

    /// Maintenance mode is on.
    pub(super) fn maintenance() -> Self {
        Self { retry_seconds: Some(MAINTENANCE_RETRY_SECONDS), ..Self::of(Code::Maintenance) }
    }

    /// Too much to do.
    pub(super) fn busy() -> Self {
        Self { retry_seconds: Some(BUSY_RETRY_SECONDS), ..Self::of(Code::Maintenance) }
    }

    #[cfg(test)]
    pub(super) fn code(&self) -> Code {
        self.code
    }

    #[cfg(test)]
    pub(super) fn status(&self) -> StatusCode {
        self.status
    }

    /// The message as the caller reads it.
    pub(super) fn message(&self) -> String {
        let template = self.code.row().message;
        match template.split_once("{}") {
            Some((before, after)) => [before, &self.about, after].concat(),
            None => template.to_owned(),
        }
    }

    fn header(&self) -> Option<(HeaderName, HeaderValue)> {
        if self.status == StatusCode::METHOD_NOT_ALLOWED {
            return Some((header::ALLOW, HeaderValue::from_static("POST")));
        }
        self.retry_seconds.map(|seconds| (header::RETRY_AFTER, seconds.into()))
    }
}

impl From<WireError> for Answer {
    fn from(error: WireError) -> Self {
        let (number, message) = (error.code.row().number, error.message());
        let twice = error.code == Code::BarNotPermitted;
        let envelope = Envelope {
            ok: false,
            error_code: number,
            error_message: &message,
            code: twice.then_some(number),
            message: twice.then_some(&message),
        };
        Self {
            status: error.status,
            headers: error.header().into_iter().collect(),
            outcome: error.code.outcome(),
            code: number,
            ..Self::json(super::reply::json(&envelope))
        }
    }
}

impl From<Refusal> for WireError {
    /// No `_`: a new refusal must not compile until this face has an answer for it.
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::SubjectBusy(_) => Self::of(Code::ServiceLocked),
            Refusal::BarNotPermitted(bar) => Self::about(Code::BarNotPermitted, bar.into()),
            Refusal::BoltonNotPermitted(bolton) => {
                Self::about(Code::BoltonNotPermitted, bolton.into())
            }
            Refusal::ServiceNotPermitted => Self::of(Code::ServiceNotPermitted),
            Refusal::ServiceNotActive => Self::of(Code::ServiceNotActive),
            Refusal::ServiceNotFound => Self::of(Code::ServiceNotFound),
            Refusal::TicketNotFound => Self::of(Code::TicketNotFound),
            Refusal::SimNotAvailable => Self::of(Code::SimNotAvailable),
            Refusal::ContractNotFound => Self::of(Code::ContractNotFound),
            Refusal::TemplateNotFound => Self::of(Code::TemplateNotFound),
            Refusal::ApnNotFound => Self::of(Code::ApnNotFound),
            Refusal::TariffNotFound => Self::of(Code::TariffNotFound),
            Refusal::TicketTypeUnknown => Self::of(Code::TicketTypeInvalid),
            Refusal::FileMissing => Self::of(Code::FileMissing),
            Refusal::IdempotencyKeyReused => Self::of(Code::KeyReused),
            // Refusals about portal customers: no method of this face can meet one.
            Refusal::PortalCustomerNotFound
            | Refusal::PackNotFound
            | Refusal::PackNotActive
            | Refusal::PackValueDiffers(_)
            | Refusal::MailboxesInUse(_)
            | Refusal::AddressTaken(_)
            | Refusal::AddressImpossible => Self::of(Code::Internal),
        }
    }
}

impl From<BodyError> for WireError {
    fn from(error: BodyError) -> Self {
        match error {
            BodyError::TooLarge => Self {
                status: StatusCode::PAYLOAD_TOO_LARGE,
                ..Self::invalid(format!("the body is larger than {BODY_BYTES_MAX} bytes."))
            },
            BodyError::TooSlow => Self::not_an_object("the body did not arrive in time."),
            BodyError::Broken => Self::not_an_object("the body broke off."),
        }
    }
}

/// What this face says when it cannot act at all.
pub(super) fn voice(trouble: Trouble) -> Answer {
    match trouble {
        Trouble::Throttled { seconds } => {
            WireError { retry_seconds: Some(seconds), ..WireError::of(Code::TooManyRequests) }
        }
        Trouble::Overloaded | Trouble::Deadline => WireError::busy(),
        Trouble::Panicked => WireError::of(Code::Internal),
    }
    .into()
}
