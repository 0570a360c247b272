//! What must be true of a history: of what the clients were told, of the books, of what the network wrote down.
//!
//! When a ticket was opened and when it ended is told by the moments at which the database committed it, not by anybody's
//! clock: the line of the audit trail that says that it was opened, and its last attempt.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use jiff::SignedDuration;
use provisor_domain::Iccid;
use provisor_domain::driver::OnceKey;
use provisor_domain::limits::COMMAND_SECONDS_MAX;
use provisor_drivers::simulator::{LoggedCommand, Simulator};

use crate::crash::{Remains, all_tickets_are_known, remains};
use crate::rig::*;

use super::clients::Clients;
use super::nemesis::Thaw;

/// Rules besides those of the crash test, as queries that find those who break them.
const RULES: [(&str, &str); 4] = [
    (
        "every ticket has ended, or waits for a person",
        "SELECT id FROM ticket WHERE finished_at IS NULL AND state <> 'unknown'",
    ),
    (
        "a ticket ends once",
        "SELECT ticket_id FROM attempt WHERE state IN ('completed', 'failed', 'cancelled')
             GROUP BY ticket_id HAVING count(*) > 1",
    ),
    (
        "a ticket is as its last attempt left it",
        "SELECT id FROM ticket WHERE state <> (SELECT attempt.state FROM attempt
             WHERE ticket_id = id ORDER BY attempt.epoch DESC LIMIT 1)",
    ),
    (
        "a subject has one open ticket at most, at every moment",
        "SELECT subject FROM (
             SELECT subject, opened, lag(ended) OVER (PARTITION BY subject ORDER BY opened) AS before FROM (
                 SELECT unnest(subjects) AS subject,
                     (SELECT pg_xact_commit_timestamp(audit.xmin) FROM audit
                         WHERE object = 'ticket:' || ticket.id AND action = 'ticket.open') AS opened,
                     (SELECT pg_xact_commit_timestamp(attempt.xmin) FROM attempt
                         WHERE ticket_id = ticket.id ORDER BY attempt.epoch DESC LIMIT 1) AS ended
                 FROM ticket
             ) AS span
         ) AS spans WHERE opened IS NULL OR before > opened",
    ),
];

/// What a history shows.
pub(super) struct Report {
    told: String,
    tickets: usize,
    unknown: Vec<String>,
    taken_over: usize,
    /// Services that moved to another SIM.
    moved: usize,
    freezes: usize,
    commands: usize,
    stale: Vec<String>,
}

/// Commands that came after a newer one for their SIM, and the SIMs that are as such a command left them.
fn late(log: &[LoggedCommand]) -> (Vec<&LoggedCommand>, BTreeSet<String>) {
    let key = |once: OnceKey| (once.ticket, once.epoch);
    let mut newest = BTreeMap::<&Iccid, OnceKey>::new();
    let (mut stale, mut spoilt) = (Vec::new(), BTreeSet::new());
    for command in log {
        let done = command.outcome.starts_with("done");
        for (iccid, _) in &command.wants {
            let newest = newest.entry(iccid).or_insert(command.once);
            if key(command.once) < key(*newest) {
                stale.push(command);
                spoilt.extend(done.then(|| iccid.to_string()));
                continue;
            }
            *newest = command.once;
            // What it sets is what is wanted, whatever came between.
            if done || command.outcome == "unchanged" {
                spoilt.remove(iccid.as_str());
            }
        }
    }
    (stale, spoilt)
}

/// Whether no SIM is as a stale command left it.
pub(super) fn is_repaired(world: &World) -> bool {
    let log = Simulator::logged(&world.dir().join("network-AS.db"));
    late(&log.expect("the network's file")).1.is_empty()
}

/// The freeze that explains a stale command: it came right after that node went on.
fn explained(command: &LoggedCommand, thaws: &[Thaw]) -> String {
    let window = SignedDuration::from_secs(COMMAND_SECONDS_MAX.cast_signed());
    let right_after = |thaw: &&Thaw| (thaw.at..thaw.at + window).contains(&command.at);
    let from = thaws.iter().find(right_after);
    let Thaw { node, .. } = from.unwrap_or_else(|| panic!("no freeze explains it: {command:?}"));
    format!("{:?} {} after node {node} went on", command.once, command.outcome)
}

/// Checks everything. All nodes have stopped.
pub(super) fn check(world: &World, clients: &Clients, thaws: &[Thaw]) -> Report {
    let promises = clients.promises();
    let left = Remains::of(world);
    for (rule, broken_by) in RULES {
        let broken = left.books.column(broken_by);
        assert!(broken.is_empty(), "not so: {rule}: {broken:?}");
    }
    let log = Simulator::logged(&left.network).expect("the network's file");
    let (stale, _) = late(&log);
    let stale: Vec<String> = stale.iter().map(|command| explained(command, thaws)).collect();
    assert!(stale.len() <= thaws.len(), "one prepared command a freeze: {stale:?}");
    remains(&left, &promises, "the end");
    all_tickets_are_known(&left.books, &promises, clients.lost());
    let count = |sql: &str| left.books.column(sql).len();
    Report {
        told: clients.told(),
        tickets: promises.len(),
        unknown: left.books.column(
            "SELECT 'ticket ' || id || ' (' || kind || '): ' || failure_reason FROM ticket
             WHERE state = 'unknown'",
        ),
        taken_over: count(
            "SELECT id FROM ticket WHERE epoch > (SELECT count(*) FROM attempt WHERE ticket_id = id)",
        ),
        moved: count("SELECT id FROM ticket WHERE kind = 'change_sim' AND state = 'completed'"),
        freezes: thaws.len(),
        commands: log.len(),
        stale,
    }
}

impl Report {
    /// Asserts that so many orders were accepted at least, and that some of them had two subjects.
    pub(super) fn shows_load(&self, tickets: usize) {
        assert!(self.tickets >= tickets && self.moved > 0, "hardly any load: {self}");
    }

    /// Asserts that workers lost tickets to others.
    pub(super) fn shows_takeovers(&self) {
        assert!(self.taken_over > 0, "nobody took a ticket over: {self}");
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.told)?;
        write!(
            f,
            "{} promised, {} moved a service, {} wait for a person, {} were taken over; {} commands at the network, {} of them \
             stale after {} freezes",
            self.tickets,
            self.moved,
            self.unknown.len(),
            self.taken_over,
            self.commands,
            self.stale.len(),
            self.freezes
        )?;
        self.unknown.iter().try_for_each(|unknown| write!(f, "\nwaits for a person: {unknown}"))?;
        self.stale.iter().try_for_each(|stale| write!(f, "\nstale: {stale}"))
    }
}
