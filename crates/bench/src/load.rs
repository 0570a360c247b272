//! The load: keep-alive connections that each send a request, wait for the whole answer, and send the next.

use std::borrow::Cow;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// What a load came to.
#[derive(Debug, Clone)]
pub(crate) struct Rate {
    pub(crate) per_second: f64,
    pub(crate) requests: u64,
    pub(crate) p50: Duration,
    pub(crate) p99: Duration,
    pub(crate) max: Duration,
}

/// A request by POST.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) path: Cow<'static, str>,
    /// Further headers, each with its line end.
    pub(crate) headers: &'static str,
    pub(crate) body: String,
}

/// Makes the request with this number.
pub(crate) type Requests = Arc<dyn Fn(usize) -> Request + Send + Sync>;

/// Says when a load has lasted long enough.
pub(crate) type Enough = Arc<dyn Fn() -> bool + Send + Sync>;

/// What is sent to whom.
#[derive(Clone)]
pub(crate) struct Load {
    /// Connections go to these in turn.
    pub(crate) addresses: Vec<SocketAddr>,
    pub(crate) requests: Requests,
    /// The number of the next request; shared by loads that must not repeat each other's.
    pub(crate) next: Arc<AtomicUsize>,
}

/// Sends `load` over `connections` for `period`. Every answer must be a success.
pub(crate) fn run(load: &Load, connections: usize, period: Duration) -> Result<Rate> {
    let until = Instant::now() + period;
    let enough: Enough = Arc::new(move || Instant::now() >= until);
    run_until(load, connections, &enough)
}

/// Like [`run`], until `enough` says so.
pub(crate) fn run_until(load: &Load, connections: usize, enough: &Enough) -> Result<Rate> {
    // One thread for the load, like the server's peer tools: the other core is the server's.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let done = Arc::new(AtomicU64::new(0));
        let began = Instant::now();
        let tasks: Vec<_> = (0..connections)
            .map(|number| {
                let address = load.addresses[number % load.addresses.len()];
                tokio::spawn(connection(address, load.clone(), enough.clone(), done.clone()))
            })
            .collect();
        let mut took = Vec::new();
        for task in tasks {
            took.extend(task.await??);
        }
        let seconds = began.elapsed().as_secs_f64();
        took.sort_unstable();
        let requests = done.load(Ordering::Relaxed);
        let at = |share: usize| took.get(took.len() * share / 100).copied().unwrap_or_default();
        #[expect(clippy::cast_precision_loss, reason = "counts of seconds of requests")]
        let per_second = requests as f64 / seconds;
        Ok(Rate {
            per_second,
            requests,
            p50: at(50),
            p99: at(99),
            max: took.last().copied().unwrap_or_default(),
        })
    })
}

async fn connection(
    address: SocketAddr,
    load: Load,
    enough: Enough,
    done: Arc<AtomicU64>,
) -> Result<Vec<Duration>> {
    let mut stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let mut took = Vec::new();
    let mut buffer = Vec::with_capacity(4096);
    while !enough() {
        let Request { path, headers, body } =
            (load.requests)(load.next.fetch_add(1, Ordering::Relaxed));
        let request = format!(
            "POST {path} HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\n{headers}Content-Length: {}\r\n\r\n{body}",
            body.len()
        );
        let began = Instant::now();
        stream.write_all(request.as_bytes()).await?;
        answer(&mut stream, &mut buffer).await?;
        took.push(began.elapsed());
        done.fetch_add(1, Ordering::Relaxed);
    }
    Ok(took)
}

/// Reads one answer and checks that it is a success.
async fn answer(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> Result<()> {
    buffer.clear();
    loop {
        if stream.read_buf(buffer).await? == 0 {
            bail!("the server closed the connection");
        }
        let Some(head) = buffer.windows(4).position(|four| four == b"\r\n\r\n") else { continue };
        let text = std::str::from_utf8(&buffer[..head])?.to_ascii_lowercase();
        let length = text.split("content-length: ").nth(1).context("no content length")?;
        let length: usize = length.lines().next().unwrap_or_default().trim().parse()?;
        if buffer.len() < head + 4 + length {
            continue;
        }
        let body = &buffer[head + 4..];
        let begins = [b"{\"ok\":true".as_slice(), b"{\"ParCustId\""];
        if !begins.into_iter().any(|beginning| body.starts_with(beginning)) {
            bail!("not a success: {}", String::from_utf8_lossy(body));
        }
        return Ok(());
    }
}
