//! `provisor ticket list|show|retry|cancel`

use anyhow::{Result, bail};
use clap::{Args, Subcommand};
use jiff::Timestamp;
use provisor_domain::limits::{REASON_CHARS_MAX, TICKETS_PER_PAGE_MAX};
use provisor_domain::store::{Store, TicketDetail, TicketFilter, TicketMoved};
use provisor_domain::ticket::{About, Failure, Ticket as Record};
use provisor_domain::{TicketId, TicketState};
use serde_json::{Value, json};

use super::Session;
use super::session::{numbers, parsed, usage};
use crate::output::{self, Text, Tone, note, paint, plain, say};

/// What is to be done about an unknown ticket.
const UNKNOWN: &str = "\
unknown: whether it was done is not known, and its SIM or portal customer stays locked.
`provisor ticket retry ID` is safe: the network is read first, and what is there already is
confirmed. `provisor ticket cancel ID` frees the subject and changes neither side;
`provisor network check` then shows whether the network has it.";

/// Tickets that a list shows unless told otherwise.
const LIMIT_DEFAULT: usize = 100;

/// Look at tickets, and move those that wait for a person
#[derive(Debug, Subcommand)]
pub(crate) enum Ticket {
    List(List),
    Show(Show),
    Retry(Retry),
    Cancel(Cancel),
}

const AFTER_LIST: &str = "\
Examples:
  provisor ticket list --state unknown,pending
  provisor ticket list --customer 1000000 --limit 20
  provisor ticket list --json --before 1300           the next page: smaller numbers than 1300";

/// List tickets, newest first
///
/// Changes nothing.
#[derive(Debug, Args)]
#[command(after_help = AFTER_LIST)]
pub(crate) struct List {
    /// Only in these states: pending, running, unknown, completed, failed, cancelled
    #[arg(long, value_delimiter = ',', value_name = "STATE")]
    state: Vec<String>,
    /// Only of this customer (or of this tenant's customers)
    #[arg(long, value_name = "NUMBER")]
    customer: Option<String>,
    /// Only at this network
    #[arg(long, value_name = "CODE")]
    network: Option<String>,
    /// Only for this SIM
    #[arg(long, value_name = "ICCID")]
    sim: Option<String>,
    /// Only for this portal customer
    #[arg(long, value_name = "TENANT/PARCUSTID", conflicts_with = "sim")]
    portal: Option<String>,
    /// At most so many
    #[arg(long, default_value_t = LIMIT_DEFAULT, value_name = "N")]
    limit: usize,
    /// Only with a smaller number (the next page)
    #[arg(long, value_name = "ID")]
    before: Option<String>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

const AFTER_SHOW: &str = "\
Example:
  provisor ticket show 1226";

/// Show one ticket: what was asked, what was tried, why it did not work
///
/// Changes nothing.
#[derive(Debug, Args)]
#[command(after_help = AFTER_SHOW)]
pub(crate) struct Show {
    /// The ticket's number
    id: String,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

const AFTER_RETRY: &str = "\
Example:
  provisor ticket retry 1226 1227

An unknown ticket may or may not have been done at the network. Trying again is safe: the
network is read first, and a state that is there already is confirmed.";

/// Try tickets again now
///
/// Makes a pending ticket due at once, and gives an unknown one another round of attempts.
#[derive(Debug, Args)]
#[command(after_help = AFTER_RETRY)]
pub(crate) struct Retry {
    /// The tickets' numbers
    #[arg(required = true)]
    ids: Vec<String>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

const AFTER_CANCEL: &str = "\
Example:
  provisor ticket cancel 1226 --reason 'ordered by mistake'

Cancel an unknown ticket only when you know that it was not done at the network. After a portal
customer's ticket, run `provisor mail sync`: its mail system may have been told half of it.";

/// Take tickets back
///
/// Ends pending and unknown tickets as cancelled; their SIMs or portal customers are free for other tickets.
#[derive(Debug, Args)]
#[command(after_help = AFTER_CANCEL)]
pub(crate) struct Cancel {
    /// The tickets' numbers
    #[arg(required = true)]
    ids: Vec<String>,
    /// Why; the caller can read it
    #[arg(long, default_value = "cancelled by an operator", value_name = "TEXT")]
    reason: String,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl Ticket {
    pub(crate) async fn run(self, session: &Session) -> Result<()> {
        match self {
            Self::List(command) => command.run(session).await,
            Self::Show(command) => command.run(session).await,
            Self::Retry(command) => command.run(session).await,
            Self::Cancel(command) => command.run(session).await,
        }
    }
}

impl List {
    fn filter(&self) -> Result<TicketFilter> {
        let states: Result<Vec<TicketState>> =
            self.state.iter().map(|raw| parsed("--state", raw.trim())).collect();
        if self.limit == 0 || self.limit > TICKETS_PER_PAGE_MAX {
            return Err(usage(format!("--limit must be 1 to {TICKETS_PER_PAGE_MAX}")));
        }
        let option = |raw: &Option<String>, what| raw.as_deref().map(|raw| (what, raw.to_owned()));
        Ok(TicketFilter {
            states: states?,
            customer: option(&self.customer, "--customer")
                .map(|(w, r)| parsed(w, &r))
                .transpose()?,
            network: option(&self.network, "--network").map(|(w, r)| parsed(w, &r)).transpose()?,
            iccid: option(&self.sim, "--sim").map(|(w, r)| parsed(w, &r)).transpose()?,
            portal: option(&self.portal, "--portal").map(|(w, r)| parsed(w, &r)).transpose()?,
            before: option(&self.before, "--before").map(|(w, r)| parsed(w, &r)).transpose()?,
            limit: self.limit,
        })
    }

    async fn run(self, session: &Session) -> Result<()> {
        let tickets = session.store().await?.ticket_list(self.filter()?).await?;
        if self.json {
            return output::json(&tickets.iter().map(ticket_json).collect::<Vec<_>>());
        }
        let head =
            ["ID", "STATE", "KIND", "CUSTOMER", "NETWORK", "SUBJECT", "RAISED", "TRIES", "WHY"];
        output::table(head, tickets.iter().map(row).collect())?;
        if tickets.len() == self.limit
            && let Some(last) = tickets.last()
        {
            note(format!("there may be more: --before {}", last.id));
        }
        if tickets.iter().any(|ticket| ticket.state == TicketState::Unknown) {
            note(UNKNOWN);
        }
        Ok(())
    }
}

impl Show {
    async fn run(self, session: &Session) -> Result<()> {
        let id: TicketId = parsed("ticket", &self.id)?;
        let store = session.store().await?;
        let Some(detail) = store.ticket_show(id).await? else {
            bail!(absent(store.as_ref(), id).await?);
        };
        if self.json {
            return output::json(&detail_json(&detail)?);
        }
        show(&detail)
    }
}

impl Retry {
    async fn run(self, session: &Session) -> Result<()> {
        let store = session.store().await?;
        let mut outcome = Outcome::new(self.json);
        for id in numbers("ticket", &self.ids)? {
            let moved = store.ticket_retry(id, Session::origin(), Session::now()).await?;
            outcome.note(store.as_ref(), id, moved, "will be tried now").await?;
        }
        outcome.end()
    }
}

impl Cancel {
    async fn run(self, session: &Session) -> Result<()> {
        if self.reason.chars().count() > REASON_CHARS_MAX {
            return Err(usage(format!("--reason must be {REASON_CHARS_MAX} characters at most")));
        }
        let store = session.store().await?;
        let mut outcome = Outcome::new(self.json);
        for id in numbers("ticket", &self.ids)? {
            let reason = self.reason.clone();
            let moved = store.ticket_cancel(id, reason, Session::origin(), Session::now()).await?;
            outcome.note(store.as_ref(), id, moved, "cancelled").await?;
        }
        outcome.end()
    }
}

/// What is said of a number that no ticket has.
async fn absent(store: &dyn Store, id: TicketId) -> Result<String> {
    Ok(match store.support_case_show(id).await? {
        Some(_) => format!("{id} is a support case, not a ticket: `provisor case show {id}`"),
        None => format!("there is no ticket {id}"),
    })
}

/// What came of moving several tickets.
#[derive(Debug)]
struct Outcome {
    refused: usize,
    json: Option<Vec<Value>>,
}

impl Outcome {
    fn new(json: bool) -> Self {
        Self { refused: 0, json: json.then(Vec::new) }
    }

    async fn note(
        &mut self,
        store: &dyn Store,
        id: TicketId,
        moved: TicketMoved,
        done: &str,
    ) -> Result<()> {
        if !matches!(moved, TicketMoved::To(_)) {
            self.refused += 1;
        }
        if let Some(all) = &mut self.json {
            let (moved, state) = match moved {
                TicketMoved::To(state) => (true, Some(state.as_str())),
                TicketMoved::NotFrom(state) => (false, Some(state.as_str())),
                TicketMoved::Absent => (false, None),
            };
            all.push(json!({"id": id, "moved": moved, "state": state}));
            return Ok(());
        }
        match moved {
            TicketMoved::To(_) => say(format!("ticket {id}: {done}"))?,
            TicketMoved::NotFrom(TicketState::Running) => {
                note(format!(
                    "ticket {id}: it is running at this moment; look again in a few seconds"
                ));
            }
            TicketMoved::NotFrom(state) => {
                note(format!("ticket {id}: it is {} already", state.as_str()));
            }
            TicketMoved::Absent => note(absent(store, id).await?),
        }
        Ok(())
    }

    fn end(self) -> Result<()> {
        if let Some(all) = &self.json {
            output::json(all)?;
        }
        match self.refused {
            0 => Ok(()),
            1 => bail!("1 ticket left as it is"),
            refused => bail!("{} left as they are", output::count(refused as u64, "ticket")),
        }
    }
}

fn tone(state: TicketState) -> Tone {
    match state {
        TicketState::Completed => Tone::Good,
        TicketState::Pending | TicketState::Running => Tone::Plain,
        TicketState::Unknown => Tone::Warn,
        TicketState::Failed => Tone::Bad,
        TicketState::Cancelled => Tone::Dim,
    }
}

fn when(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%SZ").to_string()
}

fn row(ticket: &Record) -> [Text; 9] {
    [
        plain(ticket.id),
        (ticket.state.as_str().to_owned(), tone(ticket.state)),
        plain(ticket.kind.as_str()),
        plain(&ticket.customer),
        plain(&ticket.network),
        plain(subject(ticket)),
        plain(when(ticket.raised)),
        plain(ticket.attempts),
        plain(ticket.failure.as_ref().map(|f| f.reason.as_str()).unwrap_or_default()),
    ]
}

/// What it is about, on one line.
fn subject(ticket: &Record) -> String {
    match &ticket.about {
        About::Service { iccid, .. } => iccid.to_string(),
        About::Portal(customer) => customer.to_string(),
    }
}

fn failure_json(failure: Option<&Failure>) -> Value {
    failure.map_or(Value::Null, |f| json!({"kind": f.kind.as_str(), "reason": f.reason}))
}

fn ticket_json(ticket: &Record) -> Value {
    json!({
        "id": ticket.id,
        "state": ticket.state.as_str(),
        "kind": ticket.kind.as_str(),
        "customer": ticket.customer,
        "network": ticket.network,
        "service": ticket.about.service(),
        "cli": ticket.about.cli(),
        "sim": ticket.about.iccid(),
        "portal_customer": ticket.about.portal_customer(),
        "raised": ticket.raised,
        "raised_by": ticket.raised_by,
        "finished": ticket.finished,
        "due": ticket.due,
        "claims": ticket.attempts,
        "failure": failure_json(ticket.failure.as_ref()),
    })
}

fn detail_json(detail: &TicketDetail) -> Result<Value> {
    let mut shown = ticket_json(&detail.ticket);
    let attempts: Vec<Value> = detail
        .attempts
        .iter()
        .map(|attempt| {
            json!({
                "epoch": attempt.epoch,
                "began": attempt.began,
                "ended": attempt.ended,
                "state": attempt.state.as_str(),
                "failure": failure_json(attempt.failure.as_ref()),
            })
        })
        .collect();
    if let Some(members) = shown.as_object_mut() {
        members.insert("order".to_owned(), serde_json::to_value(&detail.order)?);
        members.insert("attempts".to_owned(), attempts.into());
    }
    Ok(shown)
}

fn show(detail: &TicketDetail) -> Result<()> {
    let ticket = &detail.ticket;
    let line = |name: &str, value: &str| say(format!("{name:<10} {value}"));
    line("ticket", &ticket.id.to_string())?;
    line("state", &paint(ticket.state.as_str(), tone(ticket.state)))?;
    line("kind", ticket.kind.as_str())?;
    if let Some(order) = &detail.order {
        line("order", &serde_json::to_string(order)?)?;
    }
    line("customer", ticket.customer.as_str())?;
    line("network", ticket.network.as_str())?;
    match &ticket.about {
        About::Service { iccid, service, cli } => {
            line("SIM", iccid.as_str())?;
            if let Some(service) = service {
                line("service", &service.to_string())?;
            }
            if let Some(cli) = cli {
                line("number", cli.as_str())?;
            }
        }
        About::Portal(customer) => line("ParCustId", customer.as_str())?,
    }
    let by = ticket.raised_by.as_deref().unwrap_or("(unknown)");
    line("raised", &format!("{} by {by}", when(ticket.raised)))?;
    match ticket.finished {
        Some(finished) => line("finished", &when(finished))?,
        None => line("next look", &when(ticket.due))?,
    }
    if let Some(failure) = &ticket.failure {
        line("why", &format!("{} ({})", failure.reason, failure.kind.as_str()))?;
    }
    if ticket.state == TicketState::Unknown {
        if let Some(last) = detail.attempts.last() {
            line("unknown", &format!("since {}", when(last.ended)))?;
        }
        note(UNKNOWN);
    }
    if detail.attempts.is_empty() {
        return Ok(());
    }
    say("")?;
    let rows = detail.attempts.iter().map(|attempt| {
        let took = attempt.ended.duration_since(attempt.began).as_millis();
        [
            plain(attempt.epoch),
            plain(when(attempt.began)),
            plain(format!("{took} ms")),
            (attempt.state.as_str().to_owned(), tone(attempt.state)),
            plain(attempt.failure.as_ref().map(|f| f.reason.as_str()).unwrap_or_default()),
        ]
    });
    output::table(["ATTEMPT", "BEGAN", "TOOK", "THEN", "WHY"], rows.collect())
}
