//! A bare CTRL client: what an HLR takes from somebody who does nothing else.

use std::io::{BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Instant;

use anyhow::{Result, ensure};

use super::server::{CTRL, Hlr};
use crate::{drain, world};

/// Requests under way.
const WINDOW: usize = 32;

/// What the client sends for each subscriber.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sends {
    /// Create and number: no question, nothing read back.
    Writes,
    /// The same requests as the driver: create, number, and the question that reads it back.
    Connects,
}

/// Subscribers a second that it makes, of SIMs from number `first` on.
pub(super) fn ceiling(hlr: &Hlr, sends: Sends, first: usize, count: usize) -> Result<f64> {
    let stream = TcpStream::connect(SocketAddr::new(hlr.address, CTRL))?;
    stream.set_nodelay(true)?;
    let mut answers = BufReader::new(stream.try_clone()?);
    let mut requests = stream;
    let began = Instant::now();
    let mut under_way = 0;
    for number in first..first + count {
        let (imsi, cli) = (world::imsi(number), world::cli(number));
        let question = format!("\0GET 1 subscriber.by-imsi-{imsi}.info");
        let texts = [
            format!("\0SET 1 subscriber.create {imsi}"),
            format!("\0SET 1 subscriber.by-imsi-{imsi}.msisdn {cli}"),
        ];
        for text in texts.into_iter().chain((sends == Sends::Connects).then_some(question)) {
            if under_way == WINDOW {
                answer(&mut answers)?;
                under_way -= 1;
            }
            let mut frame = u16::try_from(text.len())?.to_be_bytes().to_vec();
            frame.push(0xee);
            frame.extend_from_slice(text.as_bytes());
            requests.write_all(&frame)?;
            under_way += 1;
        }
    }
    for _ in 0..under_way {
        answer(&mut answers)?;
    }
    Ok(drain::per_second(count, began))
}

fn answer(answers: &mut impl Read) -> Result<()> {
    let mut head = [0; 3];
    answers.read_exact(&mut head)?;
    let mut text = vec![0; usize::from(u16::from_be_bytes([head[0], head[1]]))];
    answers.read_exact(&mut text)?;
    let text = String::from_utf8_lossy(&text);
    let done = ["\0SET_REPLY", "\0GET_REPLY"].iter().any(|word| text.starts_with(word));
    ensure!(done, "the HLR says {text:?}");
    Ok(())
}
