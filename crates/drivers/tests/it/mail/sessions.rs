//! Open sessions are ended by somebody who does not answer, or answers something else. (Who does is in `tests/mail`.)

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::time::{Duration, Instant};

use futures_util::FutureExt as _;
use provisor_domain::driver::Outcome;
use provisor_domain::mail::{MailCommand, MailDriver as _, Mailbox};
use provisor_drivers::mail::{Doveadm, MailStore, Settings};
use rusqlite::Connection;
use tempfile::TempDir;

use super::support::{additional, command, customer, directory, primary, secret};

/// A mail network whose sessions are ended at `address`, with a key of its own.
fn open(directory: &TempDir, address: SocketAddr) -> MailStore {
    let key_file = directory.path().join("doveadm.key");
    std::fs::write(&key_file, "key").unwrap();
    let doveadm = Some(Doveadm { address, path: "/doveadm/v1".into(), key_file });
    let settings = Settings { doveadm, ..Settings::default() };
    MailStore::open(&"MAIL".parse().unwrap(), &file(directory), settings).unwrap()
}

fn file(directory: &TempDir) -> std::path::PathBuf {
    directory.path().join("mail.db")
}

fn to_kick(directory: &TempDir) -> Vec<String> {
    let file = Connection::open(file(directory)).unwrap();
    let mut statement = file.prepare("SELECT user FROM to_kick ORDER BY user").unwrap();
    statement.query_map((), |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap()
}

fn off(mailbox: Mailbox) -> Mailbox {
    Mailbox { kept_until: Some("2999-01-01T00:00:00Z".parse().unwrap()), ..mailbox }
}

fn listener() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

async fn later(store: &MailStore, wanted: &MailCommand) -> String {
    let outcome = store.ensure(wanted).await;
    let Outcome::Unknown { reason } = outcome else { panic!("{outcome:?}") };
    let begin = "the mail system has it, but open sessions go on: ";
    reason.strip_prefix(begin).unwrap_or_else(|| panic!("{reason}")).to_owned()
}

#[tokio::test]
async fn who_shall_be_kicked_is_remembered_until_somebody_does() {
    let directory = directory();
    let (listener, address) = listener();
    drop(listener);
    let store = open(&directory, address);
    let both = vec![primary("1@a.de"), additional("B@a.de")];
    let first = command("1", 1, both.clone());
    assert_eq!(store.ensure(&first).await, Outcome::Done, "nobody could be logged in before");
    assert_eq!(store.ensure(&command("2", 1, vec![primary("2@a.de")])).await, Outcome::Done);

    let second = command("1", 2, vec![primary("1@a.de"), off(additional("B@a.de"))]);
    for _ in 0..2 {
        let reason = later(&store, &second).await;
        assert!(reason.contains("refused"), "{reason}");
        assert!(store.customer(&customer("1")).unwrap().unwrap().is_as(&second));
        assert_eq!(to_kick(&directory), ["b@a.de"]);
    }
    // Another customer's command has nothing to do with it.
    assert_eq!(store.ensure(&command("2", 2, vec![primary("2@a.de")])).await, Outcome::Done);

    // Cut off after its commit, the command of a process that died.
    let mut third = command("1", 3, both);
    third.secret = Some(secret("$argon2id$two", provisor_domain::portal::SecretForm::Plain));
    let _cut_off = store.ensure(&third).now_or_never();
    drop(store);
    assert_eq!(to_kick(&directory), ["1@a.de", "b@a.de"]);
    let store = open(&directory, address);
    later(&store, &third).await;
    assert_eq!(to_kick(&directory), ["1@a.de", "b@a.de"]);
}

#[tokio::test]
async fn one_who_does_not_answer_costs_a_command_a_second_and_no_more() {
    let directory = directory();
    let (_silent, address) = listener();
    let store = open(&directory, address);
    assert_eq!(store.ensure(&command("1", 1, vec![primary("1@a.de")])).await, Outcome::Done);
    let began = Instant::now();
    let reason = later(&store, &command("1", 2, vec![])).await;
    assert!(reason.contains("no answer within 1s"), "{reason}");
    assert!((1..4).contains(&began.elapsed().as_secs()), "{:?}", began.elapsed());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_what_says_that_the_sessions_ended_is_believed() {
    let directory = directory();
    let (server, address) = listener();
    let store = open(&directory, address);
    let first = command("1", 1, vec![primary("1@a.de")]);
    assert_eq!(store.ensure(&first).await, Outcome::Done);
    let second = command("1", 2, vec![]);
    let cases = [
        ("401 Authentication required", "", "does not take the key in"),
        ("500 Internal Server Error", "[]", "HTTP status 500"),
        ("200 OK", "[]", "kick 1@a.de: null"),
        ("200 OK", "<html>", "its answer is none"),
        ("200 OK", r#"[["error",{"exitCode":75},"1@a.de"]]"#, r#"kick 1@a.de: {"exitCode":75}"#),
        ("200 OK", r#"[["doveadmResponse",[],"x@a.de"]]"#, "kick 1@a.de: null"),
    ];
    for (status, body, message) in cases {
        let served = answer(&server, status, body);
        let reason = later(&store, &second).await;
        assert!(reason.contains(message), "{status} {body}: {reason}");
        let request = served.join().unwrap();
        assert!(request.starts_with("POST /doveadm/v1 HTTP/1.1\r\n"), "{request}");
        assert!(request.to_lowercase().contains("authorization: x-dovecot-api a2v5\r\n"));
        assert!(request.ends_with(r#"[["kick",{"mask":["1@a.de"]},"1@a.de"]]"#), "{request}");
        assert_eq!(to_kick(&directory), ["1@a.de"]);
    }
    std::fs::write(directory.path().join("doveadm.key"), "").unwrap();
    assert!(later(&store, &second).await.contains("doveadm.key: the file is empty"));
    std::fs::remove_file(directory.path().join("doveadm.key")).unwrap();
    assert!(later(&store, &second).await.contains("doveadm.key: No such file"));
    std::fs::write(directory.path().join("doveadm.key"), "key").unwrap();

    let nobody_there = r#"[["error",{"type":"exitCode","exitCode":68},"1@a.de"]]"#;
    let served = answer(&server, "200 OK", nobody_there);
    assert_eq!(store.ensure(&second).await, Outcome::Done);
    served.join().unwrap();
    drop(store);
    assert_eq!(to_kick(&directory), [""; 0], "struck off before the driver ended");
}

/// Answers the next request; the thread ends with what was asked.
fn answer(server: &TcpListener, status: &str, body: &str) -> std::thread::JoinHandle<String> {
    let server = server.try_clone().unwrap();
    let length = body.len();
    let answer = format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\n\r\n{body}");
    std::thread::spawn(move || {
        let (mut stream, _) = server.accept().unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        let mut request = Vec::new();
        while !request.ends_with(b"]]") {
            let mut some = [0; 1_024];
            let read = stream.read(&mut some).unwrap();
            assert!(read > 0, "{}", String::from_utf8_lossy(&request));
            request.extend_from_slice(&some[..read]);
        }
        stream.write_all(answer.as_bytes()).unwrap();
        String::from_utf8(request).unwrap()
    })
}
