//! The serve loop: connections in, bounded in number and in time, and a graceful end.

use std::convert::Infallible;
use std::io;
use std::net::{SocketAddr, TcpStream as StdStream};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;
use tower::Service;

use super::client::Peer;
use super::limits::HttpLimits;

/// How long nothing is accepted after the system refused a connection for want of something (file handles, memory).
const ACCEPT_PAUSE: Duration = Duration::from_millis(500);

/// Serves `router` on `listener` until `stop` turns true (or its sender is gone); then accepts nothing more, lets
/// requests under way finish, and returns when all are done or `limits.shutdown_deadline` has passed.
///
/// Each connection stays on one of the runtimes `reactors`, that with the fewest when it comes; without any, on the caller's.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    limits: HttpLimits,
    stop: watch::Receiver<bool>,
    reactors: Vec<Handle>,
) {
    let reactors = Reactors::new(&reactors);
    let places = Arc::new(Semaphore::new(limits.connections_max.min(Semaphore::MAX_PERMITS)));
    let mut connections = JoinSet::new();
    let mut stopped = stop.clone();
    loop {
        let accepted = tokio::select! {
            accepted = accept(&listener, &places) => accepted,
            () = told(&mut stopped) => break,
            Some(ended) = connections.join_next() => {
                report(ended);
                continue;
            }
        };
        let Some((stream, peer, place)) = accepted else { continue };
        let reactor = reactors.idlest();
        let connection = Connection {
            router: router.clone(),
            peer,
            stop: stop.clone(),
            _place: place,
            _counted: Arc::clone(&reactor.connections),
        };
        let running = connection.run(stream.into_std(), limits.header_read_deadline);
        connections.spawn_on(running, &reactor.runtime);
    }
    drop(listener);
    let drained = async {
        while let Some(ended) = connections.join_next().await {
            report(ended);
        }
    };
    if tokio::time::timeout(limits.shutdown_deadline, drained).await.is_err() {
        tracing::warn!(
            connections = connections.len(),
            "requests were cut off: they took too long to finish"
        );
    }
}

/// Where connections are served.
struct Reactor {
    runtime: Handle,
    /// Every connection has it, too.
    connections: Arc<()>,
}

impl Reactor {
    fn on(runtime: &Handle) -> Self {
        Self { runtime: runtime.clone(), connections: Arc::default() }
    }

    fn count(&self) -> usize {
        Arc::strong_count(&self.connections)
    }
}

struct Reactors {
    first: Reactor,
    others: Vec<Reactor>,
}

impl Reactors {
    fn new(runtimes: &[Handle]) -> Self {
        let here = Handle::current();
        let (first, others) = runtimes.split_first().unwrap_or((&here, &[]));
        Self { first: Reactor::on(first), others: others.iter().map(Reactor::on).collect() }
    }

    /// The one with the fewest connections.
    fn idlest(&self) -> &Reactor {
        self.others.iter().fold(&self.first, |idlest, other| {
            if other.count() < idlest.count() { other } else { idlest }
        })
    }
}

/// Returns once `stop` is true or its sender is gone.
async fn told(stop: &mut watch::Receiver<bool>) {
    let _ = stop.wait_for(|stop| *stop).await;
}

fn report(ended: Result<(), tokio::task::JoinError>) {
    // One that was cut off together with its thread is none that went wrong.
    if let Err(error) = ended
        && error.is_panic()
    {
        tracing::error!(%error, "a connection ended in a panic");
    }
}

/// The next connection, once there is a place for it. `None` when the system could not give one.
async fn accept(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
) -> Option<(TcpStream, SocketAddr, OwnedSemaphorePermit)> {
    let place = places.clone().acquire_owned().await.ok()?;
    match listener.accept().await {
        Ok((stream, peer)) => Some((stream, peer, place)),
        Err(error) if is_the_peers(&error) => None,
        Err(error) => {
            tracing::warn!(%error, "cannot accept connections; trying again");
            tokio::time::sleep(ACCEPT_PAUSE).await;
            None
        }
    }
}

/// A connection that was gone before it was accepted: nothing to pause for.
fn is_the_peers(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}

/// Largest head of a request, in bytes: its first line and its headers. Over it, the request is refused (431). Also how
/// much is read at once, and so what an idle connection can cost.
const HEAD_BYTES_MAX: usize = 32 * 1024;

struct Connection {
    router: Router,
    peer: SocketAddr,
    stop: watch::Receiver<bool>,
    _place: OwnedSemaphorePermit,
    _counted: Arc<()>,
}

impl Connection {
    /// Serves it on the runtime that this is called on; `stream` is on none.
    async fn run(self, stream: io::Result<StdStream>, header_read_deadline: Duration) {
        match stream.and_then(TcpStream::from_std) {
            Ok(stream) => self.serve(stream, header_read_deadline).await,
            Err(error) => tracing::warn!(%error, %self.peer, "a connection cannot be served"),
        }
    }

    async fn serve(mut self, stream: TcpStream, header_read_deadline: Duration) {
        // Answers are small and written at once: nothing is gained by holding them back.
        let _ = stream.set_nodelay(true);
        let peer = Peer(self.peer);
        let router = self.router;
        let service = service_fn(move |mut request: Request<Incoming>| {
            request.extensions_mut().insert(peer);
            let mut router = router.clone();
            async move {
                let answer: Result<Response, Infallible> =
                    router.call(request.map(Body::new)).await;
                answer
            }
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(header_read_deadline)
            .max_header_size(HEAD_BYTES_MAX)
            .max_buf_size(HEAD_BYTES_MAX)
            .serve_connection(TokioIo::new(stream), service);
        let mut connection = pin!(connection);
        let ended = tokio::select! {
            ended = connection.as_mut() => ended,
            () = told(&mut self.stop) => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        if let Err(error) = ended {
            tracing::debug!(%error, %self.peer, "a connection broke off");
        }
    }
}
