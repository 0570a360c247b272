//! Dovecot's doveadm over HTTP (2.3): ends open sessions.
//!
//! A connection a request, as Dovecot closes each; a request has several commands, and Dovecot starts a process for each
//! request. No TLS: [`Doveadm::address`] is one of this machine.

use std::fmt::Display;
use std::time::Duration;

use base64ct::{Base64, Encoding as _};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Bytes;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST, HeaderValue};
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use secrecy::{ExposeSecret as _, SecretSlice, SecretString};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::sessions::Kick;
use super::settings::Doveadm;

/// How long all of a command's sessions may take to end, waiting for a turn included.
const DEADLINE: Duration = Duration::from_secs(1);
/// Most requests at once: each is a process on Dovecot's side.
const REQUESTS_AT_ONCE: usize = 8;
/// Most users in one request. What a request has ended is known even if the next one fails.
const USERS_PER_REQUEST: usize = 50;
/// Longest answer, in bytes.
const ANSWER_BYTES_MAX: usize = 1_024 * 1_024;
/// What Dovecot answers when the user has no open session (`DOVEADM_EX_NOTFOUND`).
const NOBODY: i64 = 68;

/// Ends open sessions.
#[derive(Debug)]
pub(super) struct Kicker {
    doveadm: Doveadm,
    turns: Semaphore,
}

impl Kicker {
    pub(super) fn new(doveadm: Doveadm) -> Self {
        Self { doveadm, turns: Semaphore::new(REQUESTS_AT_ONCE) }
    }

    /// Ends all open sessions of these users. Answers which entries are settled, and why the others are not.
    pub(super) async fn kick(&self, to_kick: &[Kick]) -> (Vec<i64>, Option<String>) {
        let mut ended = Vec::new();
        let all = async {
            let _turn = self.turns.acquire().await;
            for some in to_kick.chunks(USERS_PER_REQUEST) {
                self.request(some).await?;
                ended.extend(some.iter().map(|kick| kick.id));
            }
            Ok(())
        };
        let failed = match timeout(DEADLINE, all).await {
            Ok(Ok(())) => None,
            Ok(Err(error)) => Some(error),
            Err(_) => Some(self.failed(format_args!("no answer within {DEADLINE:?}"))),
        };
        (ended, failed)
    }

    async fn request(&self, some: &[Kick]) -> Result<(), String> {
        let commands: Vec<Value> = some
            .iter()
            .map(|Kick { user, .. }| json!(["kick", { "mask": [user] }, user]))
            .collect();
        let request = Request::post(&self.doveadm.path)
            .header(HOST, self.doveadm.address.to_string())
            .header(AUTHORIZATION, self.authorization()?)
            .header(CONTENT_TYPE, "application/json")
            .body(Full::new(Bytes::from(Value::from(commands).to_string())))
            .map_err(|error| self.failed(error))?;
        let (status, body) = self.exchange(request).await?;
        if status == StatusCode::UNAUTHORIZED {
            return Err(self.failed(format_args!(
                "it does not take the key in {}: Dovecot needs doveadm_api_key = <{0}",
                self.doveadm.key_file.display()
            )));
        }
        if status != StatusCode::OK {
            return Err(self.failed(format_args!("HTTP status {status}")));
        }
        self.all_ended(some, &body)
    }

    async fn exchange(&self, request: Request<Full<Bytes>>) -> Result<(StatusCode, Bytes), String> {
        let stream = TcpStream::connect(self.doveadm.address).await;
        let stream = stream.map_err(|error| self.failed(error))?;
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
            .await
            .map_err(|error| self.failed(error))?;
        let exchange = async move {
            let answer = sender.send_request(request).await.map_err(|error| self.failed(error))?;
            let (head, body) = answer.into_parts();
            let body = Limited::new(body, ANSWER_BYTES_MAX).collect().await;
            Ok((head.status, body.map_err(|error| self.failed(error))?.to_bytes()))
        };
        // The connection is this request's only: what ends it is told by the request, too.
        let (answer, _) = futures_util::join!(exchange, connection);
        answer
    }

    /// The key is read each time: it may be changed while the server runs.
    fn authorization(&self) -> Result<HeaderValue, String> {
        let file = &self.doveadm.key_file;
        let unusable = |error: &dyn Display| format!("the key in {}: {error}", file.display());
        let key = std::fs::read(file).map_err(|error| unusable(&error))?;
        let key = SecretSlice::from(key);
        if key.expose_secret().is_empty() {
            return Err(unusable(&"the file is empty"));
        }
        let encoded = SecretString::from(Base64::encode_string(key.expose_secret()));
        let header = SecretString::from(format!("X-Dovecot-API {}", encoded.expose_secret()));
        let mut value =
            HeaderValue::from_str(header.expose_secret()).map_err(|error| unusable(&error))?;
        value.set_sensitive(true);
        Ok(value)
    }

    /// Each command is answered by a list `[kind, details, user]`.
    fn all_ended(&self, some: &[Kick], body: &[u8]) -> Result<(), String> {
        let answers: Vec<(String, Value, String)> = serde_json::from_slice(body)
            .map_err(|error| self.failed(format_args!("its answer is none: {error}")))?;
        for Kick { user, .. } in some {
            let answer = answers.iter().find(|(_, _, tag)| tag == user);
            let ended = answer.is_some_and(|(kind, details, _)| match kind.as_str() {
                "doveadmResponse" => true,
                "error" => details["exitCode"].as_i64() == Some(NOBODY),
                _ => false,
            });
            if !ended {
                let details = answer.map_or(&Value::Null, |(_, details, _)| details);
                return Err(self.failed(format_args!("kick {user}: {details}")));
            }
        }
        Ok(())
    }

    fn failed(&self, error: impl Display) -> String {
        format!("doveadm at {}: {error}", self.doveadm.address)
    }
}
