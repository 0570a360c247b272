//! One HTTP exchange after the other with one element: connections, TLS, deadlines, and what is known when it fails.
//!
//! Invariants: only addresses that the [`Guard`] permits are connected to; redirects are answers like others; an answer
//! is read up to [`ANSWER_BYTES_MAX`]; nothing is sent twice, unless it certainly did not leave the first time.

use std::fmt::Display;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1::{self, SendRequest};
use hyper::{HeaderMap, Request, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::{timeout, timeout_at};
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use super::guard::{Guard, literal};

/// Longest answer, in bytes.
const ANSWER_BYTES_MAX: usize = 256 * 1024;
/// Longest head of an answer, in bytes.
const HEAD_BYTES_MAX: usize = 64 * 1024;
/// How long a connection may lie idle before it is not used again: less than common servers wait before they close one.
const IDLE_MAX: Duration = Duration::from_secs(4);
/// How long a connection may take to be made, its TLS handshake included.
const CONNECT_MAX: Duration = Duration::from_secs(2);

/// An answer.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum NoReply {
    /// Nothing was sent.
    NotSent(String),
    /// It was sent, wholly or in part.
    Lost(String),
}

/// Where the element is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Peer {
    pub(super) tls: bool,
    pub(super) host: String,
    pub(super) port: u16,
}

type Sender = SendRequest<Full<Bytes>>;

/// A client of one element.
pub(super) struct Client {
    peer: Peer,
    guard: Guard,
    tls: Option<(TlsConnector, ServerName<'static>)>,
    /// How long one exchange may take once there is a connection.
    patience: Duration,
    idle: Mutex<Vec<(Sender, Instant)>>,
    idle_max: usize,
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client").field("peer", &self.peer).finish_non_exhaustive()
    }
}

impl Client {
    /// A client that trusts the system's certification authorities, or only those in `ca_file`.
    pub(super) fn new(
        (peer, guard): (Peer, Guard),
        ca_file: Option<&Path>,
        patience: Duration,
        idle_max: usize,
    ) -> Result<Self, String> {
        let tls = if peer.tls { Some(tls(&peer, ca_file)?) } else { None };
        Ok(Self { peer, guard, tls, patience, idle: Mutex::default(), idle_max })
    }

    /// Sends `request` and reads the answer.
    pub(super) async fn exchange(&self, request: Request<Full<Bytes>>) -> Result<Reply, NoReply> {
        let connected = match self.pooled().await {
            Some(sender) => Ok((sender, true)),
            None => self.connect().await.map(|sender| (sender, false)),
        };
        let (mut sender, used) = connected.map_err(NoReply::NotSent)?;
        let until = tokio::time::Instant::now() + self.patience;
        let patience = self.patience;
        let lost = |error: &dyn Display| NoReply::Lost(self.told(error));
        let late = |_| lost(&format_args!("no answer within {patience:?}"));
        let sent = timeout_at(until, sender.try_send_request(request)).await.map_err(late)?;
        let answer = match sent {
            Ok(answer) => answer,
            Err(mut error) => match error.take_message() {
                // A connection that was closed while it lay idle: the request never left.
                Some(request) if used => {
                    sender = self.connect().await.map_err(NoReply::NotSent)?;
                    let sent = timeout_at(until, sender.send_request(request));
                    sent.await.map_err(late)?.map_err(|error| lost(&error))?
                }
                Some(_) => return Err(NoReply::NotSent(self.told(error.error()))),
                None => return Err(lost(error.error())),
            },
        };
        let (head, body) = answer.into_parts();
        let body = timeout_at(until, Limited::new(body, ANSWER_BYTES_MAX).collect()).await;
        let body = body.map_err(late)?.map_err(|error| lost(&error))?.to_bytes();
        self.keep(sender);
        Ok(Reply { status: head.status, headers: head.headers, body })
    }

    /// A connection that was used before and is still open, as far as can be seen.
    async fn pooled(&self) -> Option<Sender> {
        loop {
            let (mut sender, since) =
                self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop()?;
            if since.elapsed() < IDLE_MAX && sender.ready().await.is_ok() {
                return Some(sender);
            }
        }
    }

    fn keep(&self, sender: Sender) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.retain(|(sender, since)| !sender.is_closed() && since.elapsed() < IDLE_MAX);
        if idle.len() < self.idle_max {
            idle.push((sender, Instant::now()));
        }
    }

    async fn connect(&self) -> Result<Sender, String> {
        let connecting = timeout(CONNECT_MAX.min(self.patience), self.connect_to_any()).await;
        connecting
            .unwrap_or_else(|_| Err("no connection in time".into()))
            .map_err(|e| self.told(&e))
    }

    async fn connect_to_any(&self) -> Result<Sender, String> {
        let told = |error: &dyn Display| error.to_string();
        let Peer { host, port, .. } = &self.peer;
        let addresses = self.guard.resolve(host, *port).await.map_err(|error| told(&error))?;
        let stream =
            TcpStream::connect(addresses.as_slice()).await.map_err(|error| told(&error))?;
        stream.set_nodelay(true).map_err(|error| told(&error))?;
        let Some((connector, name)) = &self.tls else { return speak(stream).await };
        let stream = connector.connect(name.clone(), stream).await;
        speak(stream.map_err(|error| told(&format_args!("TLS: {error}")))?).await
    }

    fn told(&self, error: &dyn Display) -> String {
        format!("{}:{}: {error}", self.peer.host, self.peer.port)
    }
}

/// HTTP/1.1 on a connection; it is driven by a task of its own until the sender is dropped or the other side closes it.
async fn speak<S>(stream: S) -> Result<Sender, String>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let shaken = http1::Builder::new()
        .max_buf_size(HEAD_BYTES_MAX)
        .handshake(TokioIo::new(stream))
        .await
        .map_err(|error| error.to_string())?;
    let (sender, connection) = shaken;
    tokio::spawn(async move {
        // Whoever waits for an answer hears of it too.
        if let Err(error) = connection.await {
            tracing::debug!(%error, "a connection to an element ended");
        }
    });
    Ok(sender)
}

fn tls(peer: &Peer, ca_file: Option<&Path>) -> Result<(TlsConnector, ServerName<'static>), String> {
    let name = match literal(&peer.host) {
        Some(address) => ServerName::from(address),
        None => ServerName::try_from(peer.host.clone())
            .map_err(|_| format!("{} cannot be the name of a certificate", peer.host))?,
    };
    let mut roots = RootCertStore::empty();
    for certificate in certificates(ca_file)? {
        roots.add(certificate).map_err(|error| match ca_file {
            Some(file) => format!("`ca_file` {}: {error}", file.display()),
            None => format!("the system's certificates: {error}"),
        })?;
    }
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok((TlsConnector::from(Arc::new(config)), name))
}

fn certificates(ca_file: Option<&Path>) -> Result<Vec<CertificateDer<'static>>, String> {
    let Some(file) = ca_file else {
        let found = rustls_native_certs::load_native_certs();
        if found.certs.is_empty() {
            return Err("this system has no certification authorities (Debian: install \
                        ca-certificates), and `ca_file` names none"
                .into());
        }
        return Ok(found.certs);
    };
    let unusable = |error: &dyn Display| format!("`ca_file` {}: {error}", file.display());
    let read = CertificateDer::pem_file_iter(file).map_err(|error| unusable(&error))?;
    let certificates: Vec<_> = read.collect::<Result<_, _>>().map_err(|error| unusable(&error))?;
    if certificates.is_empty() {
        return Err(unusable(&"no PEM certificate in it"));
    }
    Ok(certificates)
}
