//! Catalogue files against a real store: what is told of wrong ones, and what right ones change.

use std::path::Path;

use provisor_domain::catalogue::CatalogueKeys;
use provisor_domain::clock::{Clock, SystemClock};
use provisor_domain::store::{Operations, Origin, Users};
use provisor_domain::{ServiceStatus, SimState, UserKind};
use provisor_store::sqlite::{Options, SqliteStore};
use tempfile::TempDir;

use super::{ApplyError, Change, Op, Order, apply};

/// A small world, right in every respect.
const WORLD: &str = r#"
[[network]]
code = "AS"
driver = "simulated"
number_range = ["07700900000", "07700900999"]
latency_ms = { p50 = 5, p99 = 40.5 }

[[network]]
code = "OTHER"
driver = "simulated"

[[tariff]]
code = "T1"
name = "One"
network = "AS"

[[apn]]
code = "A1"
name = "one.iot"
network = "AS"

[[apn]]
code = "A2"
name = "two.iot"
network = "OTHER"

[[bolton]]
code = "B1"
name = "Roaming"
network = "AS"

[[bar]]
code = "SUS"
name = "Suspend"
network = "AS"
suspends = true

[[template]]
code = "TPL"
tariff = "T1"
apns = ["A1"]
boltons = ["B1"]

[[ticket_type]]
code = "Q"
name = "Question"

[[customer]]
number = "1000000"
name = "Fleet"
contracts = [{ code = "C1", name = "First" }]

[[sim]]
iccid = "8910390000015161789"
imsi = "901700000000001"
customer = "1000000"

[[service]]
code = "5000001"
name = "Tracker"
status = "B"
sim = "8910390000015161789"
contract = "C1"
tariff = "T1"
apns = ["A1"]
bars = ["SUS"]
group = "trucks"

[[user]]
username = "MarioG"
password = "Stuttgart"
customers = ["1000000"]
bars = ["SUS"]
boltons = ["B1"]

[[user]]
username = "one"
password = "only-one-service"
kind = "service"
service = "5000001"
customers = ["1000000"]

[[tenant]]
name = "kommitt"
mail_domain = "rapeedo.net"
networks = ["127.0.0.0/8"]
packs = [{ name = "Mail", kind = "count" }]

[[portal_customer]]
tenant = "kommitt"
id = "10953"
password_md5 = "098f6bcd4621d373cade4e832627b4f6"
packs = [{ name = "mail", value = "2" }]
mailboxes = [{ address = "info@rapeedo.net" }]
"#;

struct Desk {
    dir: TempDir,
    store: SqliteStore,
}

impl Desk {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(&dir.path().join("p.db"), Options::default()).unwrap();
        Self { dir, store }
    }

    async fn apply(&self, text: &str, dry_run: bool) -> Result<Vec<Change>, ApplyError> {
        let file = self.dir.path().join("world.toml");
        let order = Order {
            file: &file,
            text,
            dry_run,
            origin: Origin { actor: "operator:test".into(), request_id: None },
            now: SystemClock.now(),
        };
        apply(&self.store, order).await.map(|applied| applied.changes)
    }

    async fn applied(&self, text: &str) -> Vec<Change> {
        self.apply(text, false).await.unwrap()
    }

    /// What is told of a wrong file: `LINE: …`.
    async fn told(&self, text: &str) -> Vec<String> {
        let Err(ApplyError::Wrong(told)) = self.apply(text, false).await else {
            panic!("it is taken: {text}")
        };
        let prefix = format!("{}:", self.dir.path().join("world.toml").display());
        told.iter().map(|line| line.strip_prefix(&prefix).unwrap().to_owned()).collect()
    }
}

fn line_of(text: &str, part: &str) -> usize {
    crate::output::line_of(text, text.find(part).unwrap_or_else(|| panic!("{part} is there")))
}

fn told_fields(changes: &[Change]) -> Vec<String> {
    let mut told = Vec::new();
    for change in changes {
        let sign = if change.op == Op::Add { '+' } else { '~' };
        for field in &change.fields {
            let (from, to) = (field.from.as_deref(), field.to.as_deref());
            told.push(format!(
                "{sign} {} {} {}: {from:?} {to:?}",
                change.entity, change.key, field.name
            ));
        }
    }
    told
}

#[tokio::test]
async fn a_world_lands_as_it_is_written_and_a_second_time_changes_nothing() {
    let desk = Desk::new();
    let first = desk.applied(WORLD).await;
    assert_eq!(
        first.len(),
        18,
        "every entry, the contract, and the tenant's mail system: {first:?}"
    );
    assert!(first.iter().all(|change| change.op == Op::Add));
    assert_eq!(desk.applied(WORLD).await, []);
    let keys = CatalogueKeys {
        sims: vec!["8910390000015161789".parse().unwrap()],
        portal_customers: Vec::new(),
        services: vec!["5000001".parse().unwrap()],
    };
    let stored = desk.store.catalogue_read(keys).await.unwrap();
    assert_eq!(stored.sims[0].state, SimState::InUse);
    assert_eq!(stored.services[0].status, ServiceStatus::Barred);
    assert!(stored.services[0].products.suspended());
    let one = stored.users.iter().find(|user| user.username.as_str() == "one").unwrap();
    assert_eq!(one.kind, UserKind::Service("5000001".parse().unwrap()));
}

#[tokio::test]
async fn a_dry_run_tells_the_same_and_writes_nothing() {
    let desk = Desk::new();
    let dry = desk.apply(WORLD, true).await.unwrap();
    assert_eq!(desk.apply(WORLD, true).await.unwrap(), dry);
    assert_eq!(desk.applied(WORLD).await, dry);
}

#[tokio::test]
async fn what_differs_is_told_field_by_field_and_no_password_is() {
    let desk = Desk::new();
    desk.applied(WORLD).await;
    let changed = WORLD
        .replace("name = \"One\"", "name = \"Uno\"")
        .replace("Stuttgart", "Leverkusen")
        .replace("bars = [\"SUS\"]\nboltons = [\"B1\"]", "bars = []\nboltons = [\"B1\"]")
        .replace("latency_ms = { p50 = 5, p99 = 40.5 }", "in_flight = 10")
        .replace("name = \"First\"", "name = \"Primo\"");
    let told = told_fields(&desk.applied(&changed).await);
    assert_eq!(
        told,
        [
            "~ network AS in_flight: Some(\"\") Some(\"10\")",
            "~ network AS latency_ms: Some(\"{\\\"p50\\\":5,\\\"p99\\\":40.5}\") Some(\"\")",
            "~ tariff T1 name: Some(\"One\") Some(\"Uno\")",
            "~ contract C1 name: Some(\"First\") Some(\"Primo\")",
            "~ user MarioG bars: Some(\"SUS\") Some(\"\")",
            "~ user MarioG password: None None",
        ]
    );
    assert_eq!(desk.applied(&changed).await, []);
    let auth = desk.store.user_auth("MarioG".parse().unwrap()).await.unwrap().unwrap();
    assert!(provisor_engine::verify_password(&"Leverkusen".into(), &auth.password_hash));
}

#[tokio::test]
async fn a_part_of_the_world_may_refer_to_what_the_database_has_and_leaves_the_rest_alone() {
    let desk = Desk::new();
    desk.applied(WORLD).await;
    let part = "[[tariff]]\ncode = \"T2\"\nname = \"Two\"\nnetwork = \"AS\"\n\
                [[sim]]\niccid = \"8910390000015161789\"\ncustomer = \"1000000\"\n\
                [[user]]\nusername = \"MarioG\"\ncustomers = [\"1000000\"]\nbars = [\"SUS\"]\nboltons = [\"B1\"]\n";
    let changes = desk.applied(part).await;
    assert_eq!(changes.iter().map(|c| c.key.as_str()).collect::<Vec<_>>(), ["T2"]);
    assert_eq!(desk.applied(WORLD).await, []);
}

/// What is replaced in [`WORLD`], by what, and what is told of it, at the line of the replacement.
const MISTAKES: [(&str, &str, &str); 34] = [
    (
        "network = \"AS\"",
        "network = \"ZZ\"",
        "[[tariff]] \"T1\": network \"ZZ\" is not defined (neither in this file nor in the database)",
    ),
    (
        "customers = [\"1000000\"]",
        "customers = [\"7\"]",
        "[[user]] \"MarioG\": customer \"7\" is not defined (neither in this file nor in the database)",
    ),
    (
        "apns = [\"A1\"]",
        "apns = [\"A2\"]",
        "[[template]] \"TPL\": A2 is of network OTHER, the tariff of network AS",
    ),
    (
        "apns = [\"A1\"]\nbars",
        "apns = [\"A2\"]\nbars",
        "[[service]] \"5000001\": A2 is of network OTHER, the tariff of network AS",
    ),
    (
        "name = \"One\"",
        "nmae = \"One\"",
        "[[tariff]] \"T1\": unknown field `nmae`, expected one of `code`, `name`, `network`",
    ),
    (
        "code = \"A1\"",
        "code = \"A 1\"",
        "[[apn]] \"A 1\": \"A 1\" is not a code: visible ASCII characters without blank, comma and semicolon",
    ),
    ("code = \"A2\"", "code = \"A1\"", "[[apn]] \"A1\": apn A1 is in line 18 already"),
    (
        "driver = \"simulated\"\nnumber",
        "driver = \"imaginary\"\nnumber",
        "[[network]] \"AS\": there is no driver \"imaginary\"; use one of: simulated",
    ),
    (
        "latency_ms = { p50 = 5, p99 = 40.5 }",
        "latency_ms = \"slow\"",
        "[[network]] \"AS\": setting `latency_ms` must be a number of milliseconds or a table { p50 = .., p99 = .. }, not \"slow\"",
    ),
    ("latency_ms = {", "latncy_ms = {", "[[network]] \"AS\": unknown setting `latncy_ms`"),
    (
        "number_range = [\"07700900000\", \"07700900999\"]",
        "number_range = [\"2000\", \"1000\"]",
        "[[network]] \"AS\": number_range must be",
    ),
    (
        "iccid = \"8910390000015161789\"",
        "iccid = \"8910\"",
        "[[sim]] \"8910\": iccid: not a valid ICCID: 18 to 22 digits",
    ),
    (
        "status = \"B\"",
        "status = \"A\"",
        "[[service]] \"5000001\": with these bars a live service has status B",
    ),
    ("status = \"B\"", "status = \"X\"", "[[service]] \"5000001\": status: unknown variant `X`"),
    ("code = \"5000001\"", "code = \"05\"", "[[service]] \"05\": code must be 1 to 18 digits"),
    (
        "service = \"5000001\"",
        "service = \"5000002\"",
        "[[user]] \"one\": service \"5000002\" is not defined",
    ),
    (
        "password = \"Stuttgart\"",
        "password = \"short\"",
        "[[user]] \"MarioG\": a password needs at least 8 characters",
    ),
    (
        "password = \"Stuttgart\"",
        "password = 47114711",
        "[[user]] \"MarioG\": password must be a text in quotes",
    ),
    (
        "password = \"Stuttgart\"",
        "password_file = \"nowhere\"",
        "[[user]] \"MarioG\": cannot read the password file",
    ),
    ("[[tenant]]", "[[tenants]]", "there is no table [[tenants]]"),
    (
        "mail_domain = ",
        "mail_domain = \"-\" # ",
        "[[tenant]] \"kommitt\": mail_domain must be a domain name",
    ),
    (
        "mail_domain = ",
        "mail = \"AS\"\nmail_domain = ",
        "[[tenant]] \"kommitt\": network AS is no mail system",
    ),
    (
        "mail_domain = ",
        "mail = \"NO\"\nmail_domain = ",
        "[[tenant]] \"kommitt\": network \"NO\" is not defined",
    ),
    (
        "mail_domain = ",
        "mailbox_quota = \"1\"\nmail_domain = ",
        "[[tenant]] \"kommitt\": mailbox_quota must be a number with K, M, G or T",
    ),
    (
        "tenant = \"kommitt\"",
        "tenant = \"comet\"",
        "[[portal_customer]] \"10953\": tenant \"comet\" is not defined",
    ),
    (
        "name = \"mail\"",
        "name = \"fax\"",
        "[[portal_customer]] \"10953\": tenant kommitt sells no pack \"fax\"",
    ),
    (
        "value = \"2\"",
        "value = \"2M\"",
        "[[portal_customer]] \"10953\": not a valid value of this pack",
    ),
    (
        "value = \"2\"",
        "value = \"1\"",
        "[[portal_customer]] \"10953\": 2 mailboxes, the primary one counted, need a pack Mail of as many",
    ),
    (
        "info@rapeedo.net",
        "in+fo@rapeedo.net",
        "[[portal_customer]] \"10953\": in+fo@rapeedo.net: a mailbox's address",
    ),
    ("098f6bcd", "47114711zz", "[[portal_customer]] \"10953\": password_md5: not a valid HASH"),
    (
        "password_md5 = ",
        "password = \"long enough\"\npassword_md5 = ",
        "[[portal_customer]] \"10953\": password and password_md5 exclude each other",
    ),
    (
        "username = \"one\"",
        "username = \"one\"\ntenant = \"kommitt\"",
        "[[user]] \"one\": a user of kind",
    ),
    ("[[ticket_type]]", "[ticket_type]", "write [[ticket_type]] with double brackets"),
    ("name = \"Fleet\"", "name = \" \"", "[[customer]] \"1000000\": name must be one line of text"),
];

#[tokio::test]
async fn every_mistake_is_told_with_line_table_and_key_and_nothing_is_written() {
    let desk = Desk::new();
    for (right, wrong, wanted) in MISTAKES {
        let text = WORLD.replacen(right, wrong, 1);
        assert_ne!(text, WORLD, "{right}");
        let told = desk.told(&text).await;
        let wanted = format!("{}: {wanted}", line_of(WORLD, right));
        assert!(
            told.iter().any(|line| line.starts_with(&wanted)),
            "wanted {wanted}\ngot {told:#?}"
        );
        assert!(!told.iter().any(|line| line.contains("47114711")), "a password is told");
    }
    assert_eq!(desk.applied(WORLD).await.len(), 18, "nothing was written before");
}

#[tokio::test]
async fn all_mistakes_are_told_at_once_in_the_order_of_lines() {
    let desk = Desk::new();
    let text = WORLD
        .replace("name = \"One\"\nnetwork = \"AS\"", "name = \"One\"\nnetwork = \"ZZ\"")
        .replace("suspends = true", "suspends = 1")
        .replace("imsi = \"901700000000001\"", "imsi = \"x\"");
    let told = desk.told(&text).await;
    let lines: Vec<usize> =
        told.iter().map(|line| line.split(':').next().unwrap().parse().unwrap()).collect();
    for part in ["network = \"ZZ\"", "suspends = 1", "imsi = \"x\""] {
        assert!(lines.contains(&line_of(&text, part)), "{part}: {told:#?}");
    }
    assert!(lines.is_sorted());
}

#[tokio::test]
async fn what_is_no_toml_is_told_with_its_line() {
    let desk = Desk::new();
    let told = desk.told("[[network]]\ncode = \"AS\n").await;
    assert!(told[0].starts_with("2: "), "{told:?}");
}

#[tokio::test]
async fn a_sim_in_use_stays_with_its_customer() {
    let desk = Desk::new();
    desk.applied(WORLD).await;
    let other = "[[customer]]\nnumber = \"2\"\nname = \"Two\"\n\
                 [[sim]]\niccid = \"8910390000015161789\"\ncustomer = \"2\"\n";
    assert_eq!(
        desk.told(other).await,
        ["6: [[sim]] \"8910390000015161789\": it is in use by customer 1000000: it stays there"]
    );
}

#[tokio::test]
async fn a_customer_has_no_more_contracts_than_are_answered_at_once() {
    let desk = Desk::new();
    desk.applied(WORLD).await;
    let with = |count: usize| {
        let contracts: Vec<String> =
            (0..count).map(|n| format!("{{ code = \"X{n}\", name = \"X\" }}")).collect();
        let list = contracts.join(", ");
        format!("[[customer]]\nnumber = \"1000000\"\nname = \"Fleet\"\ncontracts = [{list}]\n")
    };
    let told = desk.told(&with(10_000)).await;
    let wanted = "2: [[customer]] \"1000000\": 10001 contracts are more than the 10000";
    assert!(told[0].starts_with(wanted), "{told:?}");
    desk.applied(&with(9_999)).await;
}

#[tokio::test]
async fn password_files_are_looked_for_beside_the_catalogue() {
    let desk = Desk::new();
    desk.applied(WORLD).await;
    std::fs::write(desk.dir.path().join("mario.password"), "Leverkusen\n").unwrap();
    let text = "[[user]]\nusername = \"MarioG\"\npassword_file = \"mario.password\"\n\
                customers = [\"1000000\"]\nbars = [\"SUS\"]\nboltons = [\"B1\"]\n";
    let told = told_fields(&desk.applied(text).await);
    assert_eq!(told, ["~ user MarioG password: None None"]);
    assert!(Path::new(&desk.dir.path().join("p.db")).exists());
}

#[tokio::test]
async fn the_default_tenant_can_move_and_there_is_one_at_most() {
    let desk = Desk::new();
    let tenants = |first: bool, second: bool| {
        let tenant = |name: &str, default: bool| {
            format!(
                "[[tenant]]\nname = \"{name}\"\nmail_domain = \"{name}.example\"\ndefault = {default}\n"
            )
        };
        tenant("one", first) + &tenant("two", second)
    };
    desk.applied(&tenants(true, false)).await;
    desk.applied(&tenants(false, true)).await;
    let known = desk.store.catalogue_read(CatalogueKeys::default()).await.unwrap();
    let default: Vec<_> =
        known.tenants.iter().filter(|t| t.default).map(|t| t.name.as_str()).collect();
    assert_eq!(default, ["two"]);
    let both = ["6: [[tenant]] \"two\": only one tenant can be the default"];
    assert_eq!(desk.told(&tenants(true, true)).await, both);
    // Also when the other one is not in the file.
    let alone = "[[tenant]]\nname = \"one\"\nmail_domain = \"one.example\"\ndefault = true\n";
    assert_eq!(
        desk.told(alone).await,
        ["2: [[tenant]] \"one\": only one tenant can be the default"]
    );
}
