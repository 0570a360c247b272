use super::*;
use std::collections::BTreeSet;

const BEGIN: &str = "<!-- codes -->\n";
const END: &str = "<!-- end of codes -->\n";

/// The table of `docs/errors.md`.
fn table() -> String {
    let mut table = String::from(
        "| Code | Message | Whose | When it comes | What to do |\n|---|---|---|---|---|\n",
    );
    for row in ROWS {
        let whose = if row.documented { "document" } else { "ours" };
        let (number, message) = (row.number, message(row));
        let _ =
            writeln!(table, "| {number} | {message} | {whose} | {} | {} |", row.when, row.remedy);
    }
    table
}

#[test]
fn the_documentation_lists_every_code_as_it_is() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/errors.md");
    let document = std::fs::read_to_string(path).unwrap();
    let written = document.split_once(BEGIN).and_then(|(_, rest)| rest.split_once(END)).unwrap().0;
    assert_eq!(written, table(), "put the right-hand side between the markers in docs/errors.md");
}

#[test]
fn the_page_lists_every_code_and_escapes_what_it_shows() {
    let page = page();
    assert_eq!(page.matches("<tr").count(), ROWS.len() + 1);
    assert_eq!(
        page.matches("class=\"ours\"").count(),
        ROWS.iter().filter(|r| !r.documented).count()
    );
    assert!(page.contains("<td>&#39;barCode&#39; missing.</td>"));
    assert_eq!(escape("<b a=\"x\">&'"), "&lt;b a=&quot;x&quot;&gt;&amp;&#39;");
}

/// Section 1.5 of the contract, typed from it.
const CONTRACT: &[(&str, &str)] = &[
    ("000", "Zygo portal undergoing maintenance."),
    ("001", "Internal Error."),
    ("100", "Authentication failed."),
    ("101", "Service Locked. Another ticket is processing."),
    ("102", "You do not have permission to update this Bar (CODE)"),
    ("103", "You do not have permission to update this Bolt On (CODE)"),
    ("104", "'service' missing."),
    ("105", "You do not have premission to access this service."),
    ("200", "'barCode' missing."),
    ("201", "'ticketType' missing."),
    ("202", "'message' missing."),
    ("203", "'file' missing."),
    ("204", "'boltonCode' missing."),
    ("205", "'newName' missing."),
    ("206", "'contractCode' missing."),
    ("207", "'templateCode' missing."),
    ("208", "'newSIM' missing."),
    ("208", "'sim' missing."),
    ("209", "'customer' missing."),
    ("300", "'sim' invalid."),
    ("300", "'newSIM' invalid."),
    ("301", "'ticketType' invalid."),
    ("302", "Service is not Active."),
    ("400", "Could not find Service."),
    ("401", "Could not find Ticket"),
    ("402", "SIM not available to Customer"),
    ("403", "Could not find Contract"),
    ("404", "Could not find Template"),
    ("405", "Could not find APN"),
];

/// The same section: ours.
const OURS: &[(&str, &str)] = &[
    ("002", "Unknown method."),
    ("003", "Too many requests."),
    ("210", "'tariffCode' missing."),
    ("211", "'name' missing."),
    ("212", "'ticket' missing."),
    ("303", "Request invalid: what and where"),
    ("304", "'name' invalid."),
    ("304", "'newName' invalid."),
    ("305", "Idempotency-Key was used with another request."),
    ("406", "Could not find Tariff."),
];

#[test]
fn codes_and_messages_are_the_contracts() {
    let of = |documented: bool| -> BTreeSet<(&str, String)> {
        let rows = ROWS.iter().filter(|row| row.documented == documented);
        rows.map(|row| (row.number, message(row))).collect()
    };
    let wanted = |rows: &[(&'static str, &str)]| -> BTreeSet<(&str, String)> {
        rows.iter().map(|(number, message)| (*number, (*message).to_owned())).collect()
    };
    assert_eq!(of(true), wanted(CONTRACT));
    assert_eq!(of(false), wanted(OURS));
    assert_eq!(ROWS.len(), CONTRACT.len() + OURS.len());
}
