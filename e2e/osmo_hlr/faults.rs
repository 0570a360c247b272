//! An HLR that fails under load: killed and started again, its connections cut, hung for 30 seconds. Nothing is lost, no
//! ticket is stuck, another network's tickets go on, and at the end books and HLR say the same.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::Scope;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::hlr::proxy::Proxy;
use crate::hlr::{CTRL, OsmoHlr, VTY};
use crate::rig::*;

/// SIMs at the HLR and at the other network, and clients that share them.
const SIMS: [usize; 2] = [40, 10];
const CLIENTS: usize = 2;
/// How long the HLR hangs.
const HANG: Duration = Duration::from_secs(30);
/// How long it works undisturbed before, for comparison, and between faults.
const CALM: Duration = Duration::from_secs(6);
/// How long the last tickets may take.
const LAST_TICKET_WITHIN: Duration = Duration::from_mins(2);
/// How long a command takes at the other network: so long that it, and not this machine, sets the pace there.
const OTHERS_LATENCY: &str = "latency_ms = 400\n";
/// The share of its calm throughput that the other network keeps at least. Generous: what it does on a machine that
/// does other things, too, is not asserted but printed.
const OTHERS_KEEP: f64 = 0.3;
/// The tickets that are open, and what became of them so far.
const OPEN: &str =
    "SELECT network, state, id, iccid, raised_at, due_at, epoch, attempts, in_doubt, failure_reason
    FROM ticket WHERE state IN ('pending', 'running', 'unknown')";
/// How long a client whose orders are all open waits before it looks again.
const LOOK: Duration = Duration::from_millis(20);

fn sim(network: usize, number: usize) -> String {
    format!("89103900003{network}{number:07}")
}

fn catalogue(ctrl: &Proxy, vty: &Proxy) -> String {
    let ports = format!("ctrl_port = {}\nvty_port = {}\n", ctrl.port, vty.port);
    let real = format!("driver = \"osmo-hlr\"\ndeadline_ms = 2000\n{ports}");
    let mut text = BASE.replacen("driver = \"simulated\"\n", &real, 1);
    // A number rests for days after its service: there are more than the fastest machine uses up.
    text = text.replacen("\"07700900999\"", "\"07700999999\"", 1);
    // The second network is one that works.
    let range = format!("{OTHERS_LATENCY}number_range = [\"07800900000\", \"07800999999\"]");
    text = text.replace("outage_file = \"network-is-down\"", &range);
    for (network, code) in [(0, "AS"), (1, "DOWN")] {
        for number in 0..SIMS[network] {
            let (iccid, imsi) =
                (sim(network, number), 901_710_000_000_000 + network * 1_000 + number);
            // Writing to a String cannot fail.
            let _infallible = write!(
                text,
                "\n[[sim]]\niccid = \"{iccid}\"\nimsi = \"{imsi}\"\ncustomer = \"1000000\"\nnetwork = \"{code}\"\n"
            );
        }
    }
    text
}

/// The order that follows the last one of a SIM.
fn order(step: usize, network: usize, sim: &str) -> (&'static str, Value) {
    let [tariff, bar] = [["TEASEU1000MB", "AS_SUS_MSISDN"], ["TDOWN", "DOWN_SUS"]][network];
    let service = json!({"sim": sim});
    match step % 4 {
        0 => (
            "connectService",
            json!({"sim": sim, "name": "Unit", "contractCode": "1000274", "tariffCode": tariff}),
        ),
        1 => ("addBar", json!({"service": service, "barCode": bar})),
        2 => ("removeBar", json!({"service": service, "barCode": bar})),
        _ => ("disconnectService", json!({"service": service})),
    }
}

/// Orders for its SIMs, each when the one before is over, until `stop`. Every ticket that ends has been carried out.
fn keep_busy(mut caller: Caller, network: usize, sims: std::ops::Range<usize>, stop: &AtomicBool) {
    let mut standing: Vec<(String, usize, Option<String>)> =
        sims.map(|number| (sim(network, number), 0, None)).collect();
    while !stop.load(Ordering::Relaxed) {
        let mut idle = true;
        for (sim, step, ticket) in &mut standing {
            if let Some(id) = ticket {
                let shown = caller.ticket(id);
                if shown["status"] == "Processing" {
                    continue;
                }
                assert_eq!(shown["status"], "Completed", "{shown}");
                *step += 1;
            }
            let (method, members) = order(*step, network, sim);
            *ticket = Some(caller.call(method, members).ticket());
            idle = false;
        }
        if idle {
            std::thread::park_timeout(LOOK);
        }
    }
}

fn completed(world: &World, network: &str) -> usize {
    let sql =
        format!("SELECT count(*) FROM ticket WHERE network = '{network}' AND state = 'completed'");
    world.books().column(&sql)[0].parse().expect("a count")
}

/// Lets so much time go by, while something else happens. Parking once is no measure: a thread that has joined others (every
/// question to the books on PostgreSQL does) may be woken at once.
fn let_pass(span: Duration) {
    let _nothing_is_awaited = within::<()>(span, || None);
}

/// Tickets a second that the other network completes while `during` runs.
fn others(world: &World, during: impl FnOnce()) -> f64 {
    let (before, began) = (completed(world, "DOWN"), Instant::now());
    during();
    #[expect(clippy::cast_precision_loss, reason = "thousands")]
    let done = (completed(world, "DOWN") - before) as f64;
    done / began.elapsed().as_secs_f64()
}

/// Waits until the HLR's network has completed `more` tickets.
fn progress(world: &World, more: usize) {
    let wanted = completed(world, "AS") + more;
    eventually_within(LAST_TICKET_WITHIN, "tickets at the HLR to be carried out", || {
        (completed(world, "AS") >= wanted).then_some(())
    });
}

#[test]
#[expect(clippy::print_stdout, reason = "figures are shown, not asserted")]
fn an_hlr_that_dies_hangs_and_loses_answers_under_load_loses_nothing_and_harms_nobody() {
    let mut hlr = OsmoHlr::start();
    let proxy = |port| Proxy::before(SocketAddr::new(hlr.address, port));
    let (ctrl, vty) = (proxy(CTRL), proxy(VTY));
    let world = World::with(&catalogue(&ctrl, &vty));
    let server = world.serve();
    super::give(&world, &hlr, &["AS", "DOWN"]);
    let credential = world.credential("alice", &[]);
    let stop = AtomicBool::new(false);
    let figures = std::thread::scope(|scope: &Scope<'_, '_>| {
        for network in [0, 1] {
            for client in 0..CLIENTS {
                let caller = Caller::new(&server, "alice", &credential);
                let sims = client * SIMS[network] / CLIENTS..(client + 1) * SIMS[network] / CLIENTS;
                let stop = &stop;
                scope.spawn(move || keep_busy(caller, network, sims, stop));
            }
        }
        // Ends the clients when a condition is waited for in vain, too.
        let _stops = Stops(&stop);
        progress(&world, 50);
        let calm = others(&world, || let_pass(CALM));
        let dying = others(&world, || {
            for _ in 0..3 {
                hlr.kill();
                let_pass(Duration::from_millis(500));
                hlr.restart();
                progress(&world, 40);
            }
        });
        let cut = others(&world, || {
            for round in 0..20 {
                let proxy = if round % 2 == 0 { &ctrl } else { &vty };
                let cuts = proxy.cuts();
                proxy.cut_after(37 * round % 101);
                eventually("a connection to be cut", || (proxy.cuts() > cuts).then_some(()));
                progress(&world, 5);
            }
        });
        let hung = others(&world, || {
            hlr.hang(true);
            let_pass(HANG);
            hlr.hang(false);
            progress(&world, 40);
        });
        [calm, dying, cut, hung]
    });
    let open = || world.books().rows(OPEN);
    let ended = within(LAST_TICKET_WITHIN, || open().is_empty().then_some(()));
    assert!(ended.is_some(), "tickets that do not end: {:?}", open());
    assert_eq!(world.books().column("SELECT count(*) FROM subject_lock"), ["0"], "locks are left");
    let states = world.books().rows("SELECT state, count(*) FROM ticket GROUP BY state");
    assert_eq!(states.len(), 1, "not all were carried out: {states:?}");
    super::assert_agree(&world, &hlr);
    let [calm, faulty @ ..] = figures;
    println!("tickets/s of the other network: calm {calm:.0}, while the HLR");
    for (what, rate) in ["dies", "is cut off", "hangs"].into_iter().zip(faulty) {
        println!("  {what}: {rate:.0} ({:.0} %)", 100.0 * rate / calm);
        assert!(rate >= OTHERS_KEEP * calm, "{what}: {rate} of {calm}");
    }
}

/// Ends clients when it goes, however that comes about.
struct Stops<'a>(&'a AtomicBool);

impl Drop for Stops<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
