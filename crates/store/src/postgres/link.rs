//! One connection: statements are prepared once, and what is asked together is sent in one go.
//!
//! Invariant: the asks of one [`Link::go`] reach the server one after the other, with nothing of another task between
//! them; so a connection can be shared and still carry a transaction.

use std::collections::HashMap;
use std::error::Error;
use std::fmt::Display;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};
use std::task::Poll;
use std::time::{Duration, Instant};

use bytes::BytesMut;
use futures_util::TryStreamExt as _;
use futures_util::future::{MaybeDone, maybe_done};
use tokio::task::AbortHandle;
use tokio_postgres::types::{IsNull, ToSql, Type, to_sql_checked};
use tokio_postgres::{Client, Row, Statement};

use super::fault::{Fault, Result};
use super::pulse::{Awaiting, Pulse};
use super::tickets::Numbers;

/// How long the server keeps the plans of a connection. They are made for tables of the size that these had then; those of
/// a new installation grow fast.
const PLANS_LIVE: Duration = Duration::from_secs(10);
const DISCARD_PLANS: &str = "DISCARD PLANS";

/// A value that goes into a statement.
pub(super) type Param = Box<dyn ToSql + Sync + Send>;

/// The values of one ask, each owned.
macro_rules! params {
    ($($value:expr),* $(,)?) => { vec![$(Box::new($value) as $crate::postgres::link::Param),*] };
}
pub(super) use params;

/// One statement and its values.
pub(super) struct Ask {
    sql: &'static str,
    params: Vec<Param>,
    words: Option<String>,
}

impl Ask {
    pub(super) fn new(sql: &'static str, params: Vec<Param>) -> Self {
        Self { sql, params, words: None }
    }

    /// What to say when a constraint refuses it.
    pub(super) fn or_say(mut self, words: impl Into<String>) -> Self {
        self.words = Some(words.into());
        self
    }
}

impl Ask {
    /// The values as they travel. Whatever is wrong with them is found here, before anything is sent: of asks that end in
    /// a commit none may be missing.
    fn encoded(&self, statement: &Statement) -> Result<Vec<Encoded>> {
        let types = statement.params();
        let wrong =
            |why: &dyn Display| Fault::broken(format!("a statement got wrong values: {why}"));
        if types.len() != self.params.len() {
            return Err(wrong(&format!("{} for {}", self.params.len(), types.len())));
        }
        let encode = |(param, of): (&Param, &Type)| {
            let mut bytes = BytesMut::new();
            match param.to_sql_checked(of, &mut bytes).map_err(|error| wrong(&error))? {
                IsNull::Yes => Ok(Encoded(None)),
                IsNull::No => Ok(Encoded(Some(bytes))),
            }
        };
        self.params.iter().zip(types).map(encode).collect()
    }
}

/// A value in the form in which it travels.
struct Encoded(Option<BytesMut>);

// It may be a secret.
impl std::fmt::Debug for Encoded {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Encoded")
    }
}

impl ToSql for Encoded {
    fn to_sql(
        &self,
        _: &Type,
        out: &mut BytesMut,
    ) -> std::result::Result<IsNull, Box<dyn Error + Sync + Send>> {
        let Some(bytes) = &self.0 else { return Ok(IsNull::Yes) };
        out.extend_from_slice(bytes);
        Ok(IsNull::No)
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}

/// What came back.
pub(super) struct Answer {
    pub(super) rows: Vec<Row>,
    /// How many rows the statement changed.
    pub(super) changed: u64,
}

impl Answer {
    /// The only row of a statement that always answers one.
    pub(super) fn one(&self) -> Result<&Row> {
        self.rows.first().ok_or_else(|| Fault::broken("a statement answered nothing"))
    }
}

/// What stands around the asks.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Frame {
    pub(super) begin: Option<&'static str>,
    pub(super) end: Option<&'static str>,
}

impl Frame {
    /// Whether it ends in a commit of something.
    fn writes(self) -> bool {
        self.end.is_some() && self.begin != SNAPSHOT.begin
    }

    /// An error in this frame. Where a commit was sent and its answer did not come, nobody knows whether it happened:
    /// the connection broke, or the server was told to end it (class 57), perhaps after it had committed.
    fn fault(self, error: tokio_postgres::Error) -> Fault {
        let lost = error.code().is_none_or(|state| state.code().starts_with("57"));
        if lost && self.writes() {
            Fault::Unknown(super::fault::words(&error))
        } else {
            error.into()
        }
    }
}

/// One moment for several questions.
pub(super) const SNAPSHOT: Frame =
    Frame { begin: Some("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"), end: Some("COMMIT") };

/// A connection.
pub(super) struct Link {
    client: Client,
    /// By the address of their text: the texts are constants.
    statements: Mutex<HashMap<usize, Statement>>,
    planned: Mutex<Instant>,
    sending: Mutex<()>,
    pub(super) numbers: Numbers,
    pub(super) pulse: Pulse,
    /// What drives it.
    driver: AbortHandle,
}

type Sent<'a> =
    Pin<Box<dyn Future<Output = std::result::Result<Answer, tokio_postgres::Error>> + Send + 'a>>;

impl Link {
    pub(super) fn new(client: Client, driver: AbortHandle) -> Self {
        let planned = Mutex::new(Instant::now());
        Self {
            client,
            statements: Mutex::default(),
            planned,
            sending: Mutex::default(),
            numbers: Numbers::default(),
            pulse: Pulse::default(),
            driver,
        }
    }

    /// Ends it: whoever awaits an answer is told that it broke.
    pub(super) fn give_up(&self) {
        self.driver.abort();
    }

    pub(super) fn is_broken(&self) -> bool {
        self.client.is_closed()
    }

    /// Runs a text without values.
    pub(super) async fn control(&self, text: &str) -> Result<()> {
        let awaiting = self.pulse.awaits(false);
        let done = self.client.batch_execute(text).await;
        awaiting.heard();
        Ok(done?)
    }

    async fn prepared(&self, sql: &'static str) -> Result<Statement> {
        let key = sql.as_ptr() as usize;
        let kept = || self.statements.lock().unwrap_or_else(PoisonError::into_inner);
        let known = kept().get(&key).cloned();
        if let Some(statement) = known {
            return Ok(statement);
        }
        let awaiting = self.pulse.awaits(false);
        let statement = self.client.prepare(sql).await;
        awaiting.heard();
        let statement = statement?;
        kept().insert(key, statement.clone());
        Ok(statement)
    }

    /// Sends the asks in one go and answers in their order; of several that fail, the first one is told.
    pub(super) async fn go(&self, asks: &[Ask], frame: Frame) -> Result<Vec<Answer>> {
        let mut ready = Vec::with_capacity(asks.len());
        for ask in asks {
            let statement = self.prepared(ask.sql).await?;
            let values = ask.encoded(&statement)?;
            ready.push((statement, values));
        }
        let mut sent: Vec<Sent<'_>> = Vec::with_capacity(asks.len() + 3);
        let discards = self.plans_are_old();
        sent.extend(discards.then(|| self.bare(DISCARD_PLANS)));
        sent.extend(frame.begin.map(|text| self.bare(text)));
        for (statement, values) in &ready {
            sent.push(Box::pin(async move {
                let answer = self.client.query_raw(statement, values).await?;
                let mut answer = std::pin::pin!(answer);
                let mut rows = Vec::new();
                while let Some(row) = answer.try_next().await? {
                    rows.push(row);
                }
                Ok(Answer { rows, changed: answer.rows_affected().unwrap_or(0) })
            }));
        }
        sent.extend(frame.end.map(|text| self.bare(text)));
        let awaiting = self.pulse.awaits(frame.writes());
        let mut answers =
            self.in_order(sent, &awaiting).await.into_iter().skip(usize::from(discards));
        if let Some(Err(error)) = frame.begin.and_then(|_| answers.next()) {
            return Err(frame.fault(error));
        }
        let mut told = Vec::with_capacity(asks.len());
        for (ask, answer) in asks.iter().zip(answers.by_ref()) {
            told.push(answer.map_err(|error| match &ask.words {
                Some(words) => frame.fault(error).told(words),
                None => frame.fault(error),
            })?);
        }
        match answers.next() {
            Some(Err(error)) => Err(frame.fault(error)),
            _ => Ok(told),
        }
    }

    /// True once every [`PLANS_LIVE`].
    fn plans_are_old(&self) -> bool {
        let mut planned = self.planned.lock().unwrap_or_else(PoisonError::into_inner);
        let old = planned.elapsed() > PLANS_LIVE;
        if old {
            *planned = Instant::now();
        }
        old
    }

    fn bare<'a>(&'a self, text: &'a str) -> Sent<'a> {
        Box::pin(async move {
            self.client.batch_execute(text).await?;
            Ok(Answer { rows: Vec::new(), changed: 0 })
        })
    }

    /// Drives all of them. A request is sent when its future is first polled: that happens here, one after the other.
    async fn in_order(
        &self,
        sent: Vec<Sent<'_>>,
        awaiting: &Awaiting<'_>,
    ) -> Vec<std::result::Result<Answer, tokio_postgres::Error>> {
        let mut waiting: Vec<Pin<Box<MaybeDone<Sent<'_>>>>> =
            sent.into_iter().map(|one| Box::pin(maybe_done(one))).collect();
        let (mut sent_all, mut done) = (false, 0);
        poll_fn(|context| {
            if !sent_all {
                let _turn = self.sending.lock().unwrap_or_else(PoisonError::into_inner);
                for one in &mut waiting {
                    let _ = one.as_mut().poll(context);
                }
                sent_all = true;
            }
            // Answers come in the order of the asks.
            let all = waiting.len();
            while done < all && waiting[done].as_mut().poll(context).is_ready() {
                done += 1;
                awaiting.heard();
            }
            if done == all { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
        waiting.iter_mut().filter_map(|one| one.as_mut().take_output()).collect()
    }
}
