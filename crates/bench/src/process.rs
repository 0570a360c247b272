//! A server under measurement: started, timed until it listens, read for CPU and memory, ended.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

/// A running server.
#[derive(Debug)]
pub(crate) struct Server {
    child: Child,
    pub(crate) address: SocketAddr,
    pub(crate) ready_after: Duration,
}

impl Server {
    /// Starts `command` and waits for its `listening on http://ADDR`.
    pub(crate) fn start(command: &mut Command) -> Result<Self> {
        let began = Instant::now();
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
        let stdout = child.stdout.take().context("no standard output")?;
        let mut lines = BufReader::new(stdout).lines();
        let address = loop {
            let Some(line) = lines.next().transpose()? else {
                bail!("the server ended before it listened: {command:?}");
            };
            if let Some(address) = line.strip_prefix("listening on http://") {
                break address.parse()?;
            }
        };
        // Whatever it prints later must not fill the pipe.
        std::thread::spawn(move || lines.for_each(drop));
        Ok(Self { child, address, ready_after: began.elapsed() })
    }

    /// `provisor serve` on a database, with what a benchmark needs switched off.
    pub(crate) fn provisor(database: &Path, group_max: usize) -> Result<Self> {
        Self::build(&sibling("provisor")?, database, group_max)
    }

    /// The same of the build at `program`.
    pub(crate) fn build(program: &Path, database: &Path, group_max: usize) -> Result<Self> {
        let url = format!("sqlite://{}", database.display());
        Self::serve(&mut Command::new(program), &url, group_max)
    }

    /// `provisor serve` on a database of PostgreSQL, with a data folder of its own.
    pub(crate) fn node(url: &str, group_max: usize, data_dir: &Path) -> Result<Self> {
        Self::node_of(&sibling("provisor")?, url, group_max, data_dir)
    }

    /// The same of the build at `program`.
    pub(crate) fn node_of(
        program: &Path,
        url: &str,
        group_max: usize,
        data_dir: &Path,
    ) -> Result<Self> {
        let mut program = Command::new(program);
        Self::serve(program.env("PROVISOR_DATA_DIR", data_dir), url, group_max)
    }

    fn serve(program: &mut Command, url: &str, group_max: usize) -> Result<Self> {
        Self::start(
            program
                .args(["serve", "--listen", "127.0.0.1:0", "--database", url])
                .args(["--log", "error"])
                .env("PROVISOR_HTTP_REQUESTS_PER_SECOND", "0")
                .env("PROVISOR_STORE_GROUP_COMMIT_MAX", group_max.to_string()),
        )
    }

    /// The floor.
    pub(crate) fn floor() -> Result<Self> {
        Self::start(Command::new(std::env::current_exe()?).arg("floor"))
    }

    /// CPU time used so far, user and system.
    pub(crate) fn cpu(&self) -> Result<Duration> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id()))?;
        let after_name = stat.rsplit_once(')').context("odd /proc/PID/stat")?.1;
        let fields: Vec<&str> = after_name.split_whitespace().collect();
        let ticks: u64 = fields[11].parse::<u64>()? + fields[12].parse::<u64>()?;
        Ok(Duration::from_millis(ticks * 10)) // USER_HZ is 100 on Linux
    }

    /// Resident memory in MiB.
    pub(crate) fn resident_mib(&self) -> Result<f64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).context("no VmRSS")?;
        let kib: f64 = line.split_whitespace().nth(1).context("no figure")?.parse()?;
        Ok(kib / 1024.0)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Ended either way; a benchmark has nothing to lose.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A program built beside this one.
pub(crate) fn sibling(name: &str) -> Result<std::path::PathBuf> {
    let path = std::env::current_exe()?.with_file_name(name);
    if !path.exists() {
        bail!("{} is not there: build it first (`just bench` does)", path.display());
    }
    Ok(path)
}
