//! A small blocking client of CTRL, written apart from the driver's, to look at what an HLR has.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// How long one answer may take.
const ANSWER: Duration = Duration::from_secs(30);

/// A CTRL connection.
#[derive(Debug)]
pub(crate) struct Ctrl(TcpStream);

impl Ctrl {
    pub(crate) fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(ANSWER)).unwrap();
        Self(stream)
    }

    /// Sends a request's words, its id left out; answers those behind the id.
    pub(crate) fn ask(&mut self, verb: &str, words: &str) -> Result<String, String> {
        self.send(&format!("{verb} 1 {words}"));
        self.answer()
    }

    /// Sends a request without waiting.
    pub(crate) fn send(&mut self, text: &str) {
        let length = u16::try_from(text.len() + 1).unwrap();
        let mut frame = length.to_be_bytes().to_vec();
        frame.extend_from_slice(&[0xee, 0]);
        frame.extend_from_slice(text.as_bytes());
        self.0.write_all(&frame).unwrap();
    }

    /// Reads an answer.
    pub(crate) fn answer(&mut self) -> Result<String, String> {
        let mut head = [0; 4];
        self.0.read_exact(&mut head).unwrap();
        let mut text = vec![0; usize::from(u16::from_be_bytes([head[0], head[1]])) - 1];
        self.0.read_exact(&mut text).unwrap();
        let text = String::from_utf8(text).unwrap();
        let mut words = text.splitn(3, ' ');
        let (kind, _id) = (words.next().unwrap(), words.next().unwrap());
        let rest = words.next().unwrap_or_default().to_owned();
        if kind == "ERROR" { Err(rest) } else { Ok(rest) }
    }

    /// All that the HLR says of a subscriber, by name; `None` when it knows none.
    pub(crate) fn subscriber(&mut self, imsi: &str) -> Option<BTreeMap<String, String>> {
        let said = self.ask("GET", &format!("subscriber.by-imsi-{imsi}.info-all"));
        let said = match said {
            Err(error) if error == "No such subscriber." => return None,
            said => said.unwrap(),
        };
        let pair = |line: &str| line.split_once('\t').map(|(n, v)| (n.to_owned(), v.to_owned()));
        Some(said.lines().filter_map(pair).collect())
    }
}
