//! Sessions that are open when their mailbox is switched off or its password changes.

use provisor_domain::Mailbox;
use provisor_domain::driver::Outcome;
use provisor_domain::portal::SecretForm;
use provisor_drivers::mail::Doveadm;

use crate::books::{Books, mailbox, primary, secret, switched_off};
use crate::rig::talk::Imap;
use crate::rig::{MailServers, Place, eventually};

fn log_in(servers: &MailServers, user: &str, password: &str) -> Imap {
    let mut imap = servers.imap();
    imap.login(user, password).unwrap();
    imap
}

fn is_open(imap: &mut Imap) -> bool {
    imap.command("NOOP").is_ok()
}

fn wait_for_end(imap: &mut Imap) {
    let error = eventually("the end of a session", || imap.command("NOOP").err());
    // Not by its own patience.
    assert!(["hung up", "reset", "pipe"].iter().any(|way| error.contains(way)), "{error}");
}

#[test]
fn an_open_session_ends_with_its_mailbox_or_password_and_nobody_elses_does() {
    let place = Place::new();
    let mut books = Books::with(&place, Some(place.doveadm()));
    let servers = place.start();
    let (one, two) = (secret("one", SecretForm::Md5Hex), secret("two", SecretForm::Plain));
    let (first, second) = (primary("10953@a.de"), mailbox("Info@a.de"));
    let others = primary("2@a.de");
    books.set("1", Some(&one), &[&first, &second]);
    books.set("2", Some(&two), &[&others]);
    let mut primary = log_in(&servers, "10953@a.de", "one");
    let mut info = log_in(&servers, "INFO@a.de", "one");
    let mut other = log_in(&servers, "2@a.de", "two");

    // More room is no reason, whoever gets it.
    let roomy = Mailbox { quota_bytes: 2_000_000, ..first.clone() };
    books.set("1", Some(&one), &[&roomy, &second]);
    books.set("2", Some(&two), &[&Mailbox { quota_bytes: 2_000_000, ..others.clone() }]);
    assert!(is_open(&mut primary) && is_open(&mut other));

    books.set("1", Some(&one), &[&first, &switched_off(&second)]);
    wait_for_end(&mut info);
    assert!(is_open(&mut primary) && is_open(&mut other));

    // On again, and taken away.
    books.set("1", Some(&one), &[&first, &second]);
    let mut info = log_in(&servers, "info@a.de", "one");
    books.set("1", Some(&one), &[&first]);
    wait_for_end(&mut info);
    assert!(is_open(&mut primary) && is_open(&mut other));

    // Two at once.
    let mut again = log_in(&servers, "10953@a.de", "one");
    books.set("1", Some(&secret("new", SecretForm::Plain)), &[&first]);
    wait_for_end(&mut primary);
    wait_for_end(&mut again);
    assert!(is_open(&mut other));
    log_in(&servers, "10953@a.de", "new");

    books.set("2", None, &[&others]);
    wait_for_end(&mut other);
    eventually("nobody to be struck off", || books.to_kick().is_empty().then_some(()));
}

#[test]
fn sessions_that_could_not_be_ended_are_ended_by_the_next_attempt() {
    let place = Place::new();
    let right = place.doveadm();
    let wrong_key = right.key_file.with_file_name("wrong.key");
    std::fs::write(&wrong_key, "another key\n").unwrap();
    let mut books =
        Books::with(&place, Some(Doveadm { key_file: wrong_key.clone(), ..right.clone() }));
    let servers = place.start();
    let word = secret("one", SecretForm::Md5Hex);
    let (first, second) = (primary("1@a.de"), mailbox("2@a.de"));
    books.set("1", Some(&word), &[&first, &second]);
    let (mut stays, mut open) =
        (log_in(&servers, "1@a.de", "one"), log_in(&servers, "2@a.de", "one"));

    let off = switched_off(&second);
    let mailboxes = [&first, &off];
    books.next_version();
    let outcome = books.told("1", Some(&word), &mailboxes);
    let Outcome::Unknown { reason } = outcome else { panic!("{outcome:?}") };
    assert!(
        reason.contains("does not take the key in") && reason.contains("wrong.key"),
        "{reason}"
    );
    assert!(servers.imap().login("2@a.de", "one").is_err(), "the file says so already");
    assert!(is_open(&mut open));
    assert_eq!(books.to_kick(), ["2@a.de"]);

    // As after a crash: nothing has changed in the file, and still the session ends.
    let books = books.restart(right);
    assert_eq!(books.told("1", Some(&word), &mailboxes), Outcome::Done);
    wait_for_end(&mut open);
    assert!(is_open(&mut stays));
    eventually("nobody to be struck off", || books.to_kick().is_empty().then_some(()));
}
