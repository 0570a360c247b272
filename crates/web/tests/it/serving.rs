//! The serve loop over real connections.

use std::net::SocketAddr;
use std::time::Duration;

use provisor_web::HttpLimits;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::rig::*;

/// Longer than anything here takes, so that it only ends tests that fail.
const PATIENCE: Duration = Duration::from_secs(20);

struct Served {
    address: SocketAddr,
    stop: watch::Sender<bool>,
    ended: JoinHandle<()>,
    _world: World,
}

async fn serve(limits: HttpLimits) -> Served {
    let world = World::with(limits.clone()).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let stop = watch::Sender::new(false);
    let serving =
        provisor_web::serve(listener, world.router.clone(), limits, stop.subscribe(), Vec::new());
    Served { address, ended: tokio::spawn(serving), stop, _world: world }
}

impl Served {
    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    async fn drained(self) {
        tokio::time::timeout(PATIENCE, self.ended).await.expect("it drains").unwrap();
    }
}

fn request() -> String {
    let body = body("MarioG", json!({"customer": "1000000"}));
    format!(
        "POST /v1/getContracts HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// Reads until `text` holds `wanted`, or the connection ends.
async fn read_until(stream: &mut TcpStream, wanted: &str) -> String {
    let mut text = String::new();
    let reading = async {
        while !text.contains(wanted) {
            let mut piece = [0; 4096];
            let length = stream.read(&mut piece).await.unwrap_or(0);
            if length == 0 {
                break;
            }
            text.push_str(std::str::from_utf8(&piece[..length]).unwrap());
        }
    };
    tokio::time::timeout(PATIENCE, reading).await.expect("an answer or an end");
    text
}

const DONE: &str = "\"ACTIVE_SERVICES\":0}]}";

#[tokio::test]
async fn a_connection_carries_one_request_after_the_other() {
    let served = serve(HttpLimits::default()).await;
    let mut stream = served.connect().await;
    for _ in 0..3 {
        stream.write_all(request().as_bytes()).await.unwrap();
        let answer = read_until(&mut stream, DONE).await;
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
        assert!(
            answer.contains("content-length: ") && answer.contains("x-request-id: "),
            "{answer}"
        );
    }
}

#[tokio::test]
async fn a_head_that_does_not_come_closes_the_connection() {
    let limits =
        HttpLimits { header_read_deadline: Duration::from_millis(30), ..HttpLimits::default() };
    let served = serve(limits).await;
    for started in ["", "POST /v1/getContracts HTTP/1.1\r\nHost:"] {
        let mut stream = served.connect().await;
        stream.write_all(started.as_bytes()).await.unwrap();
        let answer = read_until(&mut stream, "never").await;
        assert!(!answer.contains("200 OK"), "{answer}");
    }
}

/// A request whose head is so many bytes long, about.
fn with_head_of(bytes: usize) -> String {
    request().replacen("Host: x", &format!("Host: x\r\nX-Much: {}", "x".repeat(bytes)), 1)
}

#[tokio::test]
async fn a_head_over_32_kib_is_refused() {
    let served = serve(HttpLimits::default()).await;
    for (bytes, status) in [(32_000, "200"), (33_000, "431"), (40_000, "431"), (300_000, "431")] {
        let mut stream = served.connect().await;
        // The server may hang up before it has read all of it.
        let _either_way = stream.write_all(with_head_of(bytes).as_bytes()).await;
        let answer = read_until(&mut stream, "\r\n").await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{bytes}: {answer}");
    }
}

#[tokio::test]
async fn a_body_that_is_too_large_is_answered_before_the_connection_closes() {
    let served = serve(HttpLimits::default()).await;
    let mut stream = served.connect().await;
    // More than the system's buffers hold: a server that stopped reading would reset the connection.
    let bytes = provisor_domain::limits::BODY_BYTES_MAX + 3 * 1024 * 1024;
    let head =
        format!("POST /v1/getContracts HTTP/1.1\r\nHost: x\r\nContent-Length: {bytes}\r\n\r\n");
    stream.write_all(&[head.as_bytes(), &vec![b' '; bytes]].concat()).await.unwrap();
    let answer = read_until(&mut stream, "\"}").await;
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
    // One that asks first is told before it sends anything.
    let mut stream = served.connect().await;
    let head = head.replace("Host", "Expect: 100-continue\r\nHost");
    stream.write_all(head.as_bytes()).await.unwrap();
    let answer = read_until(&mut stream, "\"}").await;
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
}

#[tokio::test]
async fn over_the_limit_connections_wait_until_another_ends() {
    let served = serve(HttpLimits { connections_max: 1, ..HttpLimits::default() }).await;
    let mut first = served.connect().await;
    first.write_all(request().as_bytes()).await.unwrap();
    read_until(&mut first, DONE).await;
    let mut second = served.connect().await;
    second.write_all(request().as_bytes()).await.unwrap();
    // While the first is open the second is not read; a round trip on the first shows that the loop has had its turn.
    first.write_all(request().as_bytes()).await.unwrap();
    read_until(&mut first, DONE).await;
    let mut byte = [0];
    assert!(second.try_read(&mut byte).is_err(), "the second connection was served");
    drop(first);
    assert!(read_until(&mut second, DONE).await.contains("200 OK"));
}

#[tokio::test]
async fn told_to_stop_it_finishes_what_runs_and_takes_nothing_new() {
    let served = serve(HttpLimits::default()).await;
    let (mut idle, mut busy) = (served.connect().await, served.connect().await);
    idle.write_all(request().as_bytes()).await.unwrap();
    read_until(&mut idle, DONE).await;
    let request = request();
    let (most, last) = request.split_at(request.len() - 1);
    busy.write_all(format!("{request}{most}").as_bytes()).await.unwrap();
    read_until(&mut busy, DONE).await;
    served.stop.send_replace(true);
    assert_eq!(read_until(&mut idle, "never").await, "", "an idle connection is closed");
    busy.write_all(last.as_bytes()).await.unwrap();
    let answer = read_until(&mut busy, DONE).await;
    assert!(answer.contains("200 OK") && answer.contains("connection: close"), "{answer}");
    let address = served.address;
    served.drained().await;
    assert!(TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn what_does_not_finish_in_time_is_cut_off() {
    let limits =
        HttpLimits { shutdown_deadline: Duration::from_millis(30), ..HttpLimits::default() };
    let served = serve(limits).await;
    let mut stream = served.connect().await;
    let request = request();
    let most = &request[..request.len() - 1];
    stream.write_all(format!("{request}{most}").as_bytes()).await.unwrap();
    read_until(&mut stream, DONE).await;
    served.stop.send_replace(true);
    assert_eq!(read_until(&mut stream, "never").await, "");
    served.drained().await;
}

/// A thread that serves connections, until what is answered beside it is dropped.
fn reactor(name: &str) -> (tokio::runtime::Handle, tokio::sync::oneshot::Sender<()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (running, ended) = tokio::sync::oneshot::channel::<()>();
    let handle = runtime.handle().clone();
    let serving = move || drop(runtime.block_on(ended));
    std::thread::Builder::new().name(name.to_owned()).spawn(serving).unwrap();
    (handle, running)
}

#[tokio::test]
async fn connections_are_shared_out_evenly_and_stay_where_they_are() {
    let (left, right) = (reactor("left"), reactor("right"));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let stop = watch::Sender::new(false);
    let whose = || async { std::thread::current().name().unwrap_or_default().to_owned() + "\n" };
    let router = axum::Router::new().route("/", axum::routing::get(whose));
    let reactors = vec![left.0, right.0];
    let limits = HttpLimits::default();
    let ended =
        tokio::spawn(provisor_web::serve(listener, router, limits, stop.subscribe(), reactors));
    let mut streams = Vec::new();
    for served in ["left", "right", "left", "right"] {
        let mut stream = TcpStream::connect(address).await.unwrap();
        for _ in 0..3 {
            stream.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
            let answer = read_until(&mut stream, "t\n").await;
            assert!(answer.ends_with(&format!("{served}\n")), "{answer}");
        }
        streams.push(stream);
    }
    stop.send_replace(true);
    tokio::time::timeout(PATIENCE, ended).await.expect("it drains on all of them").unwrap();
}
