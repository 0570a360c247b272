//! How many commands a second the simulated network carries out, and what a status costs.
//!
//! `cargo run --release -p provisor-drivers --example simulator_rate`

use std::sync::Arc;
use std::time::{Duration, Instant};

use provisor_domain::TicketId;
use provisor_domain::driver::{Command, Driver, OnceKey, Outcome, Subscription, Want, Wanted};
use provisor_domain::service::Products;
use provisor_drivers::simulator::{Settings, Simulator};

const COMMANDS: usize = 200_000;
const UNDER_WAY: usize = 1_000;

#[tokio::main]
#[expect(clippy::print_stdout, reason = "the figures are what it is for")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let file = std::env::temp_dir().join(format!("simulator-rate-{}.db", std::process::id()));
    let simulator: Arc<dyn Driver> =
        Arc::new(Simulator::open(&"AS".parse()?, &file, Settings::default())?);
    println!("{UNDER_WAY} commands under way at once, {COMMANDS} commands each:");
    for (ticket, what, state) in
        [(1, "connect", true), (2, "nothing to do", true), (3, "disconnect", false)]
    {
        let (wall, done) = ensure_all(&simulator, ticket, state).await?;
        let rate = f64::from(u32::try_from(COMMANDS)?) / wall.as_secs_f64();
        println!("{what:>14}: {rate:>9.0}/s, {done} done");
        if ticket == 2 {
            let began = Instant::now();
            for sim in 0..COMMANDS {
                simulator.status(&iccid(scattered(sim))?, None).await;
            }
            println!("{:>14}: {:?} each", "status", began.elapsed() / u32::try_from(COMMANDS)?);
        }
    }
    drop(simulator);
    std::fs::remove_file(file)?;
    Ok(())
}

fn iccid(number: usize) -> Result<provisor_domain::Iccid, provisor_domain::Malformed> {
    format!("89103900000{number:08}").parse()
}

/// A permutation of the SIMs, so that they don't come in the order of the keys.
fn scattered(sim: usize) -> usize {
    sim * 7_919 % COMMANDS
}

async fn ensure_all(
    driver: &Arc<dyn Driver>,
    ticket: i64,
    present: bool,
) -> Result<(Duration, usize), Box<dyn std::error::Error>> {
    let once = OnceKey { ticket: TicketId::new(ticket).ok_or("ticket")?, epoch: 1 };
    let mut commands = Vec::new();
    for sim in 0..COMMANDS {
        let number = scattered(sim);
        let subscription = Subscription {
            msisdn: Some(format!("07700{number:06}").parse()?),
            tariff: "TEASEU1000MB".parse()?,
            products: Products::default(),
        };
        let state = if present { Wanted::Present(subscription) } else { Wanted::Absent };
        commands
            .push(Command { once, wants: vec![Want { iccid: iccid(number)?, imsi: None, state }] });
    }
    let commands = Arc::new(commands);
    let began = Instant::now();
    let mut workers = tokio::task::JoinSet::new();
    for worker in 0..UNDER_WAY {
        let (driver, commands) = (Arc::clone(driver), Arc::clone(&commands));
        workers.spawn(async move {
            let mut done = 0;
            for command in commands.iter().skip(worker).step_by(UNDER_WAY) {
                done += usize::from(driver.ensure(command).await == Outcome::Done);
            }
            done
        });
    }
    let done = workers.join_all().await.into_iter().sum();
    Ok((began.elapsed(), done))
}
