//! The world that most tests live in, as a catalogue file.

use serde_json::{Value, json};

pub(crate) const ALICE_PASSWORD: &str = "alice-canary-4rf9Zk";
pub(crate) const BOB_PASSWORD: &str = "bob-canary-Xw27qP";
pub(crate) const GINA_PASSWORD: &str = "gina-canary-m8Lu3T";
pub(crate) const SAM_PASSWORD: &str = "sam-canary-Gd51vB";

/// SIMs of the first customer, in stock: on their own number, or on one of the network's range.
pub(crate) const SIM_OWN_NUMBER: &str = "8910390000015161789";
pub(crate) const SIM_1: &str = "8910390000015161790";
pub(crate) const SIM_2: &str = "8910390000015161791";
pub(crate) const SIM_3: &str = "8910390000015161792";
/// In stock, 22 digits long.
pub(crate) const SIM_LONG: &str = "8910390000015161793123";
/// A SIM of the second customer, whose only user is bob.
pub(crate) const SIM_FOREIGN: &str = "8944110011462295899";

/// Adopted, active, of reporting group `fleet`.
pub(crate) const SERVICE_FLEET: &str = "5000001";
pub(crate) const SIM_FLEET: &str = "8944110011462295831";
pub(crate) const CLI_FLEET: &str = "07979123456";
/// Adopted, active, of no reporting group; sam's one service.
pub(crate) const SERVICE_SAM: &str = "5000002";
pub(crate) const SIM_SAM: &str = "8944110011462295832";
/// Adopted, active, at a network that is down: a ticket for it stays open.
pub(crate) const SERVICE_STUCK: &str = "5000003";
pub(crate) const SIM_STUCK: &str = "8944110011462295833";
/// Adopted, active, of the second customer.
pub(crate) const SERVICE_FOREIGN: &str = "5000004";
pub(crate) const SIM_FOREIGN_LIVE: &str = "8944110011462295834";
/// Adopted, switched off.
pub(crate) const SERVICE_OFF: &str = "5000005";
pub(crate) const SIM_OFF: &str = "8944110011462295835";

/// While this file is in the world's directory, the network `DOWN` is down.
pub(crate) const OUTAGE_FILE: &str = "network-is-down";

/// The members of a `connectService` that succeeds.
pub(crate) fn connect(sim: &str) -> Value {
    json!({
        "sim": sim, "name": "Unit", "contractCode": "1000274", "tariffCode": "TEASEU1000MB",
        "APNCodes": "AS_APN_CROUT",
    })
}

/// See the module's head. Two customers; alice has the first, bob the second; gina and sam see a part of the first.
pub(crate) const BASE: &str = r#"
[[network]]
code = "AS"
driver = "simulated"
number_range = ["07700900000", "07700900999"]

# Down while the file exists: what is raised for it stays open until then.
[[network]]
code = "DOWN"
driver = "simulated"
outage_file = "network-is-down"

[[tariff]]
code = "TEASEU1000MB"
name = "EU 1000 MB"
network = "AS"

[[tariff]]
code = "TEASEU50MB"
name = "EU 50 MB"
network = "AS"

[[tariff]]
code = "TDOWN"
name = "Nothing"
network = "DOWN"

[[apn]]
code = "AS_APN_CROUT"
name = "crout.iot"
network = "AS"

[[apn]]
code = "AS_APN_PRIVATE"
name = "private.iot"
network = "AS"

[[bolton]]
code = "AS_BO_ROAM"
name = "Roaming"
network = "AS"

[[bolton]]
code = "AS_BO_SECRET"
name = "Granted to nobody"
network = "AS"

[[bar]]
code = "AS_SUS_MSISDN"
name = "Suspend SIM"
network = "AS"
suspends = true

[[bar]]
code = "AS_BAR_SMS"
name = "No SMS"
network = "AS"

[[bar]]
code = "BF_002"
name = "Granted to nobody"
network = "AS"

[[bar]]
code = "DOWN_SUS"
name = "Suspend SIM"
network = "DOWN"
suspends = true

[[template]]
code = "AS_SMALL"
tariff = "TEASEU50MB"
apns = ["AS_APN_PRIVATE"]
boltons = ["AS_BO_ROAM"]

[[ticket_type]]
code = "QUESTION"
name = "A question"
needs_file = false

[[ticket_type]]
code = "PORT_IN"
name = "Bring a number"
needs_file = true

[[customer]]
number = "1000000"
name = "Example Fleet"
contracts = [{ code = "1000274", name = "MarioG18" }, { code = "1900274", name = "MarioG19" }]

[[customer]]
number = "2000000"
name = "Somebody Else"
contracts = [{ code = "2000274", name = "Other" }]

[[user]]
username = "alice"
password = "alice-canary-4rf9Zk"
customers = ["1000000"]
bars = ["AS_SUS_MSISDN", "AS_BAR_SMS", "DOWN_SUS"]
boltons = ["AS_BO_ROAM"]

[[user]]
username = "bob"
password = "bob-canary-Xw27qP"
customers = ["2000000"]
bars = ["AS_SUS_MSISDN"]
boltons = ["AS_BO_ROAM"]

[[user]]
username = "gina"
password = "gina-canary-m8Lu3T"
kind = "group"
group = "fleet"
customers = ["1000000"]
bars = ["AS_SUS_MSISDN"]
boltons = ["AS_BO_ROAM"]

[[user]]
username = "sam"
password = "sam-canary-Gd51vB"
kind = "service"
service = "5000002"
customers = ["1000000"]
bars = ["AS_SUS_MSISDN"]
boltons = ["AS_BO_ROAM"]

[[sim]]
iccid = "8910390000015161789"
imsi = "901700000000001"
msisdn = "07718123456"
customer = "1000000"

[[sim]]
iccid = "8910390000015161790"
imsi = "901700000000002"
customer = "1000000"

[[sim]]
iccid = "8910390000015161791"
imsi = "901700000000003"
customer = "1000000"

[[sim]]
iccid = "8910390000015161792"
imsi = "901700000000004"
customer = "1000000"

[[sim]]
iccid = "8910390000015161793123"
imsi = "901700000000005"
customer = "1000000"

[[sim]]
iccid = "8944110011462295899"
imsi = "901700000000006"
customer = "2000000"

[[sim]]
iccid = "8944110011462295831"
imsi = "901700000000011"
customer = "1000000"

[[sim]]
iccid = "8944110011462295832"
imsi = "901700000000012"
customer = "1000000"

[[sim]]
iccid = "8944110011462295833"
imsi = "901700000000013"
customer = "1000000"

[[sim]]
iccid = "8944110011462295834"
imsi = "901700000000014"
customer = "2000000"

[[sim]]
iccid = "8944110011462295835"
imsi = "901700000000015"
customer = "1000000"

[[service]]
code = "5000001"
name = "Marion Gomez"
status = "A"
cli = "07979123456"
sim = "8944110011462295831"
contract = "1000274"
tariff = "TEASEU1000MB"
apns = ["AS_APN_CROUT"]
group = "fleet"

[[service]]
code = "5000002"
name = "Sam"
status = "A"
cli = "07979123457"
sim = "8944110011462295832"
contract = "1000274"
tariff = "TEASEU1000MB"

[[service]]
code = "5000003"
name = "Stuck"
status = "A"
cli = "07979123458"
sim = "8944110011462295833"
contract = "1000274"
tariff = "TDOWN"

[[service]]
code = "5000004"
name = "Foreign"
status = "A"
cli = "07979123459"
sim = "8944110011462295834"
contract = "2000274"
tariff = "TEASEU1000MB"

[[service]]
code = "5000005"
name = "Switched off"
status = "S"
cli = "07979123460"
sim = "8944110011462295835"
contract = "1000274"
tariff = "TEASEU1000MB"
"#;
