//! What calls ask all the time, gathered: the same question of many callers is one statement.
//!
//! Such a statement takes a list for each of its values, and says in its first column whose question a row answers: the place
//! in these lists, from 1.
//!
//! They gather where they are asked: each runtime has a place of its own, as far as there are connections, and its connections
//! live on it. Nobody on another thread is woken, which costs more than a larger statement saves.
//!
//! Invariants:
//! - All questions of one call are answered about one moment.
//! - A caller sees the rows of his own questions only.

use std::sync::Arc;

use tokio::runtime::{self, Handle};
use tokio_postgres::Row;

use super::fault::{Fault, Result};
use super::gather::{Gathered, Gatherer};
use super::line::Line;
use super::link::{Ask, Param};
use super::{Shared, row};

/// Most questions that are asked together: a longer one holds up those behind it.
pub(super) const TOGETHER_MAX: usize = 256;

/// The places where questions gather.
#[derive(Clone)]
pub(super) struct Desks {
    desks: Arc<[Gatherer<Question>]>,
    runtimes: Arc<[runtime::Id]>,
}

impl Desks {
    /// One for each of the runtimes, or for each connection that reads where there are fewer of these. The connections are
    /// shared out as they are among the runtimes.
    pub(super) fn open(shared: &Arc<Shared>, runtimes: &[Handle]) -> Self {
        let lines = shared.readers.len();
        let desks = runtimes.len().min(lines);
        let desk = |at: usize| Gatherer::spawn(shared, (at..lines).step_by(desks), TOGETHER_MAX);
        Self {
            desks: (0..desks).map(desk).collect(),
            runtimes: runtimes.iter().map(Handle::id).collect(),
        }
    }

    /// The one of whoever asks; who comes from elsewhere has the first one.
    pub(super) fn mine(&self) -> &Gatherer<Question> {
        let runtime = Handle::try_current().ok().map(|runtime| runtime.id());
        let at = self.runtimes.iter().position(|known| Some(*known) == runtime);
        &self.desks[at.unwrap_or(0) % self.desks.len()]
    }
}

/// A value of a question.
#[derive(Debug)]
pub(super) enum Value {
    Number(Option<i64>),
    Text(Option<String>),
    Flag(bool),
}

impl Value {
    fn number(&self) -> Result<Option<i64>> {
        match self {
            Self::Number(number) => Ok(*number),
            Self::Text(_) | Self::Flag(_) => Err(mixed()),
        }
    }

    fn text(&self) -> Result<Option<String>> {
        match self {
            Self::Text(text) => Ok(text.clone()),
            Self::Number(_) | Self::Flag(_) => Err(mixed()),
        }
    }

    fn flag(&self) -> Result<bool> {
        match self {
            Self::Flag(flag) => Ok(*flag),
            Self::Number(_) | Self::Text(_) => Err(mixed()),
        }
    }
}

fn mixed() -> Fault {
    Fault::broken("the same value of two questions has two types")
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Number(Some(number))
    }
}

impl From<Option<i64>> for Value {
    fn from(number: Option<i64>) -> Self {
        Self::Number(number)
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(Some(text))
    }
}

impl From<Option<String>> for Value {
    fn from(text: Option<String>) -> Self {
        Self::Text(text)
    }
}

impl From<bool> for Value {
    fn from(flag: bool) -> Self {
        Self::Flag(flag)
    }
}

/// A question: a statement about many of its kind, and the values of this one.
#[derive(Debug)]
pub(super) struct Question {
    sql: &'static str,
    values: Vec<Value>,
}

impl Question {
    pub(super) fn new<const VALUES: usize>(sql: &'static str, values: [Value; VALUES]) -> Self {
        Self { sql, values: values.into() }
    }
}

/// The questions of one statement.
struct Kind<'q> {
    sql: &'static str,
    /// Where each stands among all questions.
    places: Vec<usize>,
    rows: Vec<&'q [Value]>,
}

impl Kind<'_> {
    /// Every value as a list.
    fn ask(&self) -> Result<Ask> {
        let count = self.rows.first().map_or(0, |values| values.len());
        let params = (0..count).map(|at| self.column(at)).collect::<Result<_>>()?;
        Ok(Ask::new(self.sql, params))
    }

    fn column(&self, at: usize) -> Result<Param> {
        let values = self.rows.iter().map(|values| &values[at]);
        Ok(match self.rows.first().map(|first| &first[at]) {
            Some(Value::Number(_)) => {
                Box::new(values.map(Value::number).collect::<Result<Vec<_>>>()?)
            }
            Some(Value::Flag(_)) => Box::new(values.map(Value::flag).collect::<Result<Vec<_>>>()?),
            _ => Box::new(values.map(Value::text).collect::<Result<Vec<_>>>()?),
        })
    }
}

fn kinds(questions: &[Question]) -> Vec<Kind<'_>> {
    let mut kinds: Vec<Kind<'_>> = Vec::new();
    for (place, question) in questions.iter().enumerate() {
        let sql = question.sql;
        let known = kinds.iter().position(|kind| std::ptr::eq(kind.sql, sql));
        let at = known.unwrap_or_else(|| {
            kinds.push(Kind { sql, places: Vec::new(), rows: Vec::new() });
            kinds.len() - 1
        });
        kinds[at].places.push(place);
        kinds[at].rows.push(&question.values);
    }
    kinds
}

impl Gathered for Question {
    /// The rows that answer it, with the place before the first column.
    type Answer = Vec<Row>;

    fn lines(shared: &Shared) -> &[Line] {
        &shared.readers
    }

    async fn together(_: &Shared, line: &Line, all: &[Self]) -> Result<Vec<Vec<Row>>> {
        let kinds = kinds(all);
        let asks = kinds.iter().map(Kind::ask).collect::<Result<Vec<Ask>>>()?;
        let answers = line.ask(&asks).await?;
        let mut told: Vec<Vec<Row>> = all.iter().map(|_| Vec::new()).collect();
        for (kind, answer) in kinds.iter().zip(answers) {
            for found in answer.rows {
                let place: usize = row::count(&found, 0)?;
                let whose = place.checked_sub(1).and_then(|at| kind.places.get(at));
                let whose = whose.ok_or_else(|| Fault::broken("an answer to no question"))?;
                told[*whose].push(found);
            }
        }
        Ok(told)
    }
}
