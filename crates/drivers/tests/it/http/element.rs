//! An honest element behind HTTP that keeps subscribers, and ways for it to fail.
//!
//! It speaks two dialects. `/subs/{iccid}` takes a subscriber whole, like a mediation of one's own; where a request says
//! `report_to` it is taken with 202 and reported on afterwards. `/subscriber/`, `/auc/` are like `PyHSS`: records with
//! numbers of their own, created, patched and deleted, and 200 `null` for what is not there.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};

use http_body_util::{BodyExt as _, Full};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// What the element does with a request that would change something.
#[derive(Debug, Clone)]
pub(crate) enum Mode {
    /// What it should.
    Honest,
    /// Nothing, and it answers this.
    Answers(u16, &'static [(&'static str, &'static str)], String),
    /// Nothing, and it says that it did.
    Lies,
    /// Nothing, and it closes the connection.
    Drops,
    /// What it should, and it closes the connection without an answer.
    ActsAndDrops,
    /// What it should, and it never answers.
    ActsAndHangs,
    /// Nothing for now, and it never answers.
    Hangs,
    /// What it should, and it answers this.
    ActsAndAnswers(u16),
    /// It takes it with 202 and never reports.
    TakesInSilence,
    /// It reports that it will not do it.
    ReportsNo,
}

/// A request that was seen.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) line: String,
    pub(crate) headers: hyper::HeaderMap,
    pub(crate) body: Value,
}

#[derive(Debug)]
struct State {
    mode: Mode,
    /// Whether `mode` is also for reading requests.
    reads_too: bool,
    subscribers: BTreeMap<String, Value>,
    next_id: u64,
    seen: Vec<Seen>,
    connections: usize,
}

/// A running element.
#[derive(Debug)]
pub(crate) struct Element {
    pub(crate) address: SocketAddr,
    state: Arc<Mutex<State>>,
    server: JoinHandle<()>,
}

impl Drop for Element {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Element {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(Mutex::new(State {
            mode: Mode::Honest,
            reads_too: false,
            subscribers: BTreeMap::new(),
            next_id: 1,
            seen: Vec::new(),
            connections: 0,
        }));
        let server = tokio::spawn(serve(listener, state.clone()));
        Self { address, state, server }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    pub(crate) fn set(&self, mode: Mode) {
        let mut state = self.state();
        (state.mode, state.reads_too) = (mode, false);
    }

    pub(crate) fn set_for_reading_too(&self, mode: Mode) {
        let mut state = self.state();
        (state.mode, state.reads_too) = (mode, true);
    }

    /// What it has for a SIM.
    pub(crate) fn subscriber(&self, iccid: &str) -> Option<Value> {
        self.state().subscribers.get(iccid).cloned()
    }

    pub(crate) fn put(&self, iccid: &str, subscriber: Value) {
        self.state().subscribers.insert(iccid.to_owned(), subscriber);
    }

    /// The requests since the last call.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        std::mem::take(&mut self.state().seen)
    }

    /// Their first lines.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.seen().into_iter().map(|seen| seen.line).collect()
    }

    pub(crate) fn connections(&self) -> usize {
        self.state().connections
    }
}

async fn serve(listener: TcpListener, state: Arc<Mutex<State>>) {
    while let Ok((stream, _)) = listener.accept().await {
        state.lock().unwrap().connections += 1;
        let state = state.clone();
        let service = service_fn(move |request| answer(state.clone(), request));
        let connection = hyper::server::conn::http1::Builder::new()
            .serve_connection(TokioIo::new(stream), service);
        tokio::spawn(async move { drop(connection.await) });
    }
}

type Answered = (u16, Value);

async fn answer(
    state: Arc<Mutex<State>>,
    request: Request<Incoming>,
) -> io::Result<Response<Full<Bytes>>> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
    let body: Value = serde_json::from_slice(&body).unwrap_or(Value::Null);
    let (method, path) = (head.method, head.uri.path().to_owned());
    let mode = {
        let mut state = state.lock().unwrap();
        let line = format!("{method} {}", head.uri);
        state.seen.push(Seen { line, headers: head.headers, body: body.clone() });
        match state.mode.clone() {
            _ if method == Method::GET && !state.reads_too => Mode::Honest,
            mode => mode,
        }
    };
    let act = || state.lock().unwrap().act(&method, &path, &body);
    let dropped = || Err(io::Error::other("dropped"));
    let (status, content) = match mode {
        Mode::Honest => match body["report_to"].as_str() {
            None => act(),
            Some(url) => {
                let outcome = act();
                if outcome.0 < 300 {
                    tokio::spawn(report(url.to_owned(), json!({ "result": "ok" })));
                    (202, json!({}))
                } else {
                    outcome
                }
            }
        },
        Mode::Answers(status, headers, text) => {
            let mut answer = Response::builder().status(status);
            for (name, value) in headers {
                answer = answer.header(*name, *value);
            }
            return Ok(answer.body(Full::new(text.into())).unwrap());
        }
        Mode::Lies => (200, json!({})),
        Mode::Drops => return dropped(),
        Mode::ActsAndDrops => {
            act();
            return dropped();
        }
        Mode::ActsAndHangs => {
            act();
            std::future::pending::<Infallible>().await;
            return dropped();
        }
        Mode::Hangs => {
            std::future::pending::<Infallible>().await;
            return dropped();
        }
        Mode::ActsAndAnswers(status) => (status, act().1),
        Mode::TakesInSilence => (202, json!({})),
        Mode::ReportsNo => {
            let url = body["report_to"].as_str().unwrap().to_owned();
            let no = json!({ "result": "failed", "why": "no such profile: Ki=0123456789" });
            tokio::spawn(report(url, no));
            (202, json!({}))
        }
    };
    let answer = Response::builder().status(StatusCode::from_u16(status).unwrap());
    Ok(answer.body(Full::new(content.to_string().into())).unwrap())
}

/// Posts a report, as an element does.
pub(crate) async fn report(url: String, body: Value) {
    let (host, path) = url.strip_prefix("http://").unwrap().split_once('/').unwrap();
    let body = body.to_string();
    let mut stream = TcpStream::connect(host).await.unwrap();
    let request = format!(
        "POST /{path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 20"), "{answer}");
}

impl State {
    fn act(&mut self, method: &Method, path: &str, body: &Value) -> Answered {
        let parts: Vec<&str> = path.split('/').skip(1).collect();
        match (method.as_str(), parts.as_slice()) {
            ("GET", ["subs", iccid]) => match self.subscribers.get(*iccid) {
                Some(found) => (200, found.clone()),
                None => (404, json!({ "error": "unknown" })),
            },
            ("PUT" | "POST", ["subs", iccid]) if self.is_taken(iccid, body) => taken(iccid),
            ("PUT" | "POST", ["subs", iccid]) => {
                let mut kept = body.clone();
                kept.as_object_mut().unwrap().remove("report_to");
                self.subscribers.insert((*iccid).to_owned(), kept);
                (200, json!({}))
            }
            ("DELETE", ["subs", iccid]) => match self.subscribers.remove(*iccid) {
                Some(_) => (204, Value::Null),
                None => (404, json!({ "error": "unknown" })),
            },
            ("POST", ["subs", iccid, "remove"]) => {
                self.subscribers.remove(*iccid);
                (200, json!({}))
            }
            ("GET", ["auc", "iccid", iccid]) => {
                (200, json!({ "auc_id": iccid[10..].parse::<u64>().unwrap() }))
            }
            ("GET", ["subscriber", "imsi", imsi]) => {
                let found = self.subscribers.values().find(|found| found["imsi"] == *imsi);
                (200, found.cloned().unwrap_or_default())
            }
            ("PUT", ["subscriber", ""]) => self.create(body),
            ("PATCH", ["subscriber", id]) => self.patch(id, body),
            ("DELETE", ["subscriber", id]) => {
                self.subscribers.retain(|_, found| !is_number(found, id));
                (200, Value::Null)
            }
            _ => (400, json!({ "error": "no such thing" })),
        }
    }

    fn is_taken(&self, iccid: &str, body: &Value) -> bool {
        let mut others = self.subscribers.iter().filter(|(other, _)| *other != iccid);
        body["msisdn"].is_string() && others.any(|(_, found)| found["msisdn"] == body["msisdn"])
    }

    fn create(&mut self, body: &Value) -> Answered {
        let imsi = body["imsi"].as_str().unwrap_or_default().to_owned();
        if self.subscribers.contains_key(&imsi) || self.is_taken(&imsi, body) {
            return taken(&imsi);
        }
        let mut kept = body.clone();
        kept["subscriber_id"] = self.next_id.into();
        self.next_id += 1;
        self.subscribers.insert(imsi, kept.clone());
        (200, kept)
    }

    fn patch(&mut self, id: &str, body: &Value) -> Answered {
        let found = self.subscribers.iter().find(|(_, found)| is_number(found, id));
        let Some((imsi, _)) = found else { return (200, Value::Null) };
        let imsi = imsi.clone();
        if self.is_taken(&imsi, body) {
            return taken(&imsi);
        }
        let kept = self.subscribers.get_mut(&imsi).unwrap();
        for (name, value) in body.as_object().unwrap() {
            kept[name] = value.clone();
        }
        (200, kept.clone())
    }
}

/// Whether a record has this number.
fn is_number(found: &Value, id: &str) -> bool {
    id.parse().is_ok_and(|id: u64| found["subscriber_id"] == id)
}

/// What `PyHSS` says then, and why it is not to be shown.
fn taken(who: &str) -> Answered {
    (
        409,
        json!({ "error": format!("UNIQUE constraint failed: {who} [parameters: Ki=0123456789]") }),
    )
}
