//! The floors, on the same server: `pgbench` with the least that a read and a raise can be, and a bare insert.

use std::io::Write as _;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::world::{BATCH, customer, iccid};
use crate::{Place, fill, per_second, rig};

/// A ticket that is a row and two indexes; and a table like the one in which the store keeps what was ordered.
pub(crate) const TABLES: &str = "
    CREATE SCHEMA floor;
    CREATE TABLE floor.raise (
      id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, iccid TEXT NOT NULL, customer TEXT NOT NULL,
      status INT NOT NULL DEFAULT 0, due_at BIGINT NOT NULL, payload TEXT NOT NULL
    );
    CREATE UNIQUE INDEX ON floor.raise (iccid) WHERE status < 2;
    CREATE INDEX ON floor.raise (due_at, id) WHERE status = 0;
    CREATE TABLE floor.bare (LIKE provisor.ticket_record INCLUDING ALL);
    ALTER TABLE floor.bare ALTER id ADD GENERATED ALWAYS AS IDENTITY";

/// The statements that took longest.
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

/// Reads of one service by its number, 16 clients, a second.
pub(crate) fn find(place: &Place, seconds: Duration) -> f64 {
    pgbench(place, FIND, seconds)
}

/// Raises in one statement, 16 clients, a second.
pub(crate) fn raise(place: &Place, seconds: Duration) -> f64 {
    pgbench(place, RAISE, seconds)
}

fn pgbench(place: &Place, script: &str, seconds: Duration) -> f64 {
    let script = script
        .replace("FIRST", &fill::FIRST_LIVE.to_string())
        .replace("LAST", &(fill::FIRST_LIVE + fill::SERVICES - 1).to_string());
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
        .arg(&place.database.name)
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

/// Rows of a table like the tickets', with its indexes, a second: a thousand to a statement, on so many connections.
pub(crate) async fn bare(place: &Place, rows: usize, connections: usize) -> f64 {
    place.database.run("TRUNCATE floor.bare");
    let batches = rows / BATCH / connections;
    let insert = async |connection: usize| {
        let (client, link) =
            tokio_postgres::connect(&place.database.url, tokio_postgres::NoTls).await.unwrap();
        let link = tokio::spawn(link);
        let insert = client.prepare(BARE).await.unwrap();
        for batch in 0..batches {
            let first = (connection * batches + batch) * BATCH;
            let customers: Vec<String> = (first..first + BATCH).map(customer).collect();
            let iccids: Vec<String> =
                (first..first + BATCH).map(|n| iccid(n).to_string()).collect();
            let order = serde_json::to_string(&crate::world::connect(0)).unwrap();
            client.execute(&insert, &[&customers, &iccids, &order]).await.unwrap();
        }
        drop(client);
        link.await.unwrap().unwrap();
    };
    let began = Instant::now();
    futures_util::future::join_all((0..connections).map(insert)).await;
    per_second(batches * connections * BATCH, began.elapsed())
}
