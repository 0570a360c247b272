//! The floor of a drain that writes what a drain writes: the rows of a connect ticket between its claim and its end, 1,000
//! to a statement, in tables of their own. It has nothing to find, to decide or to send, and knows all it writes beforehand.

use std::time::Instant;

use anyhow::{Context, Result};
use tokio_postgres::{Client, Statement};

use super::rig;

/// Tickets of one statement.
const BATCH: usize = 1_000;
/// The first ticket: ICCIDs and numbers that are made of it are as long as real ones.
const FIRST: usize = 1_000_000_001;

/// Tables like ours with their indexes, and what is open in them.
const TABLES: &str = "
    CREATE SCHEMA IF NOT EXISTS floor;
    DROP TABLE IF EXISTS floor.ticket_queue, floor.subject_lock, floor.ticket_end, floor.attempt, floor.service, floor.sim;
    CREATE TABLE floor.ticket_queue (LIKE provisor.ticket_queue INCLUDING ALL);
    CREATE TABLE floor.subject_lock (LIKE provisor.subject_lock INCLUDING ALL);
    CREATE TABLE floor.ticket_end (LIKE provisor.ticket_end INCLUDING ALL);
    CREATE TABLE floor.attempt (LIKE provisor.attempt INCLUDING ALL);
    CREATE TABLE floor.service (LIKE provisor.service INCLUDING ALL);
    CREATE TABLE floor.sim (LIKE provisor.sim INCLUDING ALL) WITH (fillfactor = 50);
    INSERT INTO floor.ticket_queue (id, network, customer, due_at, subjects)
    SELECT id, 'AS', '1000000', 1700000000000, ARRAY['sim:891000000' || id] FROM generate_series(FIRST, LAST) AS id;
    INSERT INTO floor.subject_lock (subject, ticket_id) SELECT 'sim:891000000' || id, id FROM generate_series(FIRST, LAST) AS id;
    INSERT INTO floor.sim (iccid, msisdn, customer, network, state)
    SELECT '891000000' || id, '44' || id, '1000000', 'AS', 'stock' FROM generate_series(FIRST, LAST) AS id;
    ANALYZE floor.ticket_queue, floor.subject_lock, floor.sim";

/// Rows are found by indexes, as ours are.
const SETTINGS: &str = "SET enable_seqscan = off; SET enable_bitmapscan = off; SET enable_hashjoin = off; \
    SET enable_mergejoin = off; SET plan_cache_mode = force_generic_plan";

/// A worker takes them; committed by itself, because nobody may send what he has not taken. $1: the tickets.
const TAKE: &str = "UPDATE floor.ticket_queue
    SET state = 'running', worker = '\\x01', due_at = due_at + 30000, epoch = epoch + 1 WHERE id = ANY ($1::bigint[])";

/// How they end, in one transaction. $1 as above.
const END: [&str; 6] = [
    "DELETE FROM floor.ticket_queue WHERE id = ANY ($1::bigint[])",
    "INSERT INTO floor.ticket_end (id, state, network, finished_at, due_at, epoch, service, cli, subjects)
    SELECT id, 'completed', 'AS', 1700000000500, 1700000030000, 1, id, '44' || id, ARRAY['sim:891000000' || id]
    FROM unnest($1::bigint[]) AS id",
    "INSERT INTO floor.attempt (ticket_id, epoch, began_at, ended_at, state)
    SELECT id, 1, 1700000000000, 1700000000500, 'completed' FROM unnest($1::bigint[]) AS id",
    "DELETE FROM floor.subject_lock WHERE subject = ANY (ARRAY(SELECT 'sim:891000000' || id FROM unnest($1::bigint[]) AS id))",
    "INSERT INTO floor.service (code, name, status, cli, iccid, network, contract, customer, tariff)
    SELECT id, 'Tracker', 'A', '44' || id, '891000000' || id, 'AS', '200000000', '1000000', 'T' FROM unnest($1::bigint[]) AS id",
    "UPDATE floor.sim SET state = 'in_use', version = version + 1
    WHERE iccid = ANY (ARRAY(SELECT '891000000' || id FROM unnest($1::bigint[]) AS id))",
];

/// Tickets that end so, a second, on so many connections.
pub(super) async fn rate(
    database: &rig::Database,
    tickets: usize,
    connections: usize,
) -> Result<f64> {
    let batches = (tickets / BATCH / connections).max(1);
    let all = batches * connections * BATCH;
    let last = (FIRST + all - 1).to_string();
    database.run(&TABLES.replace("FIRST", &FIRST.to_string()).replace("LAST", &last));
    let mut writers = Vec::new();
    for _ in 0..connections {
        writers.push(Writer::new(database).await?);
    }
    let began = Instant::now();
    let writing = writers.iter_mut().enumerate().map(async |(number, writer)| {
        for batch in 0..batches {
            let first = i64::try_from(FIRST + (number * batches + batch) * BATCH)?;
            let ids: Vec<i64> = (first..).take(BATCH).collect();
            writer.end(&ids).await?;
        }
        anyhow::Ok(())
    });
    for written in futures_util::future::join_all(writing).await {
        written?;
    }
    #[expect(clippy::cast_precision_loss, reason = "a figure for people")]
    let all = all as f64;
    Ok(all / began.elapsed().as_secs_f64())
}

/// A connection that has its statements.
struct Writer {
    client: Client,
    take: Statement,
    end: Vec<Statement>,
}

impl Writer {
    async fn new(database: &rig::Database) -> Result<Self> {
        let client = rig::connect(&database.url).await?;
        client.batch_execute(SETTINGS).await?;
        let take = client.prepare(TAKE).await?;
        let mut end = Vec::new();
        for sql in END {
            end.push(client.prepare(sql).await?);
        }
        Ok(Self { client, take, end })
    }

    async fn end(&mut self, ids: &[i64]) -> Result<()> {
        self.client.execute(&self.take, &[&ids]).await?;
        let transaction = self.client.transaction().await?;
        for statement in &self.end {
            let rows = transaction.execute(statement, &[&ids]).await?;
            let as_many = usize::try_from(rows).is_ok_and(|rows| rows == ids.len());
            as_many.then_some(()).context("the floor writes other rows than it is to")?;
        }
        transaction.commit().await?;
        Ok(())
    }
}
