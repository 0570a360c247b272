//! Threads for callers, each with an event loop (reactor) of its own.
//!
//! A connection stays on one of them, with all that is done for its requests but what is shared anyway (commits, password
//! checks, the books in a file): nobody on another core is woken for an answer, and no thread takes another one's work. See
//! docs/adr/0023.
//!
//! Invariant: they outlive the server, which ends its connections first. What blocks or computes for long has no place on
//! them, because nobody else serves their connections.

use std::io;

use tokio::runtime::{Builder, Handle, Runtime};
use tokio::sync::oneshot;

/// The threads; they end when this is dropped.
pub(crate) struct Reactors {
    handles: Vec<Handle>,
    running: Vec<oneshot::Sender<()>>,
}

impl Reactors {
    /// Starts one for every core that this process may use.
    pub(crate) fn start() -> io::Result<Self> {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let mut reactors = Self { handles: Vec::new(), running: Vec::new() };
        for at in 0..cores {
            let runtime = Builder::new_current_thread().enable_all().build()?;
            reactors.handles.push(runtime.handle().clone());
            reactors.running.push(run(at, runtime)?);
        }
        Ok(reactors)
    }

    /// Where to spawn on them.
    pub(crate) fn handles(&self) -> &[Handle] {
        &self.handles
    }
}

/// Runs it on a thread of its own until what is answered is dropped.
fn run(at: usize, runtime: Runtime) -> io::Result<oneshot::Sender<()>> {
    let (running, ended) = oneshot::channel::<()>();
    let name = format!("reactor-{at}");
    std::thread::Builder::new().name(name).spawn(move || {
        // An error is how it is told that nobody has the other end any more.
        let _ended = runtime.block_on(ended);
        runtime.shutdown_background();
    })?;
    Ok(running)
}
