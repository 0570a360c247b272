//! A proxy before an HLR's port that can lose what the HLR answers.

use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};

/// Passes everything on, until it is told to cut.
#[derive(Debug)]
pub(crate) struct Proxy {
    pub(crate) port: u16,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    /// So many bytes of answers still pass; then the connection that has the next one is cut, once.
    budget: AtomicI64,
    armed: AtomicBool,
    cuts: AtomicUsize,
    holds: Mutex<bool>,
    goes_on: Condvar,
}

impl Proxy {
    /// Before `target`, on a port of 127.0.0.1.
    pub(crate) fn before(target: SocketAddr) -> Self {
        Self::at(IpAddr::V4(Ipv4Addr::LOCALHOST), target)
    }

    /// Before `target`, on a port of an address.
    pub(crate) fn at(address: IpAddr, target: SocketAddr) -> Self {
        let listener = TcpListener::bind((address, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let shared = Arc::new(Shared {
            budget: AtomicI64::new(0),
            armed: AtomicBool::new(false),
            cuts: AtomicUsize::new(0),
            holds: Mutex::new(false),
            goes_on: Condvar::new(),
        });
        let accepting = Arc::clone(&shared);
        // Ends with the test's process: it holds nothing that outlives it.
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let Ok(server) = TcpStream::connect(target) else { continue };
                let back = (server.try_clone().unwrap(), client.try_clone().unwrap());
                std::thread::spawn(move || pass(client, server, |bytes| (bytes, false)));
                let shared = Arc::clone(&accepting);
                std::thread::spawn(move || pass(back.0, back.1, |bytes| shared.allows(bytes)));
            }
        });
        Self { port, shared }
    }

    /// Lets so many bytes of answers pass from now on, then cuts the connection, once.
    pub(crate) fn cut_after(&self, bytes: i64) {
        self.shared.budget.store(bytes, Ordering::SeqCst);
        self.shared.armed.store(true, Ordering::SeqCst);
    }

    /// Keeps all answers back from now on, or lets them pass again.
    pub(crate) fn hold(&self, holds: bool) {
        *self.shared.holds.lock().unwrap() = holds;
        self.shared.goes_on.notify_all();
    }

    /// How often it has cut.
    pub(crate) fn cuts(&self) -> usize {
        self.shared.cuts.load(Ordering::SeqCst)
    }
}

impl Shared {
    /// How many of these bytes pass, and whether the connection is cut behind them.
    fn allows(&self, bytes: usize) -> (usize, bool) {
        drop(self.goes_on.wait_while(self.holds.lock().unwrap(), |holds| *holds).unwrap());
        if !self.armed.load(Ordering::SeqCst) {
            return (bytes, false);
        }
        let had = self.budget.fetch_sub(i64::try_from(bytes).unwrap(), Ordering::SeqCst);
        let passes = usize::try_from(had.max(0)).unwrap().min(bytes);
        let cut = passes < bytes && self.armed.swap(false, Ordering::SeqCst);
        if cut {
            self.cuts.fetch_add(1, Ordering::SeqCst);
        }
        (if cut { passes } else { bytes }, cut)
    }
}

fn pass(mut from: TcpStream, mut to: TcpStream, allows: impl Fn(usize) -> (usize, bool)) {
    let mut buffer = [0; 4096];
    while let Ok(count @ 1..) = from.read(&mut buffer) {
        let (passes, cut) = allows(count);
        if to.write_all(&buffer[..passes]).is_err() || cut {
            break;
        }
    }
    let _gone = (to.shutdown(Shutdown::Both), from.shutdown(Shutdown::Both));
}
