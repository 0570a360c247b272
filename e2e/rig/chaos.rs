//! Stands between a node and its database server: passes everything on, holds it up, or cuts it.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use super::postgres::{block_on, runtime};

/// What becomes of the bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Weather {
    /// Whether requests wait.
    requests_held: bool,
    /// Whether answers wait.
    answers_held: bool,
    /// How often all connections were cut.
    cuts: u64,
}

/// What is held up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Hold {
    Requests,
    Answers,
    Both,
}

/// A port on loopback that leads to a server.
#[derive(Debug)]
pub(crate) struct Chaos {
    pub(crate) address: SocketAddr,
    weather: Arc<watch::Sender<Weather>>,
}

impl Chaos {
    /// Before the server at this address, which may be away.
    pub(crate) fn before(server: SocketAddr) -> Self {
        let weather = Arc::new(watch::Sender::new(Weather::default()));
        let listener = block_on(TcpListener::bind("127.0.0.1:0")).expect("a free port");
        let address = listener.local_addr().expect("it has one");
        let seen = Arc::clone(&weather);
        runtime().spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let weather = seen.subscribe();
                tokio::spawn(async move {
                    if let Ok(server) = TcpStream::connect(server).await {
                        pass(client, server, weather).await;
                    }
                });
            }
        });
        Self { address, weather }
    }

    /// Cuts every connection. New ones can be made.
    pub(crate) fn cut(&self) {
        self.weather.send_modify(|weather| weather.cuts += 1);
    }

    /// Holds bytes up from here on, until [`Self::let_go`].
    pub(crate) fn hold(&self, what: Hold) {
        self.weather.send_modify(|weather| {
            weather.requests_held = what != Hold::Answers;
            weather.answers_held = what != Hold::Requests;
        });
    }

    /// Lets everything pass again that was held up.
    pub(crate) fn let_go(&self) {
        self.weather.send_modify(|weather| {
            (weather.requests_held, weather.answers_held) = (false, false);
        });
    }
}

/// Passes on in both directions until one side closes or everything is cut: then both sides are reset.
async fn pass(client: TcpStream, server: TcpStream, mut weather: watch::Receiver<Weather>) {
    let cuts = weather.borrow().cuts;
    for stream in [&client, &server] {
        let _at_once = stream.set_nodelay(true);
        let _reset = stream.set_zero_linger();
    }
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    let (requests, answers) = (weather.clone(), weather.clone());
    tokio::select! {
        () = one_way(from_client, to_server, requests, |weather| weather.requests_held) => {}
        () = one_way(from_server, to_client, answers, |weather| weather.answers_held) => {}
        _ = weather.wait_for(|weather| weather.cuts != cuts) => {}
    }
}

async fn one_way(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    mut weather: watch::Receiver<Weather>,
    held: impl Fn(&Weather) -> bool,
) {
    let mut buffer = vec![0; 65_536];
    while let Ok(read @ 1..) = from.read(&mut buffer).await {
        if weather.wait_for(|weather| !held(weather)).await.is_err() {
            return;
        }
        if to.write_all(&buffer[..read]).await.is_err() {
            return;
        }
    }
}
