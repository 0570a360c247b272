//! The floors, on the same server: `pgbench` with the least that a read and a raise can be, and a bare insert.
//! (provisor-bench measures with them too.)

use std::io::Write as _;
use std::ops::Range;
use std::process::Command;
use std::time::{Duration, Instant};

use super::rig;

/// A server of a size that an operator would choose on a small machine.
pub(crate) const SETTINGS: &[&str] = &[
    "max_connections=100",
    "shared_buffers=1GB",
    "max_wal_size=4GB",
    "checkpoint_timeout=15min",
    "wal_compression=lz4",
    "shared_preload_libraries=pg_stat_statements",
];

/// Rows of one statement of the bare insert.
const BATCH: usize = 1_000;

/// A ticket that is a row and two indexes; and a table like the one in which the store keeps what was ordered.
pub(crate) const TABLES: &str = "
    CREATE EXTENSION IF NOT EXISTS pg_stat_statements;
    CREATE SCHEMA floor;
    CREATE TABLE floor.raise (
      id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, iccid TEXT NOT NULL, customer TEXT NOT NULL,
      status INT NOT NULL DEFAULT 0, due_at BIGINT NOT NULL, payload TEXT NOT NULL
    );
    CREATE UNIQUE INDEX ON floor.raise (iccid) WHERE status < 2;
    CREATE INDEX ON floor.raise (due_at, id) WHERE status = 0;
    CREATE TABLE floor.bare (LIKE provisor.ticket_record INCLUDING ALL);
    ALTER TABLE floor.bare ALTER id ADD GENERATED ALWAYS AS IDENTITY";

/// The statements of ours that took longest: milliseconds, calls, rows.
pub(crate) const COSTS: &str = "
    SELECT round(total_exec_time)::text, calls::text, rows::text, left(regexp_replace(query, '\\s+', ' ', 'g'), 90)
    FROM pg_stat_statements
    WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database()) AND query !~ 'floor|generate_series'
    ORDER BY total_exec_time DESC
    LIMIT 16";

const FIND: &str = "\\set n random(FIRST, LAST)
SELECT s.code, s.name, s.status, s.cli, s.iccid, s.contract, s.tariff
FROM provisor.service AS s
JOIN provisor.user_customer AS p ON p.user_id = 1 AND p.customer = s.customer
WHERE s.cli = '447' || lpad((:n)::text, 9, '0');
";

const RAISE: &str = "\\set n random(0, 1000000000)
\\set m random(FIRST, LAST)
INSERT INTO floor.raise (iccid, customer, due_at, payload)
SELECT 's' || :n, s.customer, 1700000000000, 'a payload of the size that an order has, more or less, in JSON'
FROM provisor.service AS s
JOIN provisor.user_customer AS p ON p.user_id = 1 AND p.customer = s.customer
WHERE s.cli = '447' || lpad((:m)::text, 9, '0')
ON CONFLICT (iccid) WHERE status < 2 DO NOTHING
RETURNING id;
";

/// What an order writes, in one statement: that nobody else has the SIM, what was ordered, its place in the queue, and who did it.
/// (A colon would be a variable to pgbench, in a text, too.)
const ORDER: &str = "\\set n random(0, 1000000000)
\\set m random(FIRST, LAST)
WITH locked AS (
  INSERT INTO provisor.subject_lock (subject, ticket_id)
  SELECT 'sim s' || (:n)::text, nextval('provisor.ticket_number')
  FROM provisor.service AS s
  JOIN provisor.user_customer AS p ON p.user_id = 1 AND p.customer = s.customer
  WHERE s.cli = '447' || lpad((:m)::text, 9, '0')
  ON CONFLICT (subject) DO NOTHING
  RETURNING ticket_id
), queued AS (
  INSERT INTO provisor.ticket_queue (id, customer, network, due_at, subjects)
  SELECT ticket_id, '1000000', 'AS', 1700000000000, ARRAY['sim s' || (:n)::text] FROM locked
), noted AS (
  INSERT INTO provisor.audit (at, actor, action, object, detail)
  SELECT 1700000000000, 'user Bench', 'ticket.open', 'ticket ' || ticket_id, 'connect' FROM locked
)
INSERT INTO provisor.ticket_record (id, kind, customer, network, iccid, order_json, raised_by, raised_at, batch)
SELECT ticket_id, 'connect', '1000000', 'AS', 's' || (:n)::text,
  'an order of the size that an order has, more or less, in JSON', 'user Bench', 1700000000000, 1
FROM locked
RETURNING id;
";

/// Reads of one service by its number, 16 clients, a second. `live`: the live services' numbers behind 447.
pub(crate) fn find(database: &rig::Database, live: Range<usize>, seconds: Duration) -> f64 {
    pgbench(database, &about(FIND, live), seconds)
}

/// Raises in one statement, 16 clients, a second.
pub(crate) fn raise(database: &rig::Database, live: Range<usize>, seconds: Duration) -> f64 {
    pgbench(database, &about(RAISE, live), seconds)
}

/// The rows of an order in one statement, 16 clients, a second.
pub(crate) fn order(database: &rig::Database, live: Range<usize>, seconds: Duration) -> f64 {
    pgbench(database, &about(ORDER, live), seconds)
}

/// Takes the tickets away that are open: whoever measures next finds nothing of them, and their SIMs in stock.
pub(crate) fn forget(database: &rig::Database) {
    database.run(
        "DELETE FROM provisor.ticket_record WHERE id IN (SELECT id FROM provisor.ticket_queue);
        TRUNCATE provisor.ticket_queue, provisor.subject_lock",
    );
    database.run("VACUUM ANALYZE provisor.ticket_record");
}

fn about(script: &str, live: Range<usize>) -> String {
    let (first, last) = (live.start, live.end - 1);
    script.replace("FIRST", &first.to_string()).replace("LAST", &last.to_string())
}

fn pgbench(database: &rig::Database, script: &str, seconds: Duration) -> f64 {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(script.as_bytes()).unwrap();
    let socket = rig::socket();
    let done = Command::new(rig::binaries().join("pgbench"))
        .arg("-h")
        .arg(socket.parent().unwrap())
        .args(["-U", "provisor", "-n", "-M", "prepared", "-c", "16", "-j", "2", "-T"])
        .arg(seconds.as_secs().max(1).to_string())
        .arg("-f")
        .arg(file.path())
        .arg(&database.name)
        .output()
        .unwrap();
    let told = String::from_utf8(done.stdout).unwrap();
    let tps = told.lines().find_map(|line| line.strip_prefix("tps = "));
    let tps = tps.unwrap_or_else(|| panic!("{told}{}", String::from_utf8_lossy(&done.stderr)));
    tps.split(' ').next().unwrap().parse().unwrap()
}

const BARE: &str = "
    INSERT INTO floor.bare (kind, customer, network, iccid, order_json, raised_by, raised_at, batch)
    SELECT 'connect', customer, 'AS', iccid, $3, 'operator:drain', 1700000000000, 1
    FROM unnest($1::text[], $2::text[]) AS new (customer, iccid)";

/// Rows of a table like the tickets', with its indexes, a second: a thousand to a statement, on so many connections. `sim`
/// says whose SIM each is (customer, ICCID), `order` what was ordered.
pub(crate) async fn bare(
    database: &rig::Database,
    rows: usize,
    connections: usize,
    sim: fn(usize) -> (String, String),
    order: &str,
) -> f64 {
    database.run("TRUNCATE floor.bare");
    let batches = (rows / BATCH / connections).max(1);
    let insert = async |connection: usize| {
        let (client, link) =
            tokio_postgres::connect(&database.url, tokio_postgres::NoTls).await.unwrap();
        let link = tokio::spawn(link);
        let insert = client.prepare(BARE).await.unwrap();
        for batch in 0..batches {
            let first = (connection * batches + batch) * BATCH;
            let (customers, iccids): (Vec<String>, Vec<String>) =
                (first..first + BATCH).map(sim).unzip();
            client.execute(&insert, &[&customers, &iccids, &order]).await.unwrap();
        }
        drop(client);
        link.await.unwrap().unwrap();
    };
    let began = Instant::now();
    futures_util::future::join_all((0..connections).map(insert)).await;
    #[expect(clippy::cast_precision_loss, reason = "a figure for people")]
    let rows = (batches * connections * BATCH) as f64;
    rows / began.elapsed().as_secs_f64()
}
