//! The fleet of the demo: as many live services as the document's "Get Contracts" example counts.

use std::fmt::Write as _;

/// Contract and number of live services, as the document prints them.
const CONTRACTS: [(&str, usize); 2] = [("1000274", 217), ("1900274", 11)];
/// Code of the first service; the last one is below those of the document's examples.
const CODE_FIRST: usize = 5_012_001;

/// The fleet as a part of a catalogue file.
pub(crate) fn catalogue() -> String {
    let mut text = String::new();
    let contracts = CONTRACTS.iter().flat_map(|(contract, count)| vec![*contract; *count]);
    for (number, contract) in contracts.enumerate() {
        // Writing to a String cannot fail.
        let _infallible = write!(
            text,
            r#"
[[sim]]
iccid = "{iccid}"
imsi = "{imsi}"
msisdn = "{cli}"
customer = "1000000"

[[service]]
code = "{code}"
name = "Tracker {tracker}"
status = "A"
cli = "{cli}"
sim = "{iccid}"
contract = "{contract}"
tariff = "TEASEU1000MB"
apns = ["AS_APN_CROUT"]
group = "trackers"
"#,
            iccid = 8_910_390_000_020_000_000_u64 + number as u64,
            imsi = 901_700_000_020_000_u64 + number as u64,
            cli = format_args!("{:011}", 7_911_000_000_u64 + number as u64),
            code = CODE_FIRST + number,
            tracker = number + 1,
        );
    }
    text
}
