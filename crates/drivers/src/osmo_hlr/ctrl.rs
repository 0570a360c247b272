//! CTRL, Osmocom's control interface: `GET <id> <variable>` and `SET <id> <variable> <value>`, answered by `GET_REPLY`,
//! `SET_REPLY` or `ERROR` with the same id (OsmoHLR User Manual, "Control interface"). No login, no TLS.
//!
//! Values may hold keys of SIMs, so requests and replies cannot be printed, and what an `ERROR` says is only ever shown in
//! the words of [`in_words`].

use std::collections::VecDeque;
use std::io;

use secrecy::{ExposeSecret as _, SecretString};
use tokio::net::TcpStream;

use super::ipa;
use super::line::Wire;

/// A connection. Ids count up, so that an answer that does not belong is noticed.
#[derive(Debug)]
pub(super) struct Ctrl {
    next_id: u64,
    ids: VecDeque<u64>,
}

/// What is asked.
#[derive(Debug)]
pub(super) enum Request {
    /// The value of a variable.
    Get(String),
    /// To set a variable.
    Set(String, SecretString),
}

/// A value, or the text of an error.
#[derive(Debug)]
pub(super) enum Reply {
    Value(SecretString),
    Error(SecretString),
}

impl Wire for Ctrl {
    type Config = ();
    type Request = Request;
    type Reply = Reply;
    const NAME: &'static str = "CTRL";
    /// The HLR answers one after the other; more would only wait in its socket's buffer.
    const WINDOW: usize = 64;

    async fn open((): &(), _stream: &mut TcpStream) -> io::Result<Self> {
        Ok(Self { next_id: 1, ids: VecDeque::new() })
    }

    fn put(&mut self, request: &Request, out: &mut Vec<u8>) {
        let id = self.next_id;
        self.next_id += 1;
        self.ids.push_back(id);
        let text: SecretString = match request {
            Request::Get(variable) => format!("\0GET {id} {variable}").into(),
            Request::Set(variable, value) => {
                format!("\0SET {id} {variable} {}", value.expose_secret()).into()
            }
        };
        ipa::put(out, ipa::OSMO, text.expose_secret().as_bytes());
    }

    fn take(&mut self, buffer: &mut Vec<u8>, _out: &mut Vec<u8>) -> Result<Option<Reply>, String> {
        while let Some((stream, payload)) = ipa::take(buffer) {
            let Some((&ipa::OSMO_CTRL, text)) = payload.split_first() else { continue };
            if stream != ipa::OSMO {
                continue;
            }
            let text = std::str::from_utf8(text).map_err(|_| "an answer that is no text")?;
            let (word, rest) = text.split_once(' ').unwrap_or((text, ""));
            // News that nobody asked for.
            if word == "TRAP" {
                continue;
            }
            let (id, rest) = rest.split_once(' ').unwrap_or((rest, ""));
            if id.parse().ok() != self.ids.pop_front() {
                return Err("an answer to another request".to_owned());
            }
            let value = |rest: &str| rest.split_once(' ').map_or("", |(_, value)| value).into();
            return match word {
                "GET_REPLY" | "SET_REPLY" => Ok(Some(Reply::Value(value(rest)))),
                "ERROR" => Ok(Some(Reply::Error(rest.into()))),
                _ => Err("an answer of an unknown kind".to_owned()),
            };
        }
        Ok(None)
    }
}

/// The texts of errors that this driver knows (osmo-hlr 1.5 to 1.9). They hold nothing that was sent.
const TEXTS: [&str; 14] = [
    "No such subscriber.",
    "Subscriber already exists.",
    "Subscriber doesn't exist.",
    "Command not found",
    "Value failed verification.",
    "Invalid IMSI value.",
    "Invalid KI.",
    "Invalid OP/OPC.",
    "Unknown auth algorithm.",
    "Update aud3g failed.",
    "Update MSISDN failed",
    "An error has occurred.",
    "Creating subscriber failed.",
    "Cannot create subscriber.",
];

/// An error's text where it is a known one; else a text of ours, because nobody knows what an unknown one holds.
pub(super) fn in_words(text: &SecretString) -> &'static str {
    let text = text.expose_secret();
    let known = TEXTS.into_iter().find(|known| *known == text);
    known.unwrap_or("an error that this driver does not know")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ctrl() -> Ctrl {
        Ctrl { next_id: 1, ids: VecDeque::new() }
    }

    fn answer(ctrl: &mut Ctrl, text: &str) -> Result<Option<Reply>, String> {
        let mut buffer = Vec::new();
        ipa::put(&mut buffer, ipa::OSMO, format!("\0{text}").as_bytes());
        ctrl.take(&mut buffer, &mut Vec::new())
    }

    #[test]
    fn requests_have_the_bytes_of_the_manual_and_answers_belong_to_them() {
        let mut ctrl = ctrl();
        let mut out = Vec::new();
        let imsi = SecretString::from("901700000000011");
        ctrl.put(&Request::Set("subscriber.create".into(), imsi), &mut out);
        let mut expected = vec![0x00, 0x28, 0xee, 0x00];
        expected.extend_from_slice(b"SET 1 subscriber.create 901700000000011");
        assert_eq!(out, expected);
        ctrl.put(&Request::Get("subscriber.by-imsi-9.info".into()), &mut out);

        assert!(matches!(answer(&mut ctrl, "TRAP 0 some news"), Ok(None)));
        let Ok(Some(Reply::Value(id))) = answer(&mut ctrl, "SET_REPLY 1 subscriber.create 1")
        else {
            panic!("no value")
        };
        assert_eq!(id.expose_secret(), "1");
        let Ok(Some(Reply::Error(text))) = answer(&mut ctrl, "ERROR 2 No such subscriber.") else {
            panic!("no error")
        };
        assert_eq!(in_words(&text), "No such subscriber.");
        assert!(answer(&mut ctrl, "GET_REPLY 3 x y").is_err(), "nobody asked that");
    }

    #[test]
    fn an_answer_without_its_requests_id_ends_the_connection() {
        for text in ["ERROR err Command parser error.", "GET_REPLY 7 x y", "HELLO 1 x"] {
            let mut ctrl = ctrl();
            ctrl.put(&Request::Get("x".into()), &mut Vec::new());
            assert!(answer(&mut ctrl, text).is_err(), "{text}");
        }
    }

    #[test]
    fn what_an_unknown_error_says_is_not_shown() {
        let text = SecretString::from("bad value 465b5ce8b199b49faa5f0a2ee238a6bc");
        assert!(!in_words(&text).contains("465b"));
        let set = Request::Set("x".into(), text);
        assert!(!format!("{set:?}").contains("465b"));
    }
}
