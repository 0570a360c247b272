//! Stands between a store and its server, and cuts connections at a chosen byte, or lets them hang.

use std::future::pending;
use std::sync::{Arc, Mutex, MutexGuard};

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, UnixStream};
use tokio::sync::watch;

use super::rig::{self, Database, block_on};

/// What a commit looks like on its way to the server.
pub(crate) const COMMIT: &[u8] = b"COMMIT\0";

/// Asks whether the server would rather encrypt.
const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f];

/// Which way the bytes travel that are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    ToServer,
    ToClient,
}

/// The part of a conversation in which a connection is cut. It begins with the first message to the server that contains
/// `from`, and ends with the answer to the commit.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cut {
    pub(crate) from: &'static [u8],
    pub(crate) way: Way,
    /// So many bytes of it still arrive.
    pub(crate) after: usize,
}

#[derive(Debug, Default)]
struct State {
    armed: Option<Cut>,
    /// The connection on which it has begun: others of the same store, such as the one that rings, do not count.
    begun: Option<usize>,
    /// Whether nobody gets through any more once it is cut.
    closes: bool,
    to_server: usize,
    to_client: usize,
}

/// A port on loopback that leads to the server.
pub(crate) struct Proxy {
    pub(crate) url: String,
    pub(crate) port: u16,
    state: Arc<Mutex<State>>,
    hangs: watch::Sender<bool>,
}

impl Proxy {
    pub(crate) fn before(database: &Database) -> Self {
        let socket = rig::socket();
        let state = Arc::<Mutex<State>>::default();
        let listener = block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let port = listener.local_addr().unwrap().port();
        let shared = Arc::clone(&state);
        let hangs = watch::Sender::new(false);
        let hung = hangs.subscribe();
        rig::runtime().spawn(async move {
            let mut connections = 0..;
            while let Ok((client, _)) = listener.accept().await {
                let Some(number) = connections.next() else { return };
                if lock(&shared).is_closed() {
                    continue;
                }
                let server = UnixStream::connect(&socket).await.unwrap();
                let state = Arc::clone(&shared);
                let mut hung = hung.clone();
                tokio::spawn(async move {
                    let (mut from_client, mut to_client) = client.into_split();
                    let (mut from_server, mut to_server) = server.into_split();
                    let hangs = async {
                        // Without its proxy it goes on.
                        if hung.wait_for(|hangs| *hangs).await.is_err() {
                            pending::<()>().await;
                        }
                    };
                    tokio::select! {
                        biased;
                        () = hangs => pending().await,
                        () = requests(&mut from_client, &mut to_server, (&state, number)) => {}
                        () = answers(&mut from_server, &mut to_client, (&state, number)) => {}
                    }
                });
            }
        });
        Self { url: database.url_at(port), port, state, hangs }
    }

    /// From now on nothing passes any more, on connections that stand and on new ones; what is sent is still taken.
    pub(crate) fn hang(&self) {
        self.hangs.send_replace(true);
    }

    /// Cuts the connection on which `cut` comes up next.
    pub(crate) fn arm(&self, cut: Cut) {
        *lock(&self.state) = State { armed: Some(cut), ..State::default() };
    }

    /// Lets nobody through any more once the connection is cut.
    pub(crate) fn close_with_the_cut(&self) {
        lock(&self.state).closes = true;
    }

    /// Whether the connection was cut since it was armed.
    pub(crate) fn has_cut(&self) -> bool {
        lock(&self.state).armed.is_none()
    }

    /// How many bytes there were to the server and to the client.
    pub(crate) fn counted(&self) -> (usize, usize) {
        let state = lock(&self.state);
        (state.to_server, state.to_client)
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap()
}

impl State {
    fn is_closed(&self) -> bool {
        self.closes && self.armed.is_none()
    }

    /// How many of `bytes` pass on their `way`. Fewer than there are: the connection ends with them.
    fn pass(&mut self, connection: usize, way: Way, bytes: &[u8]) -> usize {
        let Some(cut) = self.armed else { return bytes.len() };
        if way == Way::ToServer && self.begun.is_none() {
            let begins = bytes.windows(cut.from.len()).any(|part| part == cut.from);
            self.begun = begins.then_some(connection);
        }
        if self.begun != Some(connection) {
            return bytes.len();
        }
        let counted = match way {
            Way::ToServer => &mut self.to_server,
            Way::ToClient => &mut self.to_client,
        };
        let before = *counted;
        *counted += bytes.len();
        if cut.way != way {
            return bytes.len();
        }
        // How much is answered before the commit, and how much of it after `from` passed, is never quite the same: at the
        // latest the answer to the commit is cut.
        let last = way == Way::ToClient && bytes.windows(COMMIT.len()).any(|part| part == COMMIT);
        if *counted <= cut.after && !last {
            return bytes.len();
        }
        self.armed = None;
        (bytes.len() - 1).min(cut.after - before)
    }
}

/// Passes requests on, one whole message at a time.
async fn requests(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    (state, connection): (&Mutex<State>, usize),
) {
    // The first message has no type before its length, nor has what comes before it.
    let (mut waiting, mut head) = (Vec::new(), 0);
    let mut buffer = vec![0; 65_536];
    while let Ok(read @ 1..) = from.read(&mut buffer).await {
        waiting.extend_from_slice(&buffer[..read]);
        while let Some(length) = waiting.get(head..head + 4) {
            let size = head + u32::from_be_bytes(length.try_into().unwrap()) as usize;
            if waiting.len() < size {
                break;
            }
            let message: Vec<u8> = waiting.drain(..size).collect();
            head = usize::from(message != SSL_REQUEST);
            let passes = lock(state).pass(connection, Way::ToServer, &message);
            if to.write_all(&message[..passes]).await.is_err() || passes < size {
                return;
            }
        }
    }
}

/// Passes answers on.
async fn answers(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    (state, connection): (&Mutex<State>, usize),
) {
    let mut buffer = vec![0; 65_536];
    while let Ok(read @ 1..) = from.read(&mut buffer).await {
        let passes = lock(state).pass(connection, Way::ToClient, &buffer[..read]);
        if to.write_all(&buffer[..passes]).await.is_err() || passes < read {
            return;
        }
    }
}
