//! GSUP, the protocol of serving nodes, as far as it takes to have a subscriber detached: a Location Cancel that names the
//! serving node as its destination, which the HLR forwards (OsmoHLR User Manual, "Generic Subscriber Update Protocol";
//! 3GPP TS 29.002, MAP-CANCEL-LOCATION).
//!
//! The HLR forwards or tells at once that the node is not connected; the node's own answer does not come back here. So the
//! same message is sent again behind it, addressed to this program: the HLR forwards in order, and when that one has come
//! back and no error before it, the first was forwarded. (IPA's ping would not do: its answer overtakes the error.)

use std::io;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::ipa;
use super::line::Wire;

/// IPA's own messages.
const PING: u8 = 0x00;
const PONG: u8 = 0x01;
const ID_GET: u8 = 0x04;
const ID_RESP: u8 = 0x05;
const ID_ACK: u8 = 0x06;
/// What IPA calls a unit's number, which must be told, and its name.
const TAG_UNIT: u8 = 0x08;
const TAG_NAME: u8 = 0x00;
/// GSUP messages.
const LOCATION_CANCEL_REQUEST: u8 = 0x1c;
const ROUTING_ERROR: u8 = 0x4e;
/// GSUP information elements.
const IE_IMSI: u8 = 0x01;
const IE_CANCEL_TYPE: u8 = 0x06;
const IE_DOMAIN: u8 = 0x28;
const IE_SOURCE_NAME: u8 = 0x60;
const IE_DESTINATION_NAME: u8 = 0x61;
/// The subscription is withdrawn (3GPP TS 29.002, `CancellationType`).
const WITHDRAWN: u8 = 1;

/// The core network's two halves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Domain {
    /// Packets: an SGSN.
    Packet = 1,
    /// Circuits: an MSC with its VLR.
    Circuit = 2,
}

/// To detach a subscriber from a serving node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Cancel {
    /// Digits.
    pub(super) imsi: String,
    pub(super) domain: Domain,
    /// The serving node's name.
    pub(super) node: String,
}

/// A connection under a name of its own.
#[derive(Debug)]
pub(super) struct Gsup {
    name: String,
    /// True when the message under way came back.
    came_back: bool,
}

impl Wire for Gsup {
    /// The name that answers come back to: nobody else's at the HLR.
    type Config = String;
    type Request = Cancel;
    /// Whether the message was forwarded; else the node is not connected to the HLR.
    type Reply = bool;
    const NAME: &'static str = "GSUP";
    const WINDOW: usize = 1;

    async fn open(name: &String, stream: &mut TcpStream) -> io::Result<Self> {
        expect(stream, ID_GET).await?;
        let mut answer = vec![ID_RESP];
        for (tag, value) in [(TAG_UNIT, "0/0/0"), (TAG_NAME, name)] {
            let length = u16::try_from(value.len() + 2).unwrap_or(u16::MAX);
            answer.extend_from_slice(&length.to_be_bytes());
            answer.push(tag);
            answer.extend_from_slice(value.as_bytes());
            answer.push(0);
        }
        let mut out = Vec::new();
        ipa::put(&mut out, ipa::CCM, &answer);
        ipa::put(&mut out, ipa::CCM, &[ID_ACK]);
        stream.write_all(&out).await?;
        expect(stream, ID_ACK).await?;
        Ok(Self { name: name.clone(), came_back: false })
    }

    fn put(&mut self, cancel: &Cancel, out: &mut Vec<u8>) {
        for destination in [&cancel.node, &self.name] {
            let mut message = vec![ipa::OSMO_GSUP, LOCATION_CANCEL_REQUEST];
            element(&mut message, IE_IMSI, &bcd(&cancel.imsi));
            element(&mut message, IE_CANCEL_TYPE, &[WITHDRAWN]);
            element(&mut message, IE_DOMAIN, &[cancel.domain as u8]);
            element(&mut message, IE_SOURCE_NAME, format!("{}\0", self.name).as_bytes());
            element(&mut message, IE_DESTINATION_NAME, format!("{destination}\0").as_bytes());
            ipa::put(out, ipa::OSMO, &message);
        }
        self.came_back = false;
    }

    fn take(&mut self, buffer: &mut Vec<u8>, out: &mut Vec<u8>) -> Result<Option<bool>, String> {
        while let Some((stream, payload)) = ipa::take(buffer) {
            match (stream, payload.as_slice()) {
                (ipa::CCM, [PING, ..]) => ipa::put(out, ipa::CCM, &[PONG]),
                (ipa::OSMO, [ipa::OSMO_GSUP, ROUTING_ERROR, ..]) => self.came_back = true,
                (ipa::OSMO, [ipa::OSMO_GSUP, LOCATION_CANCEL_REQUEST, ..]) => {
                    return Ok(Some(!self.came_back));
                }
                // A serving node's messages to whoever has this name; nothing is expected of any.
                _ => {}
            }
        }
        Ok(None)
    }
}

/// Reads frames until IPA's message `kind`.
async fn expect(stream: &mut TcpStream, kind: u8) -> io::Result<()> {
    // One frame at a time, so that nothing behind the greeting is read with it.
    loop {
        let mut head = [0; 3];
        stream.read_exact(&mut head).await?;
        let mut payload = vec![0; usize::from(u16::from_be_bytes([head[0], head[1]]))];
        stream.read_exact(&mut payload).await?;
        if head[2] == ipa::CCM && payload.first() == Some(&kind) {
            return Ok(());
        }
    }
}

fn element(message: &mut Vec<u8>, tag: u8, value: &[u8]) {
    message.push(tag);
    message.push(u8::try_from(value.len()).unwrap_or(u8::MAX));
    message.extend_from_slice(value);
}

/// Digits in packed form, the first of each two in the lower half; an odd one is filled up (3GPP TS 29.002, TBCD).
fn bcd(digits: &str) -> Vec<u8> {
    let value = |digit: Option<&u8>| digit.map_or(0xf, |digit| digit & 0xf);
    digits.as_bytes().chunks(2).map(|two| value(two.get(1)) << 4 | value(two.first())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gsup() -> Gsup {
        Gsup { name: "PROV-1".to_owned(), came_back: false }
    }

    #[test]
    fn a_cancel_has_the_bytes_that_a_real_sgsn_took() {
        let node = "SGSN-00-00-00-00-00-00".to_owned();
        let cancel = Cancel { imsi: "901700000000081".to_owned(), domain: Domain::Packet, node };
        let mut out = Vec::new();
        gsup().put(&cancel, &mut out);
        let mut expected = vec![0x00, 0x34, 0xee, 0x05, 0x1c, 0x01, 0x08];
        expected.extend_from_slice(&[0x09, 0x71, 0, 0, 0, 0, 0x80, 0xf1]);
        expected.extend_from_slice(&[0x06, 1, 1, 0x28, 1, 1, 0x60, 7]);
        expected.extend_from_slice(b"PROV-1\0\x61\x17SGSN-00-00-00-00-00-00\0");
        expected[1] = u8::try_from(expected.len() - 3).unwrap();
        assert_eq!(out[..expected.len()], expected);
        assert!(out.ends_with(b"\x60\x07PROV-1\0\x61\x07PROV-1\0"), "and one to itself");
    }

    #[test]
    fn a_message_was_forwarded_when_the_one_behind_it_comes_back_first() {
        let (mut gsup, mut out) = (gsup(), Vec::new());
        let mut buffer = vec![0, 2, 0xee, 5, 0x1c];
        assert_eq!(gsup.take(&mut buffer, &mut out), Ok(Some(true)));
        buffer.extend_from_slice(&[0, 2, 0xee, 5, 0x4e, 0, 2, 0xee, 5, 0x1c]);
        assert_eq!(gsup.take(&mut buffer, &mut out), Ok(Some(false)));
        assert!(out.is_empty());
        buffer.extend_from_slice(&[0, 1, 0xfe, 0]);
        assert_eq!(gsup.take(&mut buffer, &mut out), Ok(None));
        assert_eq!(out, [0, 1, 0xfe, 1], "the HLR's own ping is answered");
    }
}
