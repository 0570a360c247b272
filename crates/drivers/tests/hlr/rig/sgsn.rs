//! A serving node as an HLR sees one: connects over GSUP under a name, registers subscribers, and is told what changes.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

/// How long one answer may take.
const ANSWER: Duration = Duration::from_secs(30);

/// GSUP messages that it meets (OsmoHLR User Manual).
const UPDATE_LOCATION: u8 = 0x04;
pub(crate) const UPDATE_LOCATION_ERROR: u8 = 0x05;
pub(crate) const UPDATE_LOCATION_RESULT: u8 = 0x06;
const SEND_AUTH_INFO: u8 = 0x08;
const SEND_AUTH_INFO_ERROR: u8 = 0x09;
pub(crate) const SEND_AUTH_INFO_RESULT: u8 = 0x0a;
pub(crate) const INSERT_DATA: u8 = 0x10;
const INSERT_DATA_RESULT: u8 = 0x12;
pub(crate) const DELETE_DATA: u8 = 0x14;
const DELETE_DATA_RESULT: u8 = 0x16;
pub(crate) const LOCATION_CANCEL: u8 = 0x1c;
const LOCATION_CANCEL_RESULT: u8 = 0x1e;

/// A serving node.
#[derive(Debug)]
pub(crate) struct Sgsn(TcpStream);

/// A message: its kind, and its elements as they were sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Message {
    pub(crate) kind: u8,
    pub(crate) elements: Vec<(u8, Vec<u8>)>,
}

impl Message {
    /// The value of an element.
    pub(crate) fn element(&self, tag: u8) -> Option<&[u8]> {
        let found = self.elements.iter().find(|(found, _)| *found == tag);
        found.map(|(_, value)| value.as_slice())
    }
}

impl Sgsn {
    pub(crate) fn connect(hlr: SocketAddr, name: &str) -> Self {
        let stream = TcpStream::connect(hlr).unwrap();
        stream.set_read_timeout(Some(ANSWER)).unwrap();
        let mut sgsn = Self(stream);
        let mut identity = vec![5, 0, 7, 8];
        identity.extend_from_slice(b"0/0/0\0");
        identity.extend_from_slice(&u16::try_from(name.len() + 2).unwrap().to_be_bytes());
        identity.push(0);
        identity.extend_from_slice(format!("{name}\0").as_bytes());
        sgsn.frame(0xfe, &identity);
        sgsn.frame(0xfe, &[6]);
        while sgsn.read_frame() != (0xfe, vec![6]) {}
        sgsn
    }

    /// A device comes: it is authenticated where the HLR has keys, then registered. Answers the kinds of messages that the
    /// HLR sent, in order, and the subscriber data among them.
    pub(crate) fn attach(&mut self, imsi: &str) -> (Vec<u8>, Option<Message>) {
        let (mut kinds, mut data) = (Vec::new(), None);
        self.send(SEND_AUTH_INFO, imsi);
        let auth = [SEND_AUTH_INFO_RESULT, SEND_AUTH_INFO_ERROR];
        while kinds.last().is_none_or(|kind| !auth.contains(kind)) {
            kinds = vec![self.next().kind];
        }
        self.send(UPDATE_LOCATION, imsi);
        loop {
            let message = self.next();
            // What came before is not about this.
            if [DELETE_DATA, LOCATION_CANCEL].contains(&message.kind) {
                continue;
            }
            kinds.push(message.kind);
            match message.kind {
                INSERT_DATA => {
                    self.send(INSERT_DATA_RESULT, imsi);
                    data = Some(message);
                }
                UPDATE_LOCATION_RESULT | UPDATE_LOCATION_ERROR => return (kinds, data),
                other => panic!("message {other:#x} while a device attaches: {message:?}"),
            }
        }
    }

    /// The next message; answered where the HLR waits for an answer.
    pub(crate) fn next(&mut self) -> Message {
        loop {
            let (stream, payload) = self.read_frame();
            match (stream, payload.as_slice()) {
                (0xfe, [0]) => self.frame(0xfe, &[1]),
                (0xee, [5, kind, elements @ ..]) => {
                    let message = Message { kind: *kind, elements: parse(elements) };
                    let answer = match *kind {
                        DELETE_DATA => Some(DELETE_DATA_RESULT),
                        LOCATION_CANCEL => Some(LOCATION_CANCEL_RESULT),
                        _ => None,
                    };
                    if let Some(answer) = answer {
                        let imsi = message.element(1).unwrap().to_vec();
                        self.message(answer, &imsi);
                    }
                    return message;
                }
                _ => {}
            }
        }
    }

    /// Everything that has arrived when the HLR answers a ping.
    pub(crate) fn heard(&mut self) -> Vec<u8> {
        self.frame(0xfe, &[0]);
        let began = Instant::now();
        let mut kinds = Vec::new();
        while began.elapsed() < ANSWER {
            match self.read_frame() {
                (0xfe, pong) if pong == [1] => return kinds,
                (0xee, payload) => kinds.extend(payload.get(1)),
                _ => {}
            }
        }
        panic!("no pong");
    }

    fn send(&mut self, kind: u8, imsi: &str) {
        let digits: Vec<u8> = imsi.bytes().map(|digit| digit & 15).collect();
        let two = |two: &[u8]| two.get(1).unwrap_or(&15) << 4 | two[0];
        let imsi: Vec<u8> = digits.chunks(2).map(two).collect();
        self.message(kind, &imsi);
    }

    /// With the IMSI, and for packets.
    fn message(&mut self, kind: u8, imsi: &[u8]) {
        let mut message = vec![5, kind, 1, u8::try_from(imsi.len()).unwrap()];
        message.extend_from_slice(imsi);
        message.extend_from_slice(&[0x28, 1, 1]);
        self.frame(0xee, &message);
    }

    fn frame(&mut self, stream: u8, payload: &[u8]) {
        let mut frame = u16::try_from(payload.len()).unwrap().to_be_bytes().to_vec();
        frame.push(stream);
        frame.extend_from_slice(payload);
        self.0.write_all(&frame).unwrap();
    }

    fn read_frame(&mut self) -> (u8, Vec<u8>) {
        let mut head = [0; 3];
        match self.0.read_exact(&mut head) {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => panic!("the HLR is silent"),
            Err(error) => panic!("{error}"),
        }
        let mut payload = vec![0; usize::from(u16::from_be_bytes([head[0], head[1]]))];
        self.0.read_exact(&mut payload).unwrap();
        (head[2], payload)
    }
}

fn parse(mut bytes: &[u8]) -> Vec<(u8, Vec<u8>)> {
    let mut elements = Vec::new();
    while let [tag, length, rest @ ..] = bytes {
        let (value, rest) = rest.split_at(usize::from(*length).min(rest.len()));
        elements.push((*tag, value.to_vec()));
        bytes = rest;
    }
    elements
}
