//! The HASH is in no answer, log, figure or file.

use std::sync::{Arc, Mutex};

use axum::http::Method;
use tracing_subscriber::filter::LevelFilter;

use super::wire::over_the_wire;
use super::*;

const CANARY: &str = "c0ffee4b1de5ca1ab1ef005ba11d0d0f";

/// True when a good part of the hash stands in `text`, in any case of letters.
fn tells(text: &[u8]) -> bool {
    let text = text.to_ascii_lowercase();
    let shows = |part: &[u8]| text.windows(part.len()).any(|window| window == part);
    CANARY.as_bytes().windows(12).any(shows)
}

/// A log in memory.
#[derive(Default)]
struct Log(Mutex<Vec<u8>>);

impl std::io::Write for &Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Everything a caller could do with a hash, right or wrong.
fn paths() -> Vec<String> {
    let upper = CANARY.to_uppercase();
    let mut paths = Vec::new();
    for hash in
        [CANARY, &upper, &CANARY[1..], &format!("{CANARY}0"), &format!("%63{}", &CANARY[1..])]
    {
        for path in [
            "/kommitt/ccsimplemailapi/access/1/enable/H",
            "/ccSimpleMailApi/access/2/enable/H/",
            "/nobody/ccsimplemailapi/access/1/enable/H",
            "/ccsimplemailapi/access/1/enabel/H",
            "/ccsimplemailapi/access/1/H",
            "/ccsimplemailapi/access/H/status/more",
            "/ccsimplemailapi/pack/1/enable/H/5",
            "/ccsimplemailapi/pack/1/enable/web/H",
            "/ccsimplemailapi/access/1/enable/H?H=H",
            "/H/ccsimplemailapi/access/1/disable",
            "/ccsimplemailap/access/1/enable/H",
            "/api/v1/H",
            "/errors?H",
        ] {
            paths.push(path.replace('H', hash));
        }
    }
    paths
}

#[tokio::test]
async fn the_hash_is_in_no_answer_log_figure_or_file() {
    let log = Arc::new(Log::default());
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(LevelFilter::TRACE)
        .with_ansi(false)
        .with_writer(log.clone())
        .finish();
    // For all threads of this process: what hashes and what writes have their own.
    let _ = tracing::subscriber::set_global_default(subscriber);
    let world = World::new().await;
    let runner = world.run();
    for path in paths() {
        for method in [Method::GET, Method::POST, Method::PUT, Method::OPTIONS] {
            let request = Request::builder().method(method).uri(&path).body(Body::empty());
            let answer = world.send(request.unwrap()).await;
            let told = format!("{answer:?}");
            assert!(!tells(told.as_bytes()), "{path}: {told}");
        }
    }
    for path in paths().iter().take(6) {
        let answer = over_the_wire(&world, &format!("GET {path}")).await;
        assert!(!tells(answer.as_bytes()), "{answer}");
    }
    // A head that cannot be read at all.
    over_the_wire(&world, &format!("GET /ccsimplemailapi/access/1/enable/{CANARY} {CANARY}")).await;
    world.settled("1").await;
    world.settled("2").await;
    drop(runner);
    let mut figures = String::new();
    prometheus_client::encoding::text::encode(&mut figures, &world.registry).unwrap();
    let log = log.0.lock().unwrap().clone();
    let text = String::from_utf8_lossy(&log);
    assert!(text.contains("request answered") && text.contains("access/enable"), "{text}");
    for (what, text) in
        [("log", &log), ("figures", &figures.into_bytes()), ("files", &world.written())]
    {
        assert!(!text.is_empty() && !tells(text), "the {what} tell the hash");
    }
    assert!(tells(CANARY.to_uppercase().as_bytes()), "this test can fail");
}
