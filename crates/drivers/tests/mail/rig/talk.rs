//! IMAP and SMTP spoken by hand: what a test wants to say, and the servers' own words back.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// How long a server may take for an answer.
const PATIENCE: Duration = Duration::from_secs(30);

#[derive(Debug)]
struct Line(BufReader<TcpStream>);

impl Line {
    fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        Self(BufReader::new(stream))
    }

    fn say(&mut self, line: &str) -> Result<(), String> {
        let said = self.0.get_mut().write_all(format!("{line}\r\n").as_bytes());
        said.map_err(|error| error.to_string())
    }

    /// The next line; an error when the server has hung up.
    fn hear(&mut self) -> Result<String, String> {
        let mut line = String::new();
        match self.0.read_line(&mut line) {
            Ok(0) => Err("the server has hung up".into()),
            Ok(_) => Ok(line.trim_end().to_owned()),
            Err(error) => Err(error.to_string()),
        }
    }
}

/// An IMAP connection.
#[derive(Debug)]
pub(crate) struct Imap(Line);

impl Imap {
    pub(super) fn connect(address: SocketAddr) -> Self {
        let mut line = Line::connect(address);
        let greeting = line.hear().unwrap();
        assert!(greeting.starts_with("* OK"), "{greeting}");
        Self(line)
    }

    /// Sends a command; answers with the lines before its end, the error with the end itself.
    pub(crate) fn command(&mut self, command: &str) -> Result<Vec<String>, String> {
        self.0.say(&format!("a {command}"))?;
        let mut lines = Vec::new();
        loop {
            let line = self.0.hear()?;
            match line.strip_prefix("a ") {
                Some(end) if end.starts_with("OK") => return Ok(lines),
                Some(end) => return Err(end.to_owned()),
                None => lines.push(line),
            }
        }
    }

    /// Logs in; the error is what the server says.
    pub(crate) fn login(&mut self, user: &str, password: &str) -> Result<(), String> {
        let quoted = |text: &str| text.replace('\\', "\\\\").replace('"', "\\\"");
        let login = format!("LOGIN \"{}\" \"{}\"", quoted(user), quoted(password));
        self.command(&login).map(drop)
    }

    /// The texts of all mails in the inbox.
    pub(crate) fn inbox(&mut self) -> Vec<String> {
        self.command("SELECT INBOX").unwrap();
        let lines = self.command("UID FETCH 1:* BODY.PEEK[TEXT]").unwrap();
        let mut mails: Vec<String> = Vec::new();
        for line in lines {
            if line.starts_with("* ") && line.contains("FETCH") {
                mails.push(String::new());
            } else if let Some(mail) = mails.last_mut()
                && line != ")"
            {
                mail.push_str(&line);
            }
        }
        mails
    }
}

/// An SMTP connection.
#[derive(Debug)]
pub(crate) struct Smtp(Line);

impl Smtp {
    pub(super) fn connect(address: SocketAddr) -> Self {
        let mut smtp = Self(Line::connect(address));
        smtp.reply().unwrap();
        smtp.command("EHLO test.invalid").unwrap();
        smtp
    }

    /// The server's reply; an error when it is a refusal.
    fn reply(&mut self) -> Result<String, String> {
        let line = loop {
            let line = self.0.hear()?;
            if line.as_bytes().get(3) != Some(&b'-') {
                break line;
            }
        };
        if line.starts_with(['2', '3']) { Ok(line) } else { Err(line) }
    }

    /// Sends a command; answers with the reply.
    pub(crate) fn command(&mut self, command: &str) -> Result<String, String> {
        self.0.say(command)?;
        self.reply()
    }

    /// Sends a mail whose text is `text`; the error is the server's refusal, at whichever point it comes.
    pub(crate) fn send(&mut self, from: &str, to: &str, text: &str) -> Result<(), String> {
        self.command("RSET")?;
        self.command(&format!("MAIL FROM:<{from}> SIZE={}", text.len()))?;
        self.command(&format!("RCPT TO:<{to}>"))?;
        self.command("DATA")?;
        self.command(&format!("Subject: test\r\n\r\n{text}\r\n.")).map(drop)
    }
}
