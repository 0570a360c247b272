//! An osmo-hlr of the benchmark's own, which can be made to fail.

use std::net::{IpAddr, Ipv4Addr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

pub(super) const CTRL: u16 = 4259;
pub(super) const VTY: u16 = 4258;
/// How long an HLR may take to start.
const START: Duration = Duration::from_secs(10);

/// An HLR; killed when dropped.
#[derive(Debug)]
pub(super) struct Hlr {
    process: Option<Child>,
    pub(super) address: IpAddr,
    place: tempfile::TempDir,
}

impl Drop for Hlr {
    fn drop(&mut self) {
        self.kill();
    }
}

impl Hlr {
    /// A new one, whose database is below `dir`.
    pub(super) fn start(dir: &Path) -> Result<Self> {
        let place = tempfile::tempdir_in(dir)?;
        let [.., high, low] = std::process::id().to_be_bytes();
        let address = IpAddr::V4(Ipv4Addr::new(127, 8, high, low.clamp(1, 254)));
        let config = format!(
            "log stderr\n logging level main fatal\n logging level ss fatal\nline vty\n no login\n bind {address}\n\
             ctrl\n bind {address}\nhlr\n gsup\n  bind ip {address}\n"
        );
        std::fs::write(place.path().join("hlr.cfg"), config)?;
        let mut hlr = Self { process: None, address, place };
        hlr.restart()?;
        Ok(hlr)
    }

    /// Starts it again with what it had; answers when it listens.
    pub(super) fn restart(&mut self) -> Result<()> {
        self.kill();
        let mut process = Command::new("osmo-hlr");
        process.args(["-c", "hlr.cfg", "-l", "hlr.db"]).current_dir(self.place.path());
        let process = process.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        self.process = Some(process.spawn().context("is osmo-hlr installed?")?);
        let began = Instant::now();
        while TcpStream::connect((self.address, CTRL)).is_err() {
            ensure!(began.elapsed() < START, "osmo-hlr does not listen at {}", self.address);
            std::thread::park_timeout(Duration::from_millis(20));
        }
        Ok(())
    }

    /// SIGKILL, and gone for certain.
    pub(super) fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            let _already_dead = process.kill();
            let _gone = process.wait();
        }
    }

    /// Stops it where it is, or lets it go on.
    pub(super) fn hang(&self, hangs: bool) -> Result<()> {
        let process = self.process.as_ref().context("it does not run")?;
        let signal = if hangs { "-STOP" } else { "-CONT" };
        let id = process.id().to_string();
        let sent = Command::new("sh").args(["-c", "kill $0 $1", signal, &id]).status()?;
        ensure!(sent.success(), "no signal reached osmo-hlr");
        Ok(())
    }
}
