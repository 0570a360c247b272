//! The floors of a drain that write what a drain writes, 1,000 tickets to a statement, in tables of their own: a bare claim, and
//! the rows of a connect ticket from its claim to its end. They have nothing to read, to decide or to send, and know all that
//! they write beforehand. Contracts' counts are left out: one row of them would be in everybody's way.

use std::time::Instant;

use anyhow::{Result, ensure};
use futures_util::future::try_join_all;
use tokio_postgres::{Client, Statement};

use super::rig;
use crate::drain::per_second;

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

/// A worker takes the next ones; committed by itself, because nobody may send what he has not taken. $1: how many.
const CLAIM: &str = "UPDATE floor.ticket_queue
    SET state = 'running', worker = '\\x01', due_at = due_at + 30000, epoch = epoch + 1
    WHERE id = ANY (ARRAY(
      SELECT id FROM floor.ticket_queue
      WHERE network = 'AS' AND customer = '1000000' AND state IN ('pending', 'running') AND due_at <= 1700000000000
      ORDER BY due_at, id + 0
      LIMIT $1
      FOR UPDATE SKIP LOCKED
    ))
    RETURNING id";

/// How they end, in one transaction. $1: the tickets.
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

/// How many tickets a second were claimed, and how many claimed and ended.
pub(super) struct Rates {
    pub(super) claimed: f64,
    pub(super) ended: f64,
}

/// Claims and ends tickets on so many connections.
pub(super) async fn rates(
    database: &rig::Database,
    tickets: usize,
    connections: usize,
) -> Result<Rates> {
    let batches = (tickets / BATCH / connections).max(1);
    let all = batches * connections * BATCH;
    let last = (FIRST + all - 1).to_string();
    database.run(&TABLES.replace("FIRST", &FIRST.to_string()).replace("LAST", &last));
    let mut writers = Vec::new();
    for _ in 0..connections {
        writers.push(Writer::new(database).await?);
    }
    let began = Instant::now();
    try_join_all(writers.iter_mut().map(|writer| writer.claim(batches))).await?;
    let claimed = per_second(all, began);
    try_join_all(writers.iter_mut().map(Writer::end)).await?;
    Ok(Rates { claimed, ended: per_second(all, began) })
}

/// A connection that has its statements.
struct Writer {
    client: Client,
    claim: Statement,
    end: Vec<Statement>,
    claimed: Vec<Vec<i64>>,
}

impl Writer {
    async fn new(database: &rig::Database) -> Result<Self> {
        let client = rig::connect(&database.url).await?;
        client.batch_execute(SETTINGS).await?;
        let claim = client.prepare(CLAIM).await?;
        let mut end = Vec::new();
        for sql in END {
            end.push(client.prepare(sql).await?);
        }
        Ok(Self { client, claim, end, claimed: Vec::new() })
    }

    async fn claim(&mut self, batches: usize) -> Result<()> {
        for _ in 0..batches {
            let rows = self.client.query(&self.claim, &[&i64::try_from(BATCH)?]).await?;
            ensure!(rows.len() == BATCH, "the floor claims fewer tickets than it is to");
            self.claimed.push(rows.iter().map(|row| row.try_get(0)).collect::<Result<_, _>>()?);
        }
        Ok(())
    }

    async fn end(&mut self) -> Result<()> {
        for ids in &self.claimed {
            let transaction = self.client.transaction().await?;
            for statement in &self.end {
                let rows = transaction.execute(statement, &[ids]).await?;
                ensure!(
                    usize::try_from(rows)? == BATCH,
                    "the floor writes other rows than it is to"
                );
            }
            transaction.commit().await?;
        }
        Ok(())
    }
}
