//! Connections that are cut during a commit.

use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};

use provisor_domain::store::{Opened, StoreError};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, UnixStream};

use super::*;
use crate::conformance::all_tickets;
use crate::conformance::world::World;

/// Passes everything on.
const OPEN: u8 = 0;
/// Cuts the connection instead of passing the next commit on.
const BEFORE: u8 = 1;
/// Passes the next commit on, and cuts the connection when its answer comes.
const AFTER: u8 = 2;
/// The same, without waiting for the answer: the server may still be committing.
const DURING: u8 = 3;

/// Stands between a store and its server.
struct Proxy {
    url: String,
    mode: Arc<AtomicU8>,
}

impl Proxy {
    fn before(database: &Database) -> Self {
        let socket = rig::socket();
        let mode = Arc::new(AtomicU8::new(OPEN));
        let listener = block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let port = listener.local_addr().unwrap().port();
        let cutting = Arc::clone(&mode);
        rig::runtime().spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let server = UnixStream::connect(&socket).await.unwrap();
                let (mode, mute) = (Arc::clone(&cutting), AtomicBool::new(false));
                tokio::spawn(async move {
                    let (from_client, to_client) = client.into_split();
                    let (from_server, to_server) = server.into_split();
                    tokio::select! {
                        () = requests(from_client, to_server, (&mode, &mute)) => {}
                        () = answers(from_server, to_client, &mute) => {}
                    }
                });
            }
        });
        Self { url: database.url_at(port), mode }
    }
}

/// What both the commit and its answer say.
const COMMIT: &[u8] = b"COMMIT\0";

fn says_commit(sent: &[u8]) -> bool {
    sent.windows(COMMIT.len()).any(|part| part == COMMIT)
}

/// Passes nothing on once it is mute, and ends with the answer to a commit.
async fn answers(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    mute: &AtomicBool,
) {
    let mut buffer = vec![0; 65_536];
    while let Ok(read @ 1..) = from.read(&mut buffer).await {
        let sent = &buffer[..read];
        if mute.load(Ordering::SeqCst) {
            if says_commit(sent) {
                return;
            }
        } else if to.write_all(sent).await.is_err() {
            return;
        }
    }
}

/// Ends at a commit, when it is told to.
async fn requests(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    (mode, mute): (&AtomicU8, &AtomicBool),
) {
    let mut buffer = vec![0; 65_536];
    while let Ok(read @ 1..) = from.read(&mut buffer).await {
        let sent = &buffer[..read];
        let mode = if says_commit(sent) { mode.swap(OPEN, Ordering::SeqCst) } else { OPEN };
        mute.fetch_or(mode == AFTER, Ordering::SeqCst);
        if mode == BEFORE || to.write_all(sent).await.is_err() || mode == DURING {
            return;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_a_ticket_whose_commit_was_cut_the_truth_is_told() {
    const ROUNDS: usize = 10;
    let (store, database) = fresh();
    let direct = World::with_sims(store, 3 * ROUNDS).await;
    let proxy = Proxy::before(&database);
    let store = Arc::new(open(&proxy.url, OPTIONS).unwrap());
    let cut = World { store, start: direct.start };
    let (mut there, mut lost) = (0, 0);
    for sim in 0..3 * ROUNDS {
        let ticket = direct.connect(sim).await;
        let mode = [BEFORE, AFTER, DURING][sim % 3];
        proxy.mode.store(mode, Ordering::SeqCst);
        let told = cut.store.ticket_open(vec![ticket.clone()]).await;
        assert_eq!(proxy.mode.load(Ordering::SeqCst), OPEN, "nothing was cut");
        match told.as_deref() {
            Ok([Opened::Ticket(id)]) if mode != BEFORE => {
                assert_eq!(direct.open(ticket).await, Opened::Busy(*id));
                there += 1;
            }
            Err(StoreError::Unavailable(_)) if mode != AFTER => {
                let id = direct.opened(ticket).await;
                assert!(direct.store.ticket_show(id).await.unwrap().is_some());
                lost += 1;
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(there + lost, 3 * ROUNDS);
    assert_eq!(direct.store.ticket_list(all_tickets()).await.unwrap().len(), 3 * ROUNDS);
}
