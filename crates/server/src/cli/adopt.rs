//! `provisor adopt begin|check|finish|status`

use anyhow::{Result, bail};
use clap::{Args, Subcommand};
use provisor_domain::ticket::About;
use provisor_engine::{Checking, Stands, TicketRead};
use serde_json::{Value, json};

use super::Session;
use super::network::{self, Eyes};
use crate::output::{self, Text, Tone, count, note, plain, say};

const AFTER: &str = "\
After a restore:
  provisor adopt begin                    before the server is started; a server that notices it
                                          does it by itself
  provisor serve                          answers callers 000 / 503, and sends nothing
  provisor mail sync                      with a mail system
  provisor adopt check                    reads the networks; shows where each open ticket
                                          stands, and what differs
  provisor adopt finish                   tickets are carried out again, callers are served

docs/operate.md tells what to do about what the check shows, and what it cannot know.";

/// Adopt a database that was restored from a backup
///
/// The networks may be newer than a restored database. From begin to finish no node carries out a ticket, so nothing is sent
/// before the networks were read, and every API call is answered with error 000 (HTTP 503).
#[derive(Debug, Subcommand)]
#[command(after_help = AFTER)]
pub(crate) enum Adopt {
    /// Carry out no tickets from now on; what mail systems were told after the backup is void
    #[command(after_help = AFTER)]
    Begin,
    Check(Check),
    Finish(Finish),
    /// Say whether a database is being adopted, and what is to be done next
    #[command(after_help = AFTER)]
    Status,
}

const AFTER_CHECK: &str = "\
Where a ticket stands:
  done         the network has what it orders: it will be confirmed
  not done     the network has what it had before: it will be carried out
  otherwise    the network has something else, which carrying it out would overwrite: cancel it,
               or let it
  books only   it changes nothing at the network
  impossible   the books do not allow it: it will fail
  unread       the network could not tell

Of services that were ordered after the backup the books know nothing, and no network is asked
for what the books do not know: compare with your integrators.";

/// Read the networks: where each open ticket stands there, and what differs from the books
///
/// Changes nothing at the networks. What differs is written down as `restored` and is never repaired by itself.
#[derive(Debug, Args)]
#[command(after_help = AFTER_CHECK)]
pub(crate) struct Check {
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Carry out tickets again and serve callers
///
/// Refuses when the networks were not read since the adoption began.
#[derive(Debug, Args)]
#[command(after_help = AFTER)]
pub(crate) struct Finish {
    /// Although the networks were not read, or not all of them
    #[arg(long)]
    unread: bool,
}

impl Adopt {
    pub(crate) async fn run(self, session: &Session) -> Result<()> {
        match self {
            Self::Begin => begin(session).await,
            Self::Check(command) => command.run(session).await,
            Self::Finish(command) => command.run(session).await,
            Self::Status => status(session).await,
        }
    }
}

async fn begin(session: &Session) -> Result<()> {
    let store = session.store().await?;
    let reason = "an operator said so".to_owned();
    if store.adopt_begin(reason, Session::origin(), Session::now()).await? {
        say("the database is being adopted: no ticket is carried out")?;
    } else {
        say("the database is being adopted already")?;
    }
    status(session).await
}

async fn status(session: &Session) -> Result<()> {
    let store = session.store().await?;
    let Some(adopting) = store.adopt_status().await? else {
        return say("no database is being adopted: tickets are carried out");
    };
    say(format!("being adopted since {}", adopting.since))?;
    if !store.tenant_list().await?.is_empty() {
        say("mail systems: run `provisor mail sync` once")?;
    }
    match adopting.read {
        Some(read) => say(format!("the networks were read at {read}; next: provisor adopt finish")),
        None => say("the networks were not read yet; next: provisor adopt check"),
    }
}

impl Check {
    async fn run(self, session: &Session) -> Result<()> {
        let eyes = Eyes::open(session).await?;
        if !eyes.engine.is_adopting().await? {
            bail!(
                "no database is being adopted: `provisor network check` compares networks with the books"
            );
        }
        let mut tickets = Vec::new();
        eyes.engine.read_tickets(|read| tickets.push(read)).await?;
        let how = Checking {
            origin: Session::origin(),
            repair: false,
            restored: true,
            period: session.config.settings.check.period.duration(),
        };
        let mut reports = Vec::new();
        for code in eyes.networks(&[])? {
            reports.push(eyes.check(code, &how).await?);
        }
        if self.json {
            output::json(&json!({
                "tickets": tickets.iter().map(ticket_json).collect::<Vec<_>>(),
                "networks": reports.iter().map(network::report_json).collect::<Vec<_>>(),
            }))?;
        } else {
            show(&tickets)?;
            network::show(&reports)?;
        }
        network::unread(&reports)?;
        let unread = tickets.iter().filter(|read| matches!(read.stands, Stands::Unread { .. }));
        match unread.count() {
            0 => {}
            unread => {
                bail!("of {} it could not be read where they stand", count(unread as u64, "ticket"))
            }
        }
        eyes.store.adopt_read(Session::now()).await?;
        note(
            "everything was read; when you have decided what to do about it: provisor adopt finish",
        );
        Ok(())
    }
}

impl Finish {
    async fn run(self, session: &Session) -> Result<()> {
        let store = session.store().await?;
        let Some(adopting) = store.adopt_status().await? else {
            bail!("no database is being adopted");
        };
        if adopting.read.is_none() && !self.unread {
            bail!(
                "the networks were not read since the adoption began: run `provisor adopt check` first (or say --unread)"
            );
        }
        store.adopt_finish(Session::origin(), Session::now()).await?;
        say("the database is adopted: tickets are carried out and callers are served")
    }
}

fn show(tickets: &[TicketRead]) -> Result<()> {
    if tickets.is_empty() {
        return say("no ticket about a SIM is open\n");
    }
    let head = ["TICKET", "KIND", "NETWORK", "SUBJECT", "STANDS", "WHAT"];
    output::table(head, tickets.iter().map(row).collect())?;
    say("")
}

fn row(read: &TicketRead) -> [Text; 6] {
    let (word, tone, what) = told(&read.stands);
    let subject = match &read.ticket.about {
        About::Service { iccid, .. } => iccid.to_string(),
        About::Portal(customer) => customer.to_string(),
    };
    [
        plain(read.ticket.id),
        plain(read.ticket.kind.as_str()),
        plain(&read.ticket.network),
        plain(subject),
        (word.to_owned(), tone),
        plain(what),
    ]
}

/// The word for where a ticket stands, its tone, and what there is to say about it.
fn told(stands: &Stands) -> (&'static str, Tone, &str) {
    match stands {
        Stands::Done => ("done", Tone::Good, ""),
        Stands::NotDone => ("not done", Tone::Plain, ""),
        Stands::Neither { what } => ("otherwise", Tone::Bad, what),
        Stands::BooksOnly => ("books only", Tone::Dim, ""),
        Stands::Impossible { why } => ("impossible", Tone::Warn, why),
        Stands::Unread { why } => ("unread", Tone::Bad, why),
    }
}

fn ticket_json(read: &TicketRead) -> Value {
    let (stands, _, what) = told(&read.stands);
    json!({
        "id": read.ticket.id,
        "kind": read.ticket.kind.as_str(),
        "network": read.ticket.network,
        "sim": read.ticket.about.iccid(),
        "stands": stands,
        "what": what,
    })
}
