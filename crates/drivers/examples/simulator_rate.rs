//! How many commands a second the simulated network carries out, and what a status costs.
//!
//! `cargo run --release -p provisor-drivers --example simulator_rate`

use std::sync::Arc;
use std::time::{Duration, Instant};

use provisor_domain::driver::{Command, Driver, OnceKey, Outcome, Subscription, Want, Wanted};
use provisor_domain::service::Products;
use provisor_domain::{Iccid, SealedKeys, TicketId};
use provisor_drivers::simulator::{Settings, Simulator};

const COMMANDS: usize = 200_000;
const UNDER_WAY: usize = 1_000;
/// In the order of their numbers, and scattered: a step that shares no divisor with [`COMMANDS`].
const ORDERS: [(&str, usize); 2] = [("in order", 1), ("scattered", 7_919)];

type Failure = Box<dyn std::error::Error>;

#[tokio::main]
#[expect(clippy::print_stdout, reason = "the figures are what it is for")]
async fn main() -> Result<(), Failure> {
    let directory = tempfile::tempdir()?;
    for (name, order) in ORDERS {
        let file = directory.path().join(name);
        let simulator: Arc<dyn Driver> =
            Arc::new(Simulator::open(&"AS".parse()?, &file, Settings::default())?);
        println!("{COMMANDS} SIMs {name}, {UNDER_WAY} commands under way:");
        let runs = [(1, "connect", true), (2, "nothing to do", true), (3, "disconnect", false)];
        for (ticket, what, state) in runs {
            let wall = ensure_all(&simulator, commands(ticket, state, order)?).await;
            let rate = f64::from(u32::try_from(COMMANDS)?) / wall.as_secs_f64();
            println!("{what:>14}: {rate:>7.0}/s");
            if ticket == 2 {
                let began = Instant::now();
                for sim in 0..COMMANDS {
                    simulator.status(&iccid(sim * order % COMMANDS)?, None).await;
                }
                println!("{:>14}: {:?}", "a status", began.elapsed() / u32::try_from(COMMANDS)?);
            }
        }
    }
    Ok(())
}

fn iccid(number: usize) -> Result<Iccid, Failure> {
    Ok(format!("89103900000{number:08}").parse()?)
}

/// Commands for all SIMs, in the order of their numbers or scattered.
fn commands(ticket: i64, state: bool, order: usize) -> Result<Vec<Command>, Failure> {
    let once = OnceKey { ticket: TicketId::new(ticket).ok_or("ticket")?, epoch: 1 };
    let mut commands = Vec::new();
    for sim in 0..COMMANDS {
        let number = sim * order % COMMANDS;
        let subscription = Subscription {
            msisdn: Some(format!("07700{number:06}").parse()?),
            tariff: "TEASEU1000MB".parse()?,
            products: Products::default(),
        };
        let state = if state { Wanted::Present(subscription) } else { Wanted::Absent };
        let wants =
            vec![Want { iccid: iccid(number)?, imsi: None, keys: SealedKeys::default(), state }];
        commands.push(Command { once, wants, fresh: false });
    }
    Ok(commands)
}

async fn ensure_all(driver: &Arc<dyn Driver>, commands: Vec<Command>) -> Duration {
    let commands = Arc::new(commands);
    let began = Instant::now();
    let mut workers = tokio::task::JoinSet::new();
    for worker in 0..UNDER_WAY {
        let (driver, commands) = (Arc::clone(driver), Arc::clone(&commands));
        workers.spawn(async move {
            for command in commands.iter().skip(worker).step_by(UNDER_WAY) {
                assert_eq!(driver.ensure(command).await, Outcome::Done);
            }
        });
    }
    workers.join_all().await;
    began.elapsed()
}
