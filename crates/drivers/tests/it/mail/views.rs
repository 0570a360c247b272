//! The views: what the mail servers read.

use jiff::Timestamp;
use provisor_domain::driver::Outcome;
use provisor_domain::mail::Mailbox;

use super::support::{Kind, Mail, additional, address, command, primary};

fn forwarded(from: Mailbox, to: &str, keep_copy: bool) -> Mailbox {
    Mailbox { forward: Some(address(to)), keep_copy, ..from }
}

fn off(mailbox: Mailbox, until: &str) -> Mailbox {
    Mailbox { kept_until: Some(until.parse::<Timestamp>().unwrap()), ..mailbox }
}

async fn done(mail: &Mail, number: &str, version: i64, mailboxes: Vec<Mailbox>) {
    assert_eq!(mail.ensure(&command(number, version, mailboxes)).await, Outcome::Done);
}

#[tokio::test]
async fn working_mailboxes_are_everywhere_in_small_letters() {
    let mail = Mail::new(Kind::Real);
    done(&mail, "Cust01", 1, vec![primary("Cust01@A.de"), additional("Info@B.de")]).await;
    let mut locked = command("2", 1, vec![primary("2@a.de")]);
    locked.secret = None;
    assert_eq!(mail.ensure(&locked).await, Outcome::Done);

    assert_eq!(mail.rows("SELECT * FROM v1_schema"), ["1"]);
    let quota = "*:bytes=1000000";
    assert_eq!(
        mail.rows("SELECT * FROM v1_mail_auth ORDER BY username"),
        [
            format!("cust01@a.de | $argon2id$one | md5hex | - | {quota}"),
            format!("info@b.de | $argon2id$one | md5hex | - | {quota}"),
        ],
        "who has no password logs in nowhere"
    );
    assert_eq!(
        mail.rows("SELECT * FROM v1_mail_user ORDER BY lookup"),
        [
            format!("2@a.de | 2@a.de | {quota} | kommitt/2/2@a.de"),
            format!("cust01@a.de | cust01@a.de | {quota} | kommitt/Cust01/cust01@a.de"),
            format!("info@b.de | info@b.de | {quota} | kommitt/Cust01/info@b.de"),
        ]
    );
    assert_eq!(mail.rows("SELECT * FROM v1_postfix_domain ORDER BY domain"), ["a.de", "b.de"]);
    assert_eq!(
        mail.rows("SELECT * FROM v1_postfix_mailbox ORDER BY address"),
        ["2@a.de | OK", "cust01@a.de | OK", "info@b.de | OK"]
    );
    assert_eq!(
        mail.rows("SELECT * FROM v1_postfix_sender ORDER BY sender"),
        ["2@a.de | 2@a.de", "cust01@a.de | cust01@a.de", "info@b.de | info@b.de"]
    );
    for empty in ["v1_postfix_alias", "v1_postfix_access", "v1_mail_expired"] {
        assert_eq!(mail.rows(&format!("SELECT * FROM {empty}")), [""; 0], "{empty}");
    }
}

#[tokio::test]
async fn a_mailbox_that_is_switched_off_is_known_and_nothing_else() {
    let mail = Mail::new(Kind::Real);
    done(&mail, "1", 1, vec![off(primary("1@a.de"), "2999-01-01T00:00:00Z")]).await;
    assert_eq!(
        mail.rows("SELECT * FROM v1_postfix_access"),
        ["1@a.de | 550 5.2.1 Mailbox is disabled"]
    );
    assert_eq!(mail.rows("SELECT * FROM v1_postfix_domain"), ["a.de"]);
    for empty in [
        "v1_mail_auth",
        "v1_mail_user",
        "v1_mail_quota",
        "v1_postfix_mailbox",
        "v1_postfix_alias",
        "v1_postfix_sender",
        "v1_mail_expired",
    ] {
        assert_eq!(mail.rows(&format!("SELECT * FROM {empty}")), [""; 0], "{empty}");
    }
    done(&mail, "1", 2, vec![primary("1@a.de")]).await;
    assert_eq!(mail.rows("SELECT * FROM v1_postfix_access"), [""; 0]);
    assert_eq!(mail.rows("SELECT * FROM v1_postfix_mailbox"), ["1@a.de | OK"]);
}

#[tokio::test]
async fn forwards_go_only_where_mail_arrives() {
    let mail = Mail::new(Kind::Real);
    let mailboxes = vec![
        forwarded(primary("1@a.de"), "Friend@elsewhere.example", false),
        forwarded(additional("copy@a.de"), "Friend@elsewhere.example", true),
        forwarded(additional("inside@a.de"), "Box@A.de", false),
        forwarded(additional("tagged@a.de"), "Box+Tag@A.de", false),
        forwarded(additional("nobody@a.de"), "who@a.de", false),
        forwarded(additional("dead@a.de"), "off@a.de", true),
        forwarded(additional("self@a.de"), "SELF@a.de", true),
        Mailbox { quota_bytes: 7, ..additional("box@a.de") },
        off(forwarded(additional("off@a.de"), "box@a.de", true), "2999-01-01T00:00:00Z"),
    ];
    done(&mail, "1", 1, mailboxes).await;
    assert_eq!(
        mail.rows("SELECT * FROM v1_postfix_alias ORDER BY address, destination"),
        [
            "1@a.de | friend@elsewhere.example",
            "copy@a.de | copy@a.de",
            "copy@a.de | friend@elsewhere.example",
            "inside@a.de | box@a.de",
            "tagged@a.de | box+tag@a.de",
        ]
    );
    // Whose quota counts. Of one that only forwards to elsewhere there is none.
    assert_eq!(
        mail.rows("SELECT lookup, user, quota_rule FROM v1_mail_quota ORDER BY lookup"),
        [
            "box@a.de | box@a.de | *:bytes=7",
            "copy@a.de | copy@a.de | *:bytes=1000000",
            "dead@a.de | dead@a.de | *:bytes=1000000",
            "inside@a.de | box@a.de | *:bytes=7",
            "nobody@a.de | nobody@a.de | *:bytes=1000000",
            "self@a.de | self@a.de | *:bytes=1000000",
            "tagged@a.de | box@a.de | *:bytes=7",
        ]
    );
}

#[tokio::test]
async fn mail_that_need_not_be_kept_any_more_is_listed_until_its_mailbox_is_back() {
    let mail = Mail::new(Kind::Real);
    let expired = "SELECT * FROM v1_mail_expired ORDER BY address";
    let both = vec![
        off(primary("1@a.de"), "2020-02-02T02:02:02Z"),
        off(additional("late@a.de"), "2999-01-01T00:00:00Z"),
    ];
    done(&mail, "1", 1, both).await;
    assert_eq!(mail.rows(expired), ["1@a.de | kommitt/1/1@a.de | 2020-02-02T02:02:02Z"]);

    // Taken away: what was still kept is kept on, what was not is listed at once.
    done(&mail, "1", 2, vec![primary("1@a.de"), additional("now@a.de")]).await;
    assert_eq!(mail.rows(expired), [""; 0]);
    done(&mail, "1", 3, vec![]).await;
    assert_eq!(
        mail.rows("SELECT address, home FROM v1_mail_expired ORDER BY address"),
        ["1@a.de | kommitt/1/1@a.de", "now@a.de | kommitt/1/now@a.de"]
    );
    assert_eq!(mail.rows("SELECT * FROM v1_postfix_domain"), [""; 0]);

    // Another customer's mail of the same address lies elsewhere.
    done(&mail, "2", 1, vec![primary("1@a.de")]).await;
    assert_eq!(mail.rows("SELECT home FROM v1_mail_user"), ["kommitt/2/1@a.de"]);
    done(&mail, "1", 4, vec![additional("now@a.de")]).await;
    assert_eq!(
        mail.rows("SELECT address, home FROM v1_mail_expired"),
        ["1@a.de | kommitt/1/1@a.de"]
    );
}

/// The mail servers ask for one address with every mail and every log-in: each question must find its row by a key.
#[tokio::test]
async fn no_lookup_reads_a_whole_table() {
    let mail = Mail::new(Kind::Real);
    let lookups = [
        "SELECT * FROM v1_mail_auth WHERE username = 'a'",
        "SELECT * FROM v1_mail_user WHERE lookup = 'a'",
        "SELECT * FROM v1_mail_quota WHERE lookup = 'a'",
        "SELECT * FROM v1_postfix_domain WHERE domain = 'a'",
        "SELECT * FROM v1_postfix_mailbox WHERE address = 'a'",
        "SELECT * FROM v1_postfix_alias WHERE address = 'a'",
        "SELECT * FROM v1_postfix_access WHERE address = 'a'",
        "SELECT * FROM v1_postfix_sender WHERE sender = 'a'",
    ];
    for lookup in lookups {
        let plan = mail.rows(&format!("EXPLAIN QUERY PLAN {lookup}"));
        assert!(plan.iter().all(|step| !step.contains("SCAN")), "{lookup}: {plan:#?}");
    }
}
