//! VTY, Osmocom's console over telnet: lines are echoed and answered by lines, until the prompt comes again (OsmoHLR VTY
//! Reference). Used for what must reach the serving nodes: a change made over CTRL is told to none of them.
//!
//! Lines are carried out in the order they come, so that several may be under way; each answer is held against the echo of
//! its line.

use std::collections::VecDeque;
use std::io;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::line::Wire;

/// Telnet's "interpret as command": two bytes follow (RFC 854).
const IAC: u8 = 255;
/// Longest greeting.
const GREETING_BYTES_MAX: usize = 8 * 1_024;

/// A connection whose console takes commands that change something.
#[derive(Debug)]
pub(super) struct Vty {
    /// What stands before a prompt's end: a line's beginning, the host's name as it is configured, `# `.
    prompt: Vec<u8>,
    echoes: VecDeque<String>,
}

impl Wire for Vty {
    type Config = ();
    /// A line without its end. Holds no secret.
    type Request = String;
    /// The lines of the answer.
    type Reply = String;
    const NAME: &'static str = "VTY";
    /// Lines that wait there keep the HLR busy while an answer is on its way.
    const WINDOW: usize = 32;

    async fn open((): &(), stream: &mut TcpStream) -> io::Result<Self> {
        prompt(stream, b"> ").await?;
        stream.write_all(b"enable\n").await?;
        let name = prompt(stream, b"# ").await?;
        Ok(Self { prompt: [b"\n", name.as_slice()].concat(), echoes: VecDeque::new() })
    }

    fn put(&mut self, request: &String, out: &mut Vec<u8>) {
        out.extend_from_slice(request.as_bytes());
        out.push(b'\n');
        self.echoes.push_back(request.clone());
    }

    fn take(&mut self, buffer: &mut Vec<u8>, _out: &mut Vec<u8>) -> Result<Option<String>, String> {
        let length = self.prompt.len();
        let Some(at) = buffer.windows(length).position(|some| some == self.prompt) else {
            return Ok(None);
        };
        let text: Vec<u8> = buffer.drain(..at + length).collect();
        let text = String::from_utf8_lossy(text.get(..at).unwrap_or_default());
        let (echo, answer) = text.split_once('\n').unwrap_or((&text, ""));
        if self.echoes.pop_front().as_deref() != Some(echo.trim_end()) {
            return Err("an answer to another line".to_owned());
        }
        Ok(Some(answer.trim_end().to_owned()))
    }
}

/// Reads until a prompt with this end; answers the prompt.
async fn prompt(stream: &mut TcpStream, end: &[u8]) -> io::Result<Vec<u8>> {
    let mut read = Vec::new();
    while !read.ends_with(end) {
        if stream.read_buf(&mut read).await? == 0 {
            return Err(io::Error::other("it closed the connection"));
        }
        if read.ends_with(b"Password: ") {
            let why =
                "it asks for a password: set `no login` under `line vty` in its configuration";
            return Err(io::Error::other(why));
        }
        if read.len() > GREETING_BYTES_MAX {
            return Err(io::Error::other("its greeting does not end"));
        }
    }
    let line = read.rsplit(|byte| *byte == b'\n').next().unwrap_or_default();
    Ok(plain(line))
}

/// A line without telnet's commands.
fn plain(line: &[u8]) -> Vec<u8> {
    let mut bytes = line.iter().copied();
    let mut plain = Vec::new();
    while let Some(byte) = bytes.next() {
        if byte == IAC {
            bytes.nth(1);
        } else {
            plain.push(byte);
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vty(lines: &[&str]) -> Vty {
        let mut vty = Vty { prompt: b"\nOsmoHLR# ".to_vec(), echoes: VecDeque::new() };
        for line in lines {
            vty.put(&(*line).to_owned(), &mut Vec::new());
        }
        vty
    }

    #[test]
    fn the_prompt_is_found_behind_telnets_commands() {
        assert_eq!(plain(b"\xff\xfb\x01\xff\xfb\x03\xff\xfe\"\xff\xfd\x1fOsmoHLR> "), b"OsmoHLR> ");
    }

    #[test]
    fn answers_are_told_apart_by_prompt_and_echo() {
        let mut vty = vty(&["first", "second", "third"]);
        let mut buffer = b"first\r\nOsmoHLR# second\r\n% Unknown command.\r\nOsmoHLR# th".to_vec();
        let out = &mut Vec::new();
        assert_eq!(vty.take(&mut buffer, out), Ok(Some(String::new())));
        assert_eq!(vty.take(&mut buffer, out), Ok(Some("% Unknown command.".to_owned())));
        assert_eq!(vty.take(&mut buffer, out), Ok(None));
        buffer.extend_from_slice(b"ird\r\n% a\r\n% b\r\nOsmoHLR# ");
        assert_eq!(vty.take(&mut buffer, out), Ok(Some("% a\r\n% b".to_owned())));
        assert_eq!(buffer, b"");
    }

    #[test]
    fn an_answer_to_another_line_ends_the_connection() {
        let mut buffer = b"another\r\nOsmoHLR# ".to_vec();
        assert!(vty(&["first"]).take(&mut buffer, &mut Vec::new()).is_err());
    }
}
