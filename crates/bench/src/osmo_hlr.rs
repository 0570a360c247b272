//! Connect tickets carried out at a real osmo-hlr, in process, against what the same HLR takes from a bare CTRL client that
//! makes the same subscribers: 32 requests under way, no question asked and nothing read back.

use std::io::{BufReader, Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use provisor_domain::driver::Element;
use provisor_drivers::osmo_hlr::{OsmoHlr, Settings};
use provisor_engine::NetworkFactory;
use provisor_store::sqlite::{Options, SqliteStore};
use serde_json::json;

use crate::world::{self, Worlds};
use crate::{Size, drain, report};

/// Tickets of one drain: an HLR on a disk takes a hundred or so a second.
const TICKETS_MAX: usize = 2_000;
/// Requests of the bare client under way.
const WINDOW: usize = 32;
const CTRL: u16 = 4259;
/// How long an HLR may take to start.
const START: Duration = Duration::from_secs(10);

/// An HLR; killed when dropped.
struct Hlr {
    process: Child,
    address: IpAddr,
    _place: tempfile::TempDir,
}

impl Drop for Hlr {
    fn drop(&mut self) {
        let _already_dead = self.process.kill();
        let _gone = self.process.wait();
    }
}

impl Hlr {
    /// A new one, whose database is below `dir`.
    fn start(dir: &Path) -> Result<Self> {
        let place = tempfile::tempdir_in(dir)?;
        let [.., high, low] = std::process::id().to_be_bytes();
        let address = IpAddr::V4(Ipv4Addr::new(127, 8, high, low.clamp(1, 254)));
        let config = format!(
            "log stderr\n logging level main fatal\n logging level ss fatal\nline vty\n no login\n bind {address}\n\
             ctrl\n bind {address}\nhlr\n gsup\n  bind ip {address}\n"
        );
        std::fs::write(place.path().join("hlr.cfg"), config)?;
        let mut process = Command::new("osmo-hlr");
        process.args(["-c", "hlr.cfg", "-l", "hlr.db"]).current_dir(place.path());
        let process = process.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let process = process.spawn().context("is osmo-hlr installed?")?;
        let hlr = Self { process, address, _place: place };
        let began = Instant::now();
        while TcpStream::connect((address, CTRL)).is_err() {
            ensure!(began.elapsed() < START, "osmo-hlr does not listen at {address}");
            std::thread::park_timeout(Duration::from_millis(20));
        }
        Ok(hlr)
    }
}

/// Measures on the disk and in memory.
pub(crate) async fn run(worlds: &Worlds, size: &Size) -> Result<()> {
    let tickets = size.tickets.min(TICKETS_MAX);
    let disk = tempfile::tempdir()?;
    for (place, dir) in [("a disk", disk.path()), ("memory", Path::new("/dev/shm"))] {
        let rounds = size.rounds;
        report::heading(&format!(
            "osmo-hlr on {place}: {tickets} connects, {rounds} rounds, medians"
        ));
        let (mut bare, mut carried, mut operations) = (Vec::new(), Vec::new(), 0.0);
        for _ in 0..size.rounds {
            let hlr = Hlr::start(dir)?;
            bare.push(ceiling(&hlr, size.services, tickets)?);
            drop(hlr);
            let hlr = Hlr::start(dir)?;
            let (rate, each) = through(&hlr, &worlds.fresh, size, tickets).await?;
            carried.push(rate);
            operations = each;
        }
        let (bare, carried) = (report::median(&bare), report::median(&carried));
        report::figure("ceiling: a bare CTRL client, create and number", bare, "subscribers/s");
        report::figure("connect tickets through provisor", carried, "tickets/s");
        report::figure("requests to the HLR per ticket", operations, "");
        report::ratio("tickets / ceiling", carried / bare, 0.9);
    }
    Ok(())
}

#[expect(clippy::cast_precision_loss, reason = "counts of tickets")]
fn per_second(count: usize, began: Instant) -> f64 {
    count as f64 / began.elapsed().as_secs_f64()
}

/// Subscribers a second that a bare client makes.
fn ceiling(hlr: &Hlr, first: usize, count: usize) -> Result<f64> {
    let stream = TcpStream::connect(SocketAddr::new(hlr.address, CTRL))?;
    stream.set_nodelay(true)?;
    let mut answers = BufReader::new(stream.try_clone()?);
    let mut requests = stream;
    let began = Instant::now();
    let mut under_way = 0;
    for number in first..first + count {
        let (imsi, cli) = (world::imsi(number), world::cli(number));
        for text in [
            format!("\0SET 1 subscriber.create {imsi}"),
            format!("\0SET 1 subscriber.by-imsi-{imsi}.msisdn {cli}"),
        ] {
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
    Ok(per_second(count, began))
}

fn answer(answers: &mut impl Read) -> Result<()> {
    let mut head = [0; 3];
    answers.read_exact(&mut head)?;
    let mut text = vec![0; usize::from(u16::from_be_bytes([head[0], head[1]]))];
    answers.read_exact(&mut text)?;
    let text = String::from_utf8_lossy(&text);
    ensure!(text.starts_with("\0SET_REPLY"), "the HLR says {text:?}");
    Ok(())
}

/// Tickets a second, and requests to the HLR for each.
async fn through(hlr: &Hlr, world: &Path, size: &Size, tickets: usize) -> Result<(f64, f64)> {
    let dir = tempfile::tempdir()?;
    let copy = dir.path().join("drain.db");
    std::fs::copy(world, &copy)?;
    let store = SqliteStore::open(&copy, Options::default())?;
    drain::open(&store, size.services, tickets).await?;
    let settings = json!({ "address": hlr.address.to_string() });
    let settings = settings.as_object().context("a table")?;
    let settings = Settings::from_json(settings).map_err(anyhow::Error::msg)?;
    let keys = provisor_drivers::Surroundings::new(dir.path()).keys;
    let driver = Arc::new(OsmoHlr::new(&"AS".parse()?, settings, keys));
    let shared = Arc::clone(&driver);
    let build: NetworkFactory = Arc::new(move |_| Ok(Element::Network(shared.clone())));
    let began = Instant::now();
    let running = drain::start_with(Arc::new(store), build, true).await?;
    drain::wait_for_all(&copy).await?;
    let rate = per_second(tickets, began);
    running.stop().await;
    let failed: u64 = rusqlite::Connection::open(&copy)?.query_row(
        "SELECT count(*) FROM ticket WHERE network = 'AS' AND state <> 'completed'",
        [],
        |row| row.get(0),
    )?;
    ensure!(failed == 0, "{failed} tickets were not carried out");
    #[expect(clippy::cast_precision_loss, reason = "counts of requests")]
    let each = driver.operations() as f64 / tickets as f64;
    Ok((rate, each))
}
