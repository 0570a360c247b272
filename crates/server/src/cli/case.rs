//! `provisor case list|show|close`

use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail};
use clap::{Args, Subcommand};
use jiff::Timestamp;
use provisor_domain::TicketId;
use provisor_domain::limits::{CASES_PER_PAGE_MAX, REASON_CHARS_MAX};
use provisor_domain::support_case::{
    CaseClosing, CaseDetail, CaseEntry, CaseFilter, SupportCase, SupportFile,
};
use serde_json::{Value, json};

use super::Session;
use super::session::{numbers, parsed, usage};
use crate::output::{self, Text, Tone, note, paint, plain, say};

/// Cases that a list shows unless told otherwise.
const LIMIT_DEFAULT: usize = 100;

/// Support cases: read what callers wrote, and close it
///
/// `raiseTicket` of the CCC interface raises them. A case is not a ticket: nothing is sent to a network, people read it.
#[derive(Debug, Subcommand)]
pub(crate) enum Case {
    List(List),
    Show(Show),
    Close(Close),
}

const AFTER_LIST: &str = "\
Examples:
  provisor case list
  provisor case list --all --limit 20
  provisor case list --json --before 1300             the next page: smaller numbers than 1300";

/// List the cases that wait for an answer, newest first
///
/// Changes nothing.
#[derive(Debug, Args)]
#[command(after_help = AFTER_LIST)]
pub(crate) struct List {
    /// Those that are closed, too
    #[arg(long)]
    all: bool,
    /// At most so many
    #[arg(long, default_value_t = LIMIT_DEFAULT, value_name = "N")]
    limit: usize,
    /// Only with a smaller number (the next page)
    #[arg(long, value_name = "NUMBER")]
    before: Option<String>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

const AFTER_SHOW: &str = "\
Examples:
  provisor case show 1226
  provisor case show 1226 --file letter.pdf           write the file that came with it";

/// Show one case: what the caller wrote
///
/// Changes nothing.
#[derive(Debug, Args)]
#[command(after_help = AFTER_SHOW)]
pub(crate) struct Show {
    /// The case's number
    number: String,
    /// Write the file that came with it here; one that is there already is not overwritten
    #[arg(long, value_name = "OUT")]
    file: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

const AFTER_CLOSE: &str = "\
Example:
  provisor case close 1226 --reason 'number is over since Monday'";

/// Close cases: what was to be done is done
///
/// Their raiser sees them as completed.
#[derive(Debug, Args)]
#[command(after_help = AFTER_CLOSE)]
pub(crate) struct Close {
    /// The cases' numbers
    #[arg(required = true, value_name = "NUMBER")]
    numbers: Vec<String>,
    /// What came of it, for those who look at the case later; its raiser does not see it
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl Case {
    pub(crate) async fn run(self, session: &Session) -> Result<()> {
        match self {
            Self::List(command) => command.run(session).await,
            Self::Show(command) => command.run(session).await,
            Self::Close(command) => command.run(session).await,
        }
    }
}

impl List {
    async fn run(self, session: &Session) -> Result<()> {
        if self.limit == 0 || self.limit > CASES_PER_PAGE_MAX {
            return Err(usage(format!("--limit must be 1 to {CASES_PER_PAGE_MAX}")));
        }
        let before = self.before.as_deref().map(|raw| parsed("--before", raw)).transpose()?;
        let filter = CaseFilter { closed: self.all, before, limit: self.limit };
        let cases = session.store().await?.support_case_list(filter).await?;
        if self.json {
            return output::json(&cases.iter().map(listed_json).collect::<Vec<_>>());
        }
        let head =
            ["NUMBER", "STATE", "TYPE", "CUSTOMER", "SERVICE", "RAISED", "BY", "FILE", "MESSAGE"];
        output::table(head, cases.iter().map(row).collect())?;
        if cases.len() == self.limit
            && let Some(last) = cases.last()
        {
            note(format!("there may be more: --before {}", last.case.id));
        }
        Ok(())
    }
}

impl Show {
    async fn run(self, session: &Session) -> Result<()> {
        let id: TicketId = parsed("case", &self.number)?;
        let found = session.store().await?.support_case_show(id).await?;
        let detail = found.ok_or_else(|| {
            anyhow!("there is no support case {id}: `provisor case list --all` shows all")
        })?;
        if let Some(out) = &self.file {
            let file = detail.file.as_ref();
            save(out, file.with_context(|| format!("no file came with case {id}"))?)?;
        }
        if self.json {
            return output::json(&detail_json(&detail));
        }
        show(&detail)
    }
}

impl Close {
    async fn run(self, session: &Session) -> Result<()> {
        let ids = numbers("case", &self.numbers)?;
        if self.reason.as_ref().is_some_and(|text| text.chars().count() > REASON_CHARS_MAX) {
            return Err(usage(format!("--reason must be {REASON_CHARS_MAX} characters at most")));
        }
        let (store, origin, now) = (session.store().await?, Session::origin(), Session::now());
        let closing = store.support_case_close(ids.clone(), self.reason, origin, now).await?;
        let absent = closing.iter().filter(|outcome| **outcome == CaseClosing::Absent).count();
        let outcomes = ids.iter().zip(closing);
        if self.json {
            let all = outcomes.map(|(id, outcome)| json!({"number": id, "outcome": word(outcome)}));
            output::json(&all.collect::<Vec<_>>())?;
        } else {
            for (id, outcome) in outcomes {
                match outcome {
                    CaseClosing::Closed => say(format!("case {id}: closed"))?,
                    CaseClosing::AlreadyClosed => say(format!("case {id}: was closed already"))?,
                    CaseClosing::Absent => {
                        note(format!("case {id}: there is no such support case"));
                    }
                }
            }
        }
        match absent {
            0 => Ok(()),
            absent => bail!("{} not closed", output::count(absent as u64, "case")),
        }
    }
}

fn word(outcome: CaseClosing) -> &'static str {
    match outcome {
        CaseClosing::Closed => "closed",
        CaseClosing::AlreadyClosed => "already_closed",
        CaseClosing::Absent => "absent",
    }
}

/// Writes the file where the operator says, never where its name says.
fn save(out: &Path, file: &SupportFile) -> Result<()> {
    let new = OpenOptions::new().write(true).create_new(true).open(out);
    let mut new = new.with_context(|| format!("cannot make {}", out.display()))?;
    new.write_all(&file.content).with_context(|| format!("cannot write {}", out.display()))?;
    note(format!("{} written to {}", bytes(file), out.display()));
    Ok(())
}

fn bytes(file: &SupportFile) -> String {
    output::count(file.content.len() as u64, "byte")
}

fn state(case: &SupportCase) -> (&'static str, Tone) {
    if case.closed.is_some() { ("closed", Tone::Dim) } else { ("open", Tone::Warn) }
}

fn when(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%SZ").to_string()
}

/// What callers wrote, without what would move a terminal's cursor or change its colours.
fn shown(text: &str, kept: &[char]) -> String {
    let shown = |c: char| if c.is_control() && !kept.contains(&c) { ' ' } else { c };
    text.chars().map(shown).collect()
}

fn row(entry: &CaseEntry) -> [Text; 9] {
    let case = &entry.case;
    let (state, tone) = state(case);
    [
        plain(case.id),
        (state.to_owned(), tone),
        plain(&case.ticket_type),
        plain(entry.customer.as_ref().map(ToString::to_string).unwrap_or_default()),
        plain(case.service.map(|code| code.to_string()).unwrap_or_default()),
        plain(when(case.raised)),
        plain(&entry.raised_by),
        plain(shown(entry.file_name.as_deref().unwrap_or_default(), &[])),
        plain(shown(&entry.message, &[])),
    ]
}

fn entry_json(entry: &CaseEntry) -> Value {
    json!({
        "number": entry.case.id,
        "state": state(&entry.case).0,
        "type": entry.case.ticket_type,
        "customer": entry.customer,
        "service": entry.case.service,
        "raised": entry.case.raised,
        "raised_by": entry.raised_by,
        "closed": entry.case.closed,
        "close_reason": entry.close_reason,
    })
}

fn with(mut value: Value, more: [(&str, Value); 2]) -> Value {
    if let Some(members) = value.as_object_mut() {
        members.extend(more.map(|(name, value)| (name.to_owned(), value)));
    }
    value
}

fn listed_json(entry: &CaseEntry) -> Value {
    let file_name = json!(entry.file_name);
    with(entry_json(entry), [("message_begins", json!(entry.message)), ("file_name", file_name)])
}

fn detail_json(detail: &CaseDetail) -> Value {
    let file = detail.file.as_ref();
    let file = file.map(|file| json!({"name": file.name, "bytes": file.content.len()}));
    let message = json!(detail.entry.message);
    with(entry_json(&detail.entry), [("message", message), ("file", json!(file))])
}

fn show(detail: &CaseDetail) -> Result<()> {
    let CaseDetail { entry, file } = detail;
    let line = |name: &str, value: &str| say(format!("{name:<10} {value}"));
    let (state, tone) = state(&entry.case);
    line("case", &entry.case.id.to_string())?;
    line("state", &paint(state, tone))?;
    line("type", entry.case.ticket_type.as_str())?;
    if let Some(customer) = &entry.customer {
        line("customer", customer.as_str())?;
    }
    if let Some(service) = entry.case.service {
        line("service", &service.to_string())?;
    }
    line("raised", &format!("{} by {}", when(entry.case.raised), entry.raised_by))?;
    if let Some(closed) = entry.case.closed {
        line("closed", &when(closed))?;
    }
    if let Some(reason) = &entry.close_reason {
        line("reason", &shown(reason, &[]))?;
    }
    if let Some(file) = file {
        line(
            "file",
            &format!("{} ({}; --file OUT writes it)", shown(&file.name, &[]), bytes(file)),
        )?;
    }
    say("")?;
    say(shown(&entry.message, &['\n', '\t']))
}
