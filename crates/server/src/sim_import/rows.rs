//! From lines of a CSV file to rows for the store. Reads as it goes: a file of any size needs the memory of one batch.

use std::io::BufRead;

use csv::{Reader, ReaderBuilder, StringRecord, Trim};
use provisor_domain::CustomerNumber;
use provisor_domain::store::{BadRow, ImportRow, SimKeys};
use secrecy::SecretString;

use super::lines::Lines;
use crate::seal::{Sealer, SimKey};

/// The columns, in the order in which messages list them.
const COLUMNS: [&str; 8] = ["iccid", "imsi", "msisdn", "customer", "ki", "opc", "eid", "network"];
/// Digits of an eUICC identifier (SGP.02, section 2.2.2).
const EID_DIGITS: usize = 32;

/// What holds for all rows of a file.
#[derive(Debug)]
pub(crate) struct Rules {
    /// The customer of rows that name none.
    pub(crate) customer: Option<CustomerNumber>,
    /// Whether the check digit of ICCIDs must be right.
    pub(crate) luhn: bool,
    /// Seals Ki and OPc; made when the file has such a column.
    pub(crate) sealer: Option<Sealer>,
}

/// Where each column stands in the file.
#[derive(Debug, Default)]
pub(crate) struct Columns([Option<usize>; COLUMNS.len()]);

/// What stands on one line.
#[derive(Debug)]
pub(crate) enum Line {
    /// A row that is right in itself.
    Row(Box<ImportRow>),
    /// A row that cannot land.
    Bad(BadRow),
}

/// Reads rows.
#[derive(Debug)]
pub(crate) struct Rows<R> {
    reader: Reader<Lines<R>>,
    columns: Columns,
    rules: Rules,
    record: StringRecord,
    /// The file cannot be read any further.
    broken: bool,
}

/// Reads the first line; the error says what is wrong with it.
pub(crate) fn header<R: BufRead>(
    input: R,
    customer_given: bool,
) -> Result<(Reader<Lines<R>>, Columns), String> {
    let mut reader = ReaderBuilder::new().trim(Trim::All).from_reader(Lines::new(input));
    let head = reader.headers().map_err(|error| reason(&error))?.clone();
    let mut columns = Columns::default();
    for (at, name) in head.iter().enumerate() {
        let known = COLUMNS.iter().position(|column| name.eq_ignore_ascii_case(column));
        let Some(place) = known.and_then(|column| columns.0.get_mut(column)) else {
            let known = COLUMNS.join(", ");
            return Err(format!(
                "there is no column {name:?}; the columns are {known}, separated by commas"
            ));
        };
        if place.replace(at).is_some() {
            return Err(format!("column {name} is there twice"));
        }
    }
    if !columns.has("iccid") {
        return Err("the first line must name the columns; iccid is missing".to_owned());
    }
    if !columns.has("customer") && !customer_given {
        return Err("column customer is missing: add it, or give --customer".to_owned());
    }
    Ok((reader, columns))
}

impl Columns {
    /// True when the file has this column.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.at(name).is_some()
    }

    fn at(&self, name: &str) -> Option<usize> {
        let column = COLUMNS.iter().position(|column| *column == name)?;
        self.0.get(column).copied().flatten()
    }

    /// What `record` has in this column; `None` when there is no such column or nothing in it.
    fn get<'a>(&self, record: &'a StringRecord, name: &str) -> Option<&'a str> {
        record.get(self.at(name)?).filter(|value| !value.is_empty())
    }
}

impl<R: BufRead> Rows<R> {
    /// The rows behind a [`header`].
    pub(crate) fn new((reader, columns): (Reader<Lines<R>>, Columns), rules: Rules) -> Self {
        Self { reader, columns, rules, record: StringRecord::new(), broken: false }
    }

    /// How many bytes of the file have been read.
    pub(crate) fn bytes(&self) -> u64 {
        self.reader.position().byte()
    }

    fn parse(&self, line: u64) -> Result<ImportRow, String> {
        let get = |name| self.columns.get(&self.record, name);
        let iccid = get("iccid").ok_or("iccid is missing")?;
        let iccid = parsed::<provisor_domain::Iccid>("iccid", iccid)?;
        if self.rules.luhn && !iccid.luhn() {
            return Err("iccid has a wrong check digit (Luhn)".to_owned());
        }
        let customer = match (get("customer"), &self.rules.customer) {
            (Some(customer), _) => parsed("customer", customer)?,
            (None, Some(customer)) => customer.clone(),
            (None, None) => return Err("customer is missing".to_owned()),
        };
        let eid = get("eid").map(str::to_owned);
        if eid.as_ref().is_some_and(|eid| !is_eid(eid)) {
            return Err(format!("eid must be {EID_DIGITS} digits"));
        }
        let seal = |name, which| match (get(name), &self.rules.sealer) {
            (Some(hex), Some(sealer)) => {
                let text: Option<SecretString> = sealer.seal(&iccid, which, hex);
                text.map(Some).ok_or_else(|| format!("{name} must be 32 hex digits"))
            }
            _ => Ok(None),
        };
        let keys = SimKeys {
            ki_sealed: seal("ki", SimKey::Ki)?,
            opc_sealed: seal("opc", SimKey::Opc)?,
            eid,
        };
        Ok(ImportRow {
            line,
            imsi: get("imsi").map(|raw| parsed("imsi", raw)).transpose()?,
            msisdn: get("msisdn").map(|raw| parsed("msisdn", raw)).transpose()?,
            network: get("network").map(|raw| parsed("network", raw)).transpose()?,
            iccid,
            customer,
            keys,
        })
    }
}

impl<R: BufRead> Iterator for Rows<R> {
    type Item = Line;

    fn next(&mut self) -> Option<Line> {
        if self.broken {
            return None;
        }
        let read = self.reader.read_record(&mut self.record);
        // Where the reader stands now is behind the row's line break; where the row began, it counts empty lines
        // before it in.
        let line = self.reader.position().line().saturating_sub(1);
        match read {
            Ok(false) => return None,
            Ok(true) => {}
            Err(error) => {
                self.broken = error.is_io_error();
                return Some(Line::Bad(BadRow { line, reason: reason(&error) }));
            }
        }
        Some(match self.parse(line) {
            Ok(row) => Line::Row(Box::new(row)),
            Err(reason) => Line::Bad(BadRow { line, reason }),
        })
    }
}

fn is_eid(eid: &str) -> bool {
    eid.len() == EID_DIGITS && eid.bytes().all(|b| b.is_ascii_digit())
}

fn parsed<T: std::str::FromStr<Err = provisor_domain::Malformed>>(
    column: &str,
    raw: &str,
) -> Result<T, String> {
    raw.parse()
        .map_err(|error: provisor_domain::Malformed| format!("{column} must be {}", error.rule))
}

/// What a reader's error means for whoever wrote the file.
fn reason(error: &csv::Error) -> String {
    match error.kind() {
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
            format!("there are {len} columns instead of {expected_len}")
        }
        csv::ErrorKind::Utf8 { .. } => "the line is not UTF-8".to_owned(),
        csv::ErrorKind::Io(error) => format!("the file cannot be read: {error}"),
        _ => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn rules() -> Rules {
        Rules { customer: None, luhn: false, sealer: None }
    }

    fn read(text: &str, rules: Rules) -> Result<Vec<Line>, String> {
        let header = header(text.as_bytes(), rules.customer.is_some())?;
        Ok(Rows::new(header, rules).collect())
    }

    fn bad(text: &str) -> Vec<(u64, String)> {
        let lines = read(text, rules()).unwrap().into_iter();
        lines
            .filter_map(|line| match line {
                Line::Bad(bad) => Some((bad.line, bad.reason)),
                Line::Row(_) => None,
            })
            .collect()
    }

    #[test]
    fn columns_come_in_any_order_and_unknown_ones_are_refused() {
        let rows = read("Customer , iccid\n1000000, 8910390000015161789\n", rules()).unwrap();
        let [Line::Row(row)] = &rows[..] else { panic!("{rows:?}") };
        assert_eq!((row.line, row.customer.as_str()), (2, "1000000"));
        assert_eq!((&row.imsi, &row.msisdn, &row.network), (&None, &None, &None));
        for (head, said) in [
            ("iccid,customer,color\n", "color"),
            ("iccid,customer,iccid\n", "twice"),
            ("imsi,customer\n", "iccid is missing"),
            ("iccid\n", "--customer"),
            ("iccid;customer\n", "separated by commas"),
            ("", "iccid is missing"),
        ] {
            assert!(read(head, rules()).unwrap_err().contains(said), "{head}");
        }
    }

    #[test]
    fn every_bad_row_is_named_with_its_line_and_reason_and_the_others_are_read() {
        let text = "iccid,imsi,msisdn,customer\n\
            891039000001516178,901700000000001,07718123456,1000000\n\
            89103900000151617,,,1000000\n\
            8910390000015161789,90170,,1000000\n\
            \n\
            8910390000015161789,,abc,1000000\n\
            8910390000015161789,,,\n\
            8910390000015161789\n\
            ,,,1000000\n";
        let reasons = bad(text);
        let lines: Vec<u64> = reasons.iter().map(|(line, _)| *line).collect();
        assert_eq!(lines, [3, 4, 6, 7, 8, 9], "{reasons:?}");
        assert_eq!(reasons[0].1, "iccid must be 18 to 22 digits");
        assert_eq!(reasons[3].1, "customer is missing");
        assert_eq!(reasons[4].1, "there are 1 columns instead of 4");
    }

    #[test]
    fn lines_are_counted_alike_whatever_ends_them() {
        for end in ["\n", "\r\n"] {
            for last in ["", end] {
                let text = ["iccid,customer", "1,1", "", "2,1", "3"].join(end) + last;
                let lines: Vec<u64> = bad(&text).iter().map(|(line, _)| *line).collect();
                assert_eq!(lines, [2, 4, 5], "{text:?}");
            }
        }
    }

    #[test]
    fn the_check_digit_is_only_looked_at_when_asked_for() {
        let text = "iccid\n8910390000015161789\n8944110011462295831\n";
        let strict = |luhn| Rules { customer: "1".parse().ok(), luhn, sealer: None };
        let rows = |luhn| {
            let lines = read(text, strict(luhn)).unwrap().into_iter();
            lines.filter(|line| matches!(line, Line::Row(_))).count()
        };
        assert_eq!((rows(false), rows(true)), (2, 1));
    }

    #[test]
    fn keys_are_sealed_and_a_wrong_one_is_not_repeated() {
        let dir = tempfile::tempdir().unwrap();
        let rules = || Rules {
            customer: "1".parse().ok(),
            luhn: false,
            sealer: Some(Sealer::open_or_make(&dir.path().join("key")).unwrap()),
        };
        let ki = "465b5ce8b199b49faa5f0a2ee238a6bc";
        let good = format!("iccid,ki,opc\n8910390000015161789,{ki},{ki}\n");
        let rows = read(&good, rules()).unwrap();
        let [Line::Row(row)] = &rows[..] else { panic!("{rows:?}") };
        assert!(row.keys.ki_sealed.is_some() && row.keys.opc_sealed.is_some());
        assert!(!format!("{row:?}").contains(ki));
        let wrong = read("iccid,ki\n8910390000015161789,4711canary\n", rules()).unwrap();
        assert!(matches!(wrong[..], [Line::Bad(_)]));
        assert!(!format!("{wrong:?}").contains("4711canary"));
    }

    proptest! {
        #[test]
        fn no_file_makes_it_stop_early_or_panic(rows in prop::collection::vec("[^\r\n\"]{0,40}", 0..20)) {
            let text = format!("iccid,customer\n{}\n", rows.join("\n"));
            let lines = read(&text, rules()).unwrap();
            let written = rows.iter().filter(|row| !row.is_empty()).count();
            prop_assert_eq!(lines.len(), written);
        }

        #[test]
        fn a_right_row_is_read_as_it_stands(
            iccid in "[0-9]{18,22}", imsi in "[0-9]{6,15}", msisdn in "[0-9]{3,15}",
            customer in "[A-Za-z0-9]{1,64}", order in Just([0, 1, 2, 3]).prop_shuffle(),
        ) {
            let (names, values) = (["iccid", "imsi", "msisdn", "customer"], [&iccid, &imsi, &msisdn, &customer]);
            let head = order.map(|at| names[at]).join(",");
            let line = order.map(|at| values[at].as_str()).join(",");
            let rows = read(&format!("{head}\n{line}\n"), rules()).unwrap();
            let [Line::Row(row)] = &rows[..] else { panic!("{rows:?}") };
            prop_assert_eq!(row.iccid.as_str(), iccid);
            prop_assert_eq!(row.imsi.as_ref().unwrap().as_str(), imsi);
            prop_assert_eq!(row.msisdn.as_ref().unwrap().as_str(), msisdn);
            prop_assert_eq!(row.customer.as_str(), customer);
        }
    }
}
