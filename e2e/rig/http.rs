//! A small blocking HTTP/1.1 client over one connection that is kept open. It sends exactly the bytes it is given,
//! so that malformed requests can be sent too, and shows exactly the bytes it got.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::Value;

/// How long one answer may take.
const ANSWER_SECONDS_MAX: u64 = 30;

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// Names in lower case, values as sent, in the order sent.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Answer {
    /// The value of a header; `name` in lower case.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }

    /// The body as JSON.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body)
            .unwrap_or_else(|error| panic!("not JSON ({error}): {self:?}"))
    }

    /// The error code, or `ok`.
    pub(crate) fn code(&self) -> String {
        let json = self.json();
        match json["errorCode"].as_str() {
            Some(code) if json["ok"] == false => code.to_owned(),
            None if json["ok"] == true => "ok".to_owned(),
            _ => panic!("neither a success nor an error: {self:?}"),
        }
    }

    /// The id of the ticket that was raised.
    pub(crate) fn ticket(&self) -> String {
        let json = self.json();
        assert_eq!(json["ok"], true, "no ticket was raised: {self:?}");
        assert_eq!(json["ticket"]["status"], "Processing", "{self:?}");
        json["ticket"]["id"].as_str().unwrap_or_else(|| panic!("no id: {self:?}")).to_owned()
    }
}

/// A client of one server.
#[derive(Debug)]
pub(crate) struct Client {
    address: SocketAddr,
    stream: Option<BufReader<TcpStream>>,
}

impl Client {
    pub(crate) fn new(address: SocketAddr) -> Self {
        Self { address, stream: None }
    }

    /// Whom it calls.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// A POST of `body` as it stands, without a content type, as the old clients send it.
    pub(crate) fn post(&mut self, path: &str, body: &str) -> Answer {
        self.post_with(path, &[], body)
    }

    /// A POST with further headers.
    pub(crate) fn post_with(&mut self, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        let answer = self.try_post(path, headers, body.as_bytes());
        answer.unwrap_or_else(|error| panic!("POST {path}: {error}"))
    }

    /// A POST that may meet a server that is gone.
    pub(crate) fn try_post(
        &mut self,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> io::Result<Answer> {
        let mut head = format!("POST {path} HTTP/1.1\r\nHost: provisor.test\r\n");
        for (name, value) in headers {
            head = format!("{head}{name}: {value}\r\n");
        }
        head = format!("{head}Content-Length: {}\r\n\r\n", body.len());
        self.exchange(&[head.as_bytes(), body].concat())
    }

    /// A request without a body, by any verb, with further headers.
    pub(crate) fn send(&mut self, verb: &str, path: &str, headers: &[(&str, &str)]) -> Answer {
        let mut head = format!("{verb} {path} HTTP/1.1\r\nHost: provisor.test\r\n");
        for (name, value) in headers {
            head = format!("{head}{name}: {value}\r\n");
        }
        let asked = self.ask(format!("{head}\r\n").as_bytes(), verb == "HEAD");
        asked.unwrap_or_else(|error| panic!("{verb} {path}: {error}"))
    }

    /// A GET.
    pub(crate) fn get(&mut self, path: &str) -> Answer {
        let request = format!("GET {path} HTTP/1.1\r\nHost: provisor.test\r\n\r\n");
        self.exchange(request.as_bytes()).unwrap_or_else(|error| panic!("GET {path}: {error}"))
    }

    /// Sends `request` as it stands and reads one answer. An error closes the connection.
    pub(crate) fn exchange(&mut self, request: &[u8]) -> io::Result<Answer> {
        self.ask(request, false)
    }

    fn ask(&mut self, request: &[u8], head_only: bool) -> io::Result<Answer> {
        let mut stream = match self.stream.take() {
            Some(stream) => stream,
            None => connect(self.address)?,
        };
        // A server may answer and close before it has read everything (413): the answer counts then.
        let sent = stream.get_mut().write_all(request);
        let answer =
            read_answer(&mut stream, head_only).map_err(|error| sent.err().unwrap_or(error))?;
        if answer.header("connection") != Some("close") {
            self.stream = Some(stream);
        }
        Ok(answer)
    }
}

fn connect(address: SocketAddr) -> io::Result<BufReader<TcpStream>> {
    let stream = TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(Duration::from_secs(ANSWER_SECONDS_MAX)))?;
    stream.set_write_timeout(Some(Duration::from_secs(ANSWER_SECONDS_MAX)))?;
    Ok(BufReader::new(stream))
}

/// Reads an answer; the one to a HEAD has no body, whatever its length says.
fn read_answer(stream: &mut BufReader<TcpStream>, head_only: bool) -> io::Result<Answer> {
    let first = read_line(stream)?;
    let status = first.split(' ').nth(1).and_then(|code| code.parse().ok());
    let status = status.ok_or_else(|| io::Error::other(format!("not an answer: {first:?}")))?;
    let mut headers = Vec::new();
    loop {
        let line = read_line(stream)?;
        if line.is_empty() {
            break;
        }
        let (name, value) = line.split_once(':').ok_or_else(|| io::Error::other(line.clone()))?;
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    let mut answer = Answer { status, headers, body: String::new() };
    let body = if head_only {
        Vec::new()
    } else if answer.header("transfer-encoding") == Some("chunked") {
        read_chunks(stream)?
    } else {
        let length = answer.header("content-length").and_then(|length| length.parse().ok());
        let mut body = vec![0; length.unwrap_or(0)];
        stream.read_exact(&mut body)?;
        body
    };
    answer.body = String::from_utf8(body).map_err(io::Error::other)?;
    Ok(answer)
}

fn read_chunks(stream: &mut BufReader<TcpStream>) -> io::Result<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let line = read_line(stream)?;
        let length = usize::from_str_radix(line.trim(), 16).map_err(io::Error::other)?;
        let start = body.len();
        body.resize(start + length, 0);
        stream.read_exact(&mut body[start..])?;
        read_line(stream)?;
        if length == 0 {
            return Ok(body);
        }
    }
}

fn read_line(stream: &mut BufReader<TcpStream>) -> io::Result<String> {
    let mut line = String::new();
    if stream.read_line(&mut line)? == 0 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}
