//! The lookup file: its rights, what survives, and what is refused.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use provisor_domain::driver::Outcome;
use provisor_domain::mail::MailCommand;
use provisor_drivers::FileError;
use provisor_drivers::mail::{MailStore, Settings};

use super::support::{Kind, Mail, additional, command, customer, primary, secret};

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

#[tokio::test]
async fn the_group_may_write_what_is_made_and_what_was_there_keeps_its_rights() {
    let mail = Mail::new(Kind::Real);
    assert_eq!(mail.ensure(&command("1", 1, vec![])).await, Outcome::Done);
    assert_eq!(mode(mail.file().parent().unwrap()), 0o2770);
    for name in ["mail.db", "mail.db-wal", "mail.db-shm"] {
        assert_eq!(mode(&mail.file().with_file_name(name)), 0o660, "{name}");
    }
    let directory = mail.file().parent().unwrap().to_owned();
    std::fs::set_permissions(&directory, PermissionsExt::from_mode(0o2775)).unwrap();
    std::fs::set_permissions(mail.file(), PermissionsExt::from_mode(0o664)).unwrap();
    let mail = mail.again(Kind::Real);
    assert_eq!((mode(&directory), mode(&mail.file())), (0o2775, 0o664));
}

/// A process that is killed leaves its files as they are at that moment; so does a copy of them.
#[tokio::test]
async fn what_was_answered_survives_the_death_of_the_process() {
    let mail = Mail::new(Kind::Real);
    for number in 1..=20 {
        let mailboxes = vec![primary(&format!("{number}@a.de"))];
        let wanted = command(&number.to_string(), 1, mailboxes);
        assert_eq!(mail.ensure(&wanted).await, Outcome::Done);
    }
    let left_behind = tempfile::tempdir().unwrap();
    for name in ["mail.db", "mail.db-wal"] {
        let from = mail.file().with_file_name(name);
        std::fs::copy(from, left_behind.path().join(name)).unwrap();
    }
    let found = MailStore::customers(&left_behind.path().join("mail.db")).unwrap();
    assert_eq!(found, MailStore::customers(&mail.file()).unwrap());
    assert_eq!(found.len(), 20);
    assert!(found.iter().any(|held| held.is_as(&command("7", 1, vec![primary("7@a.de")]))));
}

#[tokio::test]
async fn commands_that_no_mail_server_could_serve_are_refused_with_the_reason() {
    let mail = Mail::new(Kind::Real);
    let mut nothing = additional("a@a.de");
    nothing.quota_bytes = 0;
    let mut endless = additional("a@a.de");
    endless.quota_bytes = u64::MAX;
    let cases = [
        (vec![primary("1@a.de"), additional("1+x@a.de")], "the mailbox 1+x@a.de has a '+'"),
        (vec![primary("1@a.de"), nothing], "a@a.de has a quota that cannot be"),
        (vec![primary("1@a.de"), endless], "a@a.de has a quota that cannot be"),
        (vec![primary("A@a.de"), additional("a@A.de")], "the mailbox a@A.de is there twice"),
    ];
    for (mailboxes, message) in cases {
        let outcome = mail.ensure(&command("1", 1, mailboxes)).await;
        let Outcome::Refused { reason } = outcome else { panic!("{outcome:?}") };
        assert!(reason.contains(message), "{reason}");
    }
    assert_eq!(mail.held(&customer("1")), None);

    assert_eq!(mail.ensure(&command("1", 2, vec![primary("1@a.de")])).await, Outcome::Done);
    let taken = mail.ensure(&command("2", 1, vec![primary("1@A.de")])).await;
    let reason = "the address 1@a.de belongs to another portal customer".into();
    assert_eq!(taken, Outcome::Refused { reason });
    let old = mail.ensure(&command("1", 1, vec![])).await;
    let reason = "the mail system has already carried out a newer command for this customer".into();
    assert_eq!(old, Outcome::Refused { reason });
}

#[tokio::test]
async fn a_file_that_cannot_be_written_makes_the_mail_network_unavailable_and_nothing_else() {
    let mail = Mail::new(Kind::Real);
    assert_eq!(mail.ensure(&command("1", 1, vec![primary("1@a.de")])).await, Outcome::Done);
    let other = rusqlite::Connection::open(mail.file()).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let outcome = mail.ensure(&command("1", 2, vec![])).await;
    assert!(matches!(outcome, Outcome::Unavailable { .. }), "{outcome:?}");
    assert_eq!(mail.held(&customer("1")).unwrap().mailboxes.len(), 1);
    other.execute_batch("ROLLBACK").unwrap();
    assert_eq!(mail.ensure(&command("1", 2, vec![])).await, Outcome::Done);
}

/// The answer to a command that met a lookup file which was gone.
async fn lost(mail: &Mail, wanted: &MailCommand) {
    let outcome = mail.ensure(wanted).await;
    let Outcome::Unavailable { reason } = outcome else { panic!("{outcome:?}") };
    assert!(reason.contains("mail.db was removed or replaced"), "{reason}");
    assert!(reason.contains("provisor mail sync"), "{reason}");
}

#[tokio::test]
async fn a_file_that_was_removed_beside_the_running_server_is_made_anew() {
    let mail = Mail::new(Kind::Real);
    let first = command("1", 1, vec![primary("1@a.de")]);
    assert_eq!(mail.ensure(&first).await, Outcome::Done);
    assert!(mail.held(&customer("1")).unwrap().is_as(&first));
    let second = command("2", 1, vec![primary("2@a.de")]);
    let directory = mail.file().parent().unwrap().to_owned();

    // Only the file: what lies beside it is of no use to the new one. Then with its directory.
    std::fs::remove_file(mail.file()).unwrap();
    lost(&mail, &second).await;
    assert_eq!(mail.ensure(&second).await, Outcome::Done);
    let on_disk = || MailStore::customers(&mail.file()).unwrap();
    assert!(matches!(&on_disk()[..], [held] if held.is_as(&second)), "{:?}", on_disk());
    assert_eq!(mail.held(&customer("1")), None, "whoever reads looks into the new file, too");
    assert!(mail.held(&customer("2")).unwrap().is_as(&second));

    std::fs::remove_dir_all(&directory).unwrap();
    lost(&mail, &first).await;
    assert_eq!(mail.ensure(&first).await, Outcome::Done);
    assert!(matches!(&on_disk()[..], [held] if held.is_as(&first)), "{:?}", on_disk());
    assert_eq!((mode(&directory), mode(&mail.file())), (0o2770, 0o660));
}

#[tokio::test]
async fn a_file_that_was_replaced_is_used_if_it_may_be_and_the_driver_says_why_if_not() {
    let mail = Mail::new(Kind::Real);
    let old = command("1", 1, vec![primary("1@a.de")]);
    assert_eq!(mail.ensure(&old).await, Outcome::Done);
    let backup = mail.file().with_file_name("backup.db");
    let source = rusqlite::Connection::open(mail.file()).unwrap();
    source.execute("VACUUM INTO ?1", [backup.to_str().unwrap()]).unwrap();
    drop(source);
    let new = command("1", 2, vec![]);
    assert_eq!(mail.ensure(&new).await, Outcome::Done);
    for name in ["mail.db-wal", "mail.db-shm"] {
        std::fs::remove_file(mail.file().with_file_name(name)).unwrap();
    }
    std::fs::rename(&backup, mail.file()).unwrap();
    assert!(mail.held(&customer("1")).unwrap().is_as(&old), "as the backup says");
    lost(&mail, &new).await;
    assert_eq!(mail.ensure(&new).await, Outcome::Done);
    assert!(MailStore::customers(&mail.file()).unwrap()[0].is_as(&new));

    std::fs::write(&backup, "something else, and not short enough to be nothing").unwrap();
    std::fs::rename(&backup, mail.file()).unwrap();
    for _ in 0..2 {
        let outcome = mail.ensure(&new).await;
        let Outcome::Unavailable { reason } = outcome else { panic!("{outcome:?}") };
        assert!(reason.contains("is not a mail network's file"), "{reason}");
    }
    std::fs::remove_file(mail.file()).unwrap();
    assert_eq!(mail.ensure(&new).await, Outcome::Done, "no connection was left to be lost");
}

#[test]
fn a_file_of_another_network_or_of_something_else_is_refused() {
    let mail = Mail::new(Kind::Real);
    let open = |file: &Path| MailStore::open(&"M2".parse().unwrap(), file, Settings::default());
    let error = open(&mail.file()).unwrap_err().to_string();
    assert!(error.contains("is the file of network MAIL, not of M2"), "{error}");

    let foreign = mail.directory.path().join("other.db");
    rusqlite::Connection::open(&foreign).unwrap().execute_batch("CREATE TABLE t (a)").unwrap();
    let error = open(&foreign).unwrap_err();
    assert!(matches!(error, FileError::Foreign { .. }), "{error}");
    assert!(error.to_string().contains("is not a mail network's file"), "{error}");
    let error = open(Path::new("/proc/nothing/mail.db")).unwrap_err().to_string();
    assert!(
        error.starts_with("/proc/nothing cannot be made for the mail network's file"),
        "{error}"
    );
}

#[tokio::test]
async fn passwords_are_in_no_debug_output() {
    let mut wanted = command("1", 1, vec![]);
    let canary = "$argon2id$canary";
    wanted.secret = Some(secret(canary, provisor_domain::portal::SecretForm::Plain));
    let mail = Mail::new(Kind::Real);
    assert_eq!(mail.ensure(&wanted).await, Outcome::Done);
    let shown = format!("{mail:?} {wanted:?} {:?}", mail.held(&customer("1")).unwrap());
    assert!(!shown.contains("canary"), "{shown}");
}
