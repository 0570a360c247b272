//! A proxy before an HLR's port that can cut its connections inside an answer.

use std::net::SocketAddr;

use anyhow::Result;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// Passes everything on, until it is told to cut.
#[derive(Debug)]
pub(super) struct Proxy {
    pub(super) port: u16,
    cut: watch::Sender<()>,
}

impl Proxy {
    /// Before `target`, on a port of 127.0.0.1.
    pub(super) async fn before(target: SocketAddr) -> Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let port = listener.local_addr()?.port();
        let cut = watch::Sender::new(());
        let cuts = cut.subscribe();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(between(client, target, cuts.clone()));
            }
        });
        Ok(Self { port, cut })
    }

    /// Cuts every connection in the middle of the answers that it gets next.
    pub(super) fn cut(&self) {
        self.cut.send_replace(());
    }
}

async fn between(client: TcpStream, target: SocketAddr, mut cuts: watch::Receiver<()>) {
    cuts.mark_unchanged();
    let Ok(server) = TcpStream::connect(target).await else { return };
    let _with_delay = (client.set_nodelay(true), server.set_nodelay(true));
    let (mut from_client, to_client) = client.into_split();
    let (from_server, mut to_server) = server.into_split();
    // Whichever side ends, both are closed.
    tokio::select! {
        _ = tokio::io::copy(&mut from_client, &mut to_server) => {}
        () = answers(from_server, to_client, cuts) => {}
    }
}

async fn answers(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, cuts: watch::Receiver<()>) {
    let mut buffer = vec![0; 4096];
    while let Ok(count @ 1..) = from.read(&mut buffer).await {
        let cut = cuts.has_changed().unwrap_or(true);
        let passes = if cut { count / 2 } else { count };
        if to.write_all(buffer.get(..passes).unwrap_or_default()).await.is_err() || cut {
            return;
        }
    }
}
