//! Errors of this face, and how everything that can go wrong becomes one.

use std::borrow::Cow;

use axum::http::{HeaderName, HeaderValue, header};
use provisor_domain::Refusal;
use provisor_domain::portal::{PackMeasure, PortalRequest};

use super::preferences::Language;
use super::reply::NOT_STORED;
use super::words::Word;
use crate::kit::answer::{Answer, BUSY_RETRY_SECONDS, MAINTENANCE_RETRY_SECONDS, one_line};
use crate::kit::body::BodyError;
use crate::kit::exchange::{Trouble, Voice};

/// RFC 7617: what is asked for, and that names and passwords are UTF-8.
const CHALLENGE: HeaderValue =
    HeaderValue::from_static("Basic realm=\"Simple Portal\", charset=\"UTF-8\"");

/// An error on its way to the caller.
#[derive(Debug)]
pub(super) struct Complaint {
    word: Word,
    /// What is filled in. Never anything that the caller sent.
    about: Vec<String>,
    header: Option<(HeaderName, HeaderValue)>,
}

impl Complaint {
    /// With nothing to fill in, and the headers that belong to it.
    pub(super) fn of(word: Word) -> Self {
        let retry = |seconds: u64| Some((header::RETRY_AFTER, seconds.into()));
        let header = match word {
            Word::CredentialsNeeded | Word::CredentialsNeededBehindProxy | Word::SignInFailed => {
                Some((header::WWW_AUTHENTICATE, CHALLENGE))
            }
            Word::Maintenance => retry(MAINTENANCE_RETRY_SECONDS),
            Word::Busy => retry(BUSY_RETRY_SECONDS),
            _ => None,
        };
        Self { word, about: Vec::new(), header }
    }

    fn about(word: Word, about: &impl ToString) -> Self {
        Self { about: vec![about.to_string()], ..Self::of(word) }
    }

    /// Not by this method; `allowed` are those that do something.
    pub(super) fn no_method(allowed: HeaderValue) -> Self {
        Self { header: Some((header::ALLOW, allowed)), ..Self::of(Word::NoSuchMethod) }
    }

    /// A value that is none of this measure.
    pub(super) fn value(measure: PackMeasure) -> Self {
        Self::of(match measure {
            PackMeasure::Count => Word::CountInvalid,
            PackMeasure::Size => Word::SizeInvalid,
        })
    }

    /// A request that was taken and not carried out.
    pub(super) fn failed(request: &PortalRequest) -> Self {
        let reason = one_line(request.reason.as_deref().unwrap_or("-"));
        let about = vec![request.sequence.to_string(), reason];
        Self { about, ..Self::of(Word::RequestFailed) }
    }

    /// The error as the caller reads it.
    pub(super) fn answer(self, language: Language) -> Answer {
        let row = self.word.row();
        let mut line = filled(row.line(language), &self.about);
        line.push('\n');
        Answer {
            status: row.status,
            content_type: "text/plain; charset=utf-8",
            body: line.into(),
            headers: [NOT_STORED].into_iter().chain(self.header).collect(),
            outcome: row.outcome,
            code: row.code,
        }
    }
}

/// The line with one text after the other in its gaps.
fn filled(line: &str, about: &[String]) -> String {
    let mut pieces = line.split("{}");
    let first = pieces.next().unwrap_or_default();
    let fillings = about.iter().map(|text| Cow::Borrowed(text.as_str()));
    let rest = pieces.zip(fillings).flat_map(|(piece, about)| [about, Cow::Borrowed(piece)]);
    [Cow::Borrowed(first)].into_iter().chain(rest).collect()
}

impl From<Word> for Complaint {
    fn from(word: Word) -> Self {
        Self::of(word)
    }
}

impl From<Refusal> for Complaint {
    /// No `_`: a new refusal must not compile until this face has an answer for it.
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::SubjectBusy(_) => Self::of(Word::Dirty),
            Refusal::PortalCustomerNotFound => Self::of(Word::CustomerNotFound),
            Refusal::PackNotFound => Self::of(Word::PackNotFound),
            Refusal::PackNotActive => Self::of(Word::PackNotActive),
            Refusal::PackValueDiffers(value) => Self::about(Word::PackValueDiffers, &value),
            Refusal::MailboxesInUse(count) => Self::about(Word::MailboxesInUse, &count),
            Refusal::AddressTaken(_) => Self::of(Word::AddressTaken),
            Refusal::AddressImpossible => Self::of(Word::AddressImpossible),
            // Refusals about SIMs and services, and of the customer's own log-in: no function of this face can meet one.
            Refusal::BarNotPermitted(_)
            | Refusal::BoltonNotPermitted(_)
            | Refusal::ServiceNotPermitted
            | Refusal::ServiceNotActive
            | Refusal::ServiceNotFound
            | Refusal::TicketNotFound
            | Refusal::SimNotAvailable
            | Refusal::ContractNotFound
            | Refusal::TemplateNotFound
            | Refusal::ApnNotFound
            | Refusal::TariffNotFound
            | Refusal::TicketTypeUnknown
            | Refusal::FileMissing
            | Refusal::IdempotencyKeyReused => Self::of(Word::Internal),
        }
    }
}

impl From<BodyError> for Complaint {
    fn from(error: BodyError) -> Self {
        Self::of(match error {
            BodyError::TooLarge => Word::BodyTooLarge,
            BodyError::TooSlow | BodyError::Broken => Word::BodyBroken,
        })
    }
}

impl From<Trouble> for Complaint {
    fn from(trouble: Trouble) -> Self {
        match trouble {
            Trouble::Throttled { seconds } => {
                let header = Some((header::RETRY_AFTER, seconds.into()));
                Self { header, ..Self::of(Word::TooManyRequests) }
            }
            Trouble::Overloaded | Trouble::Deadline => Self::of(Word::Busy),
            Trouble::Panicked => Self::of(Word::Internal),
        }
    }
}

/// What this face says in `language` when it cannot act at all.
pub(super) fn voice(language: Language) -> Voice {
    match language {
        Language::English => |trouble| Complaint::from(trouble).answer(Language::English),
        Language::German => |trouble| Complaint::from(trouble).answer(Language::German),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(complaint: Complaint, language: Language) -> String {
        String::from_utf8(complaint.answer(language).body.to_vec()).unwrap()
    }

    #[test]
    fn gaps_are_filled_in_both_languages() {
        let request = PortalRequest {
            ticket: provisor_domain::TicketId::FIRST,
            sequence: 7,
            state: provisor_domain::portal::RequestState::Failed,
            reason: Some("the disk\nis {} full".into()),
        };
        let english = line(Complaint::failed(&request), Language::English);
        assert!(english.starts_with("Request 7 was not carried out: the disk is {} full; "));
        let german = line(Complaint::failed(&request), Language::German);
        assert!(german.starts_with(
            "Auftrag 7 wurde nicht ausgeführt; das System meldet: „the disk is {} full“. Es wird "
        ));
        let used = line(Refusal::MailboxesInUse(3).into(), Language::English);
        assert!(used.starts_with("The customer uses 3 mailboxes"));
        for word in Word::ALL {
            let gaps = word.row().line(Language::English).matches("{}").count();
            let about: Vec<String> = (0..gaps).map(|gap| gap.to_string()).collect();
            let complaint = Complaint { about, ..Complaint::of(*word) };
            let line = line(complaint, Language::German);
            assert!(!line.contains("{}") && line.ends_with(".\n"), "{line}");
        }
    }
}
