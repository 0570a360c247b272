//! The binary under test as a process: commands that end, and the server that stays.

use std::fs::{self, File};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use super::http::Client;
use super::wait::{eventually, eventually_within};

/// The binary that Cargo built for this test.
pub(crate) const PROVISOR: &str = env!("CARGO_BIN_EXE_provisor");

/// A command that has ended.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ran {
    /// This, after asserting that it succeeded.
    #[track_caller]
    pub(crate) fn succeeded(self) -> Self {
        assert_eq!(self.code, Some(0), "{self:#?}");
        self
    }

    /// This, after asserting that it failed and said why.
    #[track_caller]
    pub(crate) fn failed(self) -> Self {
        assert!(self.code.is_some_and(|code| code != 0), "{self:#?}");
        assert!(!self.stderr.trim().is_empty(), "it failed without a word: {self:#?}");
        self
    }
}

/// The binary with nothing of this machine's settings: `dir` is its working directory.
pub(crate) fn command(program: &str, dir: &Path) -> Command {
    let mut command = Command::new(program);
    command.current_dir(dir).stdin(Stdio::null());
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("PROVISOR_")) {
        command.env_remove(name);
    }
    command
}

/// Runs the binary to its end.
pub(crate) fn run(dir: &Path, args: &[&str]) -> Ran {
    let output = command(PROVISOR, dir).args(args).output().expect("the binary starts");
    Ran {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).expect("it writes UTF-8"),
        stderr: String::from_utf8(output.stderr).expect("it writes UTF-8"),
    }
}

/// A server that listens. Killed when dropped.
#[derive(Debug)]
pub(crate) struct Server {
    child: Child,
    pub(crate) address: SocketAddr,
    output: Output,
}

/// Where a server's standard output and standard error go.
#[derive(Debug, Clone)]
pub(crate) struct Output {
    out: PathBuf,
    err: PathBuf,
}

impl Output {
    /// Two new files in `dir`.
    fn new(dir: &Path) -> Self {
        let free = (0..u32::MAX).find(|n| !dir.join(format!("server-{n}.out")).exists());
        let n = free.expect("numbers do not run out");
        Self { out: dir.join(format!("server-{n}.out")), err: dir.join(format!("server-{n}.err")) }
    }

    pub(crate) fn stdout(&self) -> String {
        fs::read_to_string(&self.out).unwrap_or_default()
    }

    pub(crate) fn stderr(&self) -> String {
        fs::read_to_string(&self.err).unwrap_or_default()
    }
}

impl Server {
    /// Starts `command` (the binary itself, or a tracer that starts it) and waits until it listens.
    pub(crate) fn start(command: &mut Command, dir: &Path) -> Self {
        let (mut child, output) = Self::spawn(command, dir);
        let address = eventually("the server to listen", || {
            if let Some(status) = child.try_wait().expect("it can be asked") {
                panic!("the server ended ({status}):\n{}", output.stderr());
            }
            announced(&output.stdout(), "listening on http://")
        });
        Self { child, address, output }
    }

    /// Starts `command` that may die before it listens: then its exit status is the error.
    pub(crate) fn try_start(command: &mut Command, dir: &Path) -> Result<Self, ExitStatus> {
        let (mut child, output) = Self::spawn(command, dir);
        let outcome = eventually("the server to listen or to end", || {
            match announced(&output.stdout(), "listening on http://") {
                Some(address) => Some(Ok(address)),
                None => child.try_wait().expect("it can be asked").map(Err),
            }
        });
        outcome.map(|address| Self { child, address, output })
    }

    fn spawn(command: &mut Command, dir: &Path) -> (Child, Output) {
        let output = Output::new(dir);
        command.stdout(File::create(&output.out).expect("a file in the test's directory"));
        command.stderr(File::create(&output.err).expect("a file in the test's directory"));
        (command.spawn().expect("the binary starts"), output)
    }

    /// A client with a connection of its own.
    pub(crate) fn client(&self) -> Client {
        Client::new(self.address)
    }

    /// What it has written so far.
    pub(crate) fn output(&self) -> &Output {
        &self.output
    }

    /// Where the metrics listener is.
    pub(crate) fn metrics(&self) -> SocketAddr {
        let printed = || announced(&self.output.stdout(), "metrics on http://");
        eventually("the metrics listener's address", printed)
    }

    /// How it ended, when it has.
    pub(crate) fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().expect("it can be asked")
    }

    /// SIGKILL, and gone for certain.
    pub(crate) fn kill(&mut self) {
        let _already_dead = self.child.kill();
        self.child.wait().expect("a child can be waited for");
    }

    /// Sends it a signal by its name (`STOP`, `CONT`).
    pub(crate) fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        let sent = Command::new("sh").args(["-c", "kill -\"$0\" \"$1\"", name, &pid]).status();
        assert!(sent.expect("sh starts").success(), "SIG{name} could not be sent");
    }

    /// SIGTERM. Answers how it ended and how long that took.
    pub(crate) fn terminate(&mut self, patience: Duration) -> (ExitStatus, Duration) {
        let began = Instant::now();
        self.signal("TERM");
        let status = eventually_within(patience, "the server to end", || self.ended());
        (status, began.elapsed())
    }
}

impl Drop for Server {
    #[expect(clippy::print_stderr, reason = "a failed test shows what its server had to say")]
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("--- what the server wrote ---\n{}", tail(&self.output.stderr()));
        }
        self.kill();
    }
}

/// The address behind `words` on a line of its own, once the line is complete.
fn announced(stdout: &str, words: &str) -> Option<SocketAddr> {
    let (_, rest) = stdout.split_once(words)?;
    let (line, _) = rest.split_once('\n')?;
    line.split('/').next()?.trim().parse().ok()
}

fn tail(text: &str) -> &str {
    let start = text.len().saturating_sub(4_000);
    let start = (start..text.len()).find(|at| text.is_char_boundary(*at)).unwrap_or(text.len());
    &text[start..]
}
