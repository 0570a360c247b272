//! A driver in sixty lines (`driver.rs`, also in `docs/drivers.md`), and the suite that every driver must pass, run on it.
//!
//! `cargo run -p provisor-drivers --example own_driver`

mod driver;

use provisor_domain::TicketId;
use provisor_drivers::conformance::{Suite, World};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let sim = |number: u8| format!("891039000000000000{number}").parse().map(|iccid| (iccid, None));
    let number = |number: u8| format!("0770090000{number}").parse();
    let world = World {
        sims: [sim(0)?, sim(1)?, sim(2)?, sim(3)?],
        numbers: [number(0)?, number(1)?, number(2)?, number(3)?],
        tariffs: ["EU".parse()?, "WORLD".parse()?],
        apns: ["internet".parse()?, "iot".parse()?],
        bolton: "ROAMING".parse()?,
        bar: "NO_SMS".parse()?,
        suspending_bar: "SUSPENDED".parse()?,
        first_ticket: TicketId::FIRST,
    };
    Suite::new(&driver::Memory::default(), world).run().await?;
    Ok(())
}
