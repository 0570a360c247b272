//! `raiseTicket`: a support case that people read (contract, section 1.4).

use base64ct::{Base64, Encoding};
use provisor_domain::limits::{SUPPORT_FILE_BYTES_MAX, SUPPORT_MESSAGE_CHARS_MAX};
use provisor_domain::support_case::SupportFile;
use provisor_engine::{Call, Engine, Error, SupportOrder};

use super::code::Code;
use super::error::WireError;
use super::lookup::{self, ServiceMember};
use super::members::Members;
use super::reply::Reply;

/// Longest name of a file in characters.
const FILE_NAME_CHARS_MAX: usize = 255;

pub(super) struct SupportRequest<'b> {
    ticket_type: Option<&'b str>,
    message: Option<&'b str>,
    file: File,
    service: Option<ServiceMember<'b>>,
}

enum File {
    None,
    /// One of name and content is missing.
    Half,
    Whole(SupportFile),
}

impl<'b> SupportRequest<'b> {
    pub(super) fn read(body: Members<'b>) -> Result<Self, WireError> {
        let message = body.text("message")?;
        if message.is_some_and(|text| text.chars().count() > SUPPORT_MESSAGE_CHARS_MAX) {
            let most = format!("at most {SUPPORT_MESSAGE_CHARS_MAX} characters long");
            return Err(body.must_be("message", &most));
        }
        Ok(Self {
            ticket_type: body.identifier("ticketType")?,
            message,
            file: file(body)?,
            service: ServiceMember::read(body)?,
        })
    }

    pub(super) fn order(self) -> Result<SupportOrder, WireError> {
        let ticket_type = self.ticket_type.ok_or_else(|| WireError::of(Code::TicketTypeMissing))?;
        let message = self.message.ok_or_else(|| WireError::of(Code::MessageMissing))?;
        let file = match self.file {
            File::None => None,
            File::Half => return Err(WireError::of(Code::FileMissing)),
            File::Whole(file) => Some(file),
        };
        Ok(SupportOrder {
            ticket_type: lookup::code(ticket_type, Code::TicketTypeInvalid)?,
            message: message.to_owned(),
            file,
            service: self.service.map(ServiceMember::selector).transpose()?,
        })
    }
}

fn file(body: Members<'_>) -> Result<File, WireError> {
    let Some(file) = body.object("file")? else { return Ok(File::None) };
    match (file.text("name")?, file.text("content")?) {
        (None, None) => Ok(File::None),
        (Some(name), Some(content)) => {
            if name.chars().count() > FILE_NAME_CHARS_MAX || name.chars().any(char::is_control) {
                let rule =
                    format!("1 to {FILE_NAME_CHARS_MAX} characters without control characters");
                return Err(file.must_be("name", &rule));
            }
            let content =
                Base64::decode_vec(content).map_err(|_| file.must_be("content", "base64"))?;
            if content.len() > SUPPORT_FILE_BYTES_MAX {
                let most = format!("at most {SUPPORT_FILE_BYTES_MAX} bytes");
                return Err(file.must_be("content", &most));
            }
            Ok(File::Whole(SupportFile { name: name.to_owned(), content }))
        }
        (None, Some(_)) | (Some(_), None) => Ok(File::Half),
    }
}

pub(super) async fn answer(
    engine: &Engine,
    call: &Call,
    order: SupportOrder,
) -> Result<Reply, Error> {
    Ok(Reply::raised(engine.raise_support_case(call, order).await?))
}
