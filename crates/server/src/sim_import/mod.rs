//! Import of SIM stocks from CSV files (contract section 3): a million rows, the whole file or nothing.
//!
//! A thread reads and checks lines while the store takes the batch before. Rows land invisibly; only when the last
//! one has landed and none was bad do they become visible, in one moment. Whatever ends the import earlier (a bad
//! row, Ctrl-C, a fault) takes everything back; what a killed process left is taken back by the next import.

mod lines;
mod rows;

use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail};
use jiff::Timestamp;
use provisor_domain::CustomerNumber;
use provisor_domain::limits::{IMPORT_BAD_ROWS_NAMED_MAX, IMPORT_ROWS_PER_BATCH};
use provisor_domain::store::{BadRow, ImportId, ImportRow, Operations, Origin};
use tokio::sync::mpsc;

use crate::output::{note, thousands};
use crate::progress::Progress;
use crate::seal::Sealer;
use lines::Lines;
use rows::{Columns, Line, Rows, Rules};

/// Batches that wait for the store.
const BATCHES_WAITING: usize = 2;

/// What is to be imported.
#[derive(Debug)]
pub(crate) struct Import {
    /// The file.
    pub(crate) file: PathBuf,
    /// The customer of rows that name none.
    pub(crate) customer: Option<CustomerNumber>,
    /// Whether the check digit of ICCIDs must be right.
    pub(crate) luhn: bool,
    /// The file of the key for Ki and OPc.
    pub(crate) key_file: PathBuf,
    /// Whether that may be another key than the one that the keys in the database were sealed with.
    pub(crate) new_key: bool,
}

/// What came of it.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// So many SIMs are in stock now.
    Landed(u64),
    /// Nothing landed, because of these rows.
    Bad(BadRows),
    /// Nothing landed, because somebody stopped it.
    Stopped,
}

/// Rows that cannot land, in the order of lines.
#[derive(Debug, Default)]
pub(crate) struct BadRows {
    /// The first of them.
    pub(crate) named: Vec<BadRow>,
    /// How many there are.
    pub(crate) count: u64,
}

impl BadRows {
    fn add(&mut self, mut rows: Vec<BadRow>) {
        rows.sort_by_key(|row| row.line);
        self.count += rows.len() as u64;
        let room = IMPORT_BAD_ROWS_NAMED_MAX.saturating_sub(self.named.len());
        self.named.extend(rows.into_iter().take(room));
    }
}

/// Lines on their way to the store.
#[derive(Debug, Default)]
struct Batch {
    rows: Vec<ImportRow>,
    bad: Vec<BadRow>,
    /// How far the file has been read, in bytes.
    bytes: u64,
    /// Nothing comes after it.
    last: bool,
}

/// Imports, until done or until `stop` resolves.
pub(crate) async fn run(
    store: &dyn Operations,
    import: &Import,
    (origin, now): (Origin, Timestamp),
    stop: impl Future<Output = ()>,
) -> Result<Outcome> {
    let file = open(import)?;
    let name = import.file.display().to_string();
    let id = store.sim_import_begin(name, origin, now).await?;
    let landed = tokio::select! {
        landed = read_and_land(store, id, import, file) => landed,
        () = stop => Ok(None),
    };
    match landed {
        Ok(Some((count, bad))) if bad.count == 0 => {
            store.sim_import_finish(id, now).await?;
            Ok(Outcome::Landed(count))
        }
        Ok(Some((_, bad))) => {
            take_back(store, id).await?;
            Ok(Outcome::Bad(bad))
        }
        Ok(None) => {
            note("stopping: taking back what has landed");
            take_back(store, id).await?;
            Ok(Outcome::Stopped)
        }
        Err(error) => {
            // The fault that ended it is what matters; the next import takes back what this one cannot.
            if let Err(second) = take_back(store, id).await {
                tracing::warn!(error = %second, "what had landed could not be taken back now");
            }
            Err(error)
        }
    }
}

async fn take_back(store: &dyn Operations, id: ImportId) -> Result<()> {
    store.sim_import_abandon(id).await.context(
        "what had landed could not be taken back; it stays invisible, and the next import removes it",
    )
}

type FileRows = Rows<BufReader<File>>;

/// A file whose header has been read.
struct Opened {
    reader: csv::Reader<Lines<BufReader<File>>>,
    columns: Columns,
    bytes: u64,
}

fn open(import: &Import) -> Result<Opened> {
    let shown = import.file.display();
    let file = File::open(&import.file).with_context(|| format!("cannot read {shown}"))?;
    let bytes = file.metadata().map_or(0, |metadata| metadata.len());
    let input = BufReader::with_capacity(1 << 20, file);
    let header = rows::header(input, import.customer.is_some());
    let (reader, columns) = header.map_err(|reason| anyhow!("{shown}:1: {reason}"))?;
    Ok(Opened { reader, columns, bytes })
}

/// What seals the file's keys. Asked for after the import began: an earlier one, which may have made a key, lands nothing
/// any more.
async fn sealer(
    store: &dyn Operations,
    import: &Import,
    columns: &Columns,
) -> Result<Option<Sealer>> {
    if !columns.has("ki") && !columns.has("opc") {
        return Ok(None);
    }
    let sealed = if import.new_key { None } else { store.sim_import_sealed().await? };
    let sealer = match &sealed {
        Some((iccid, keys)) => Sealer::open(&import.key_file, (iccid, keys)),
        None => Sealer::open_or_make(&import.key_file),
    };
    sealer.map(Some)
}

/// Lands the file.
async fn read_and_land(
    store: &dyn Operations,
    id: ImportId,
    import: &Import,
    file: Opened,
) -> Result<Option<(u64, BadRows)>> {
    let sealer = sealer(store, import, &file.columns).await?;
    let rules = Rules { customer: import.customer.clone(), luhn: import.luhn, sealer };
    let rows = Rows::new((file.reader, file.columns), rules);
    let (batches, waiting) = mpsc::channel(BATCHES_WAITING);
    let reader = std::thread::Builder::new().name("import-reader".to_owned());
    reader.spawn(move || read(rows, &batches)).context("no thread to read the file")?;
    land(store, id, waiting, file.bytes).await
}

/// Reads to the end, or until nobody listens any more.
fn read(mut rows: FileRows, batches: &mpsc::Sender<Batch>) {
    loop {
        let mut batch = Batch::default();
        for line in rows.by_ref().take(IMPORT_ROWS_PER_BATCH) {
            match line {
                Line::Row(row) => batch.rows.push(*row),
                Line::Bad(row) => batch.bad.push(row),
            }
        }
        let last = batch.rows.len() + batch.bad.len() < IMPORT_ROWS_PER_BATCH;
        batch.last = last;
        batch.bytes = rows.bytes();
        if batches.blocking_send(batch).is_err() || last {
            return;
        }
    }
}

/// How many rows landed, and which did not.
async fn land(
    store: &dyn Operations,
    id: ImportId,
    mut waiting: mpsc::Receiver<Batch>,
    bytes: u64,
) -> Result<Option<(u64, BadRows)>> {
    let mut progress = Progress::new("importing", bytes);
    let (mut seen, mut bad, mut complete) = (0, BadRows::default(), false);
    while let Some(batch) = waiting.recv().await {
        complete = batch.last;
        seen += (batch.rows.len() + batch.bad.len()) as u64;
        let mut refused = batch.bad;
        if !batch.rows.is_empty() {
            refused.extend(store.sim_import_rows(id, batch.rows).await?);
        }
        bad.add(refused);
        progress.at(batch.bytes, seen, "rows");
    }
    if !complete {
        bail!("the file was not read to its end: nothing was imported");
    }
    Ok(Some((seen - bad.count, bad)))
}

/// Says what is wrong with the rows, one a line.
pub(crate) fn complain(file: &Path, bad: &BadRows) -> Result<()> {
    for row in &bad.named {
        note(format!("{}:{}: {}", file.display(), row.line, row.reason));
    }
    let more = bad.count.saturating_sub(bad.named.len() as u64);
    if more > 0 {
        note(format!("… and {} more", thousands(more)));
    }
    bail!(
        "{} of {} cannot land, so nothing was imported: mend them and import the file again",
        crate::output::count(bad.count, "row"),
        file.display()
    )
}
