//! One connection to an HLR, kept open by a task that serves it: requests go out in the order they came, as many at once as
//! the protocol allows, and answers come back in the same order.
//!
//! Invariants:
//! - A request whose asker has gone away (its command's deadline is over) is not sent any more; one that was sent keeps its
//!   place, so that the next answer is never taken for its.
//! - The connection outlives an HLR that hangs, so that what is sent after a command that got no answer is carried out after
//!   it.
//! - Nobody waits for a connection that was refused a moment ago: until the pause is over asking fails at once.

use std::collections::VecDeque;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, timeout};

/// How long connecting may take, greetings included.
const CONNECT_MILLIS_MAX: u64 = 1_000;
/// The pause after a connection was refused, and after each further one twice as long, up to the longest.
const PAUSE_FIRST_MILLIS: u64 = 50;
const PAUSE_LONGEST_MILLIS: u64 = 1_000;
/// A connection on which a request has waited so long for its answer is given up.
const SILENCE_SECONDS_MAX: u64 = 60;
/// Most requests that wait to be sent.
const QUEUE_REQUESTS_MAX: usize = 1_024;
/// Longest piece of answers that is kept while it is not complete.
const ANSWER_BYTES_MAX: usize = 64 * 1_024;

/// A protocol in which each request is answered, in order.
pub(super) trait Wire: Send + Sized + 'static {
    /// What is needed to open a connection besides its address.
    type Config: Clone + Send + Sync + std::fmt::Debug + 'static;
    type Request: Send + 'static;
    type Reply: Send + 'static;
    /// The protocol's name, for people.
    const NAME: &'static str;
    /// So many requests under way at once, and those that are sent together with the last of them.
    const WINDOW: usize;

    /// Greets on a new connection.
    fn open(
        config: &Self::Config,
        stream: &mut TcpStream,
    ) -> impl Future<Output = io::Result<Self>> + Send;

    /// Appends a request to what is sent.
    fn put(&mut self, request: &Self::Request, out: &mut Vec<u8>);

    /// Takes the next answer off what has arrived; `None` while none is complete. May append to `out` what is to be sent
    /// unasked. The error, for people, ends the connection.
    fn take(
        &mut self,
        buffer: &mut Vec<u8>,
        out: &mut Vec<u8>,
    ) -> Result<Option<Self::Reply>, String>;
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Fault {
    /// Nothing was sent.
    NotSent(String),
    /// It was sent, and may have been carried out or not.
    Lost(String),
}

impl Fault {
    /// One line for people.
    pub(super) fn reason(self) -> String {
        match self {
            Self::NotSent(reason) | Self::Lost(reason) => reason,
        }
    }
}

/// A connection that is opened when it is first needed, and again after it was lost.
#[derive(Debug)]
pub(super) struct Line<W: Wire> {
    address: SocketAddr,
    config: W::Config,
    state: Arc<Mutex<State<W>>>,
}

struct State<W: Wire> {
    jobs: Option<mpsc::Sender<Job<W>>>,
    refused: u32,
    /// Why the last attempt failed, and when there may be another one.
    pause: Option<(Instant, String)>,
}

impl<W: Wire> std::fmt::Debug for State<W> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("State").field("refused", &self.refused).finish_non_exhaustive()
    }
}

/// What is sent together, and who waits for all the answers.
struct Job<W: Wire> {
    requests: Vec<W::Request>,
    asker: Asker<W>,
}

type Asker<W> = oneshot::Sender<Result<Vec<<W as Wire>::Reply>, Fault>>;

/// What was sent and is not answered yet, in that order.
struct UnderWay<W: Wire> {
    jobs: VecDeque<Waiting<W>>,
    requests: usize,
}

/// A job whose answers are arriving.
struct Waiting<W: Wire> {
    requests: usize,
    replies: Vec<W::Reply>,
    asker: Asker<W>,
}

impl<W: Wire> Line<W> {
    pub(super) fn new(address: SocketAddr, config: W::Config) -> Self {
        let state = State { jobs: None, refused: 0, pause: None };
        Self { address, config, state: Arc::new(Mutex::new(state)) }
    }

    /// Sends a request and waits for its answer, for as long as the caller likes to wait.
    pub(super) async fn ask(&self, request: W::Request) -> Result<W::Reply, Fault> {
        let mut replies = self.ask_all(vec![request]).await?;
        replies.pop().ok_or_else(|| Fault::Lost(self.about("it gave no answer")))
    }

    /// Sends requests together, with nothing of others between them and without waiting for an answer to one before the next
    /// is sent; all their answers, in the same order. At a fault it is not known which of them were carried out, unless
    /// nothing was sent.
    pub(super) async fn ask_all(&self, requests: Vec<W::Request>) -> Result<Vec<W::Reply>, Fault> {
        let (asker, answer) = oneshot::channel();
        let mut job = Job { requests, asker };
        // Twice, because the connection's task may end between the two lines; nothing was sent then.
        for _ in 0..2 {
            match self.jobs()?.send(job).await {
                Ok(()) => {
                    let gone = || Err(Fault::Lost(self.about("its task has ended")));
                    return answer.await.unwrap_or_else(|_| gone());
                }
                Err(mpsc::error::SendError(back)) => job = back,
            }
        }
        Err(Fault::NotSent(self.about("it does not stay connected")))
    }

    /// The way to the connection's task, started when there is none.
    fn jobs(&self) -> Result<mpsc::Sender<Job<W>>, Fault> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(jobs) = state.jobs.as_ref().filter(|jobs| !jobs.is_closed()) {
            return Ok(jobs.clone());
        }
        if let Some((until, why)) = &state.pause
            && Instant::now() < *until
        {
            return Err(Fault::NotSent(why.clone()));
        }
        let (jobs, queue) = mpsc::channel(QUEUE_REQUESTS_MAX);
        state.jobs = Some(jobs.clone());
        let (address, config) = (self.address, self.config.clone());
        let shared = Arc::downgrade(&self.state);
        tokio::spawn(async move {
            let mut queue = queue;
            match connect::<W>(address, &config).await {
                Err(error) => {
                    let reason = about::<W>(address, &error);
                    if let Some(shared) = shared.upgrade() {
                        shared.lock().unwrap_or_else(PoisonError::into_inner).refused(&reason);
                    }
                    turn_away(queue, &reason);
                }
                Ok((wire, stream)) => {
                    if let Some(shared) = shared.upgrade() {
                        shared.lock().unwrap_or_else(PoisonError::into_inner).opened();
                    }
                    let mut under_way = UnderWay { jobs: VecDeque::new(), requests: 0 };
                    let ended = serve(wire, stream, &mut queue, &mut under_way).await;
                    let reason = about::<W>(address, &ended.err().unwrap_or_default());
                    under_way.lost(&reason);
                    turn_away(queue, &reason);
                }
            }
        });
        Ok(jobs)
    }

    fn about(&self, what: &str) -> String {
        about::<W>(self.address, what)
    }
}

impl<W: Wire> State<W> {
    fn refused(&mut self, reason: &str) {
        let doubled = PAUSE_FIRST_MILLIS.saturating_mul(1 << self.refused.min(10));
        let pause = Duration::from_millis(doubled.min(PAUSE_LONGEST_MILLIS));
        self.refused = self.refused.saturating_add(1);
        self.pause = Some((Instant::now() + pause, reason.to_owned()));
    }

    fn opened(&mut self) {
        (self.refused, self.pause) = (0, None);
    }
}

fn about<W: Wire>(address: SocketAddr, what: &str) -> String {
    format!("the HLR's {} at {address}: {what}", W::NAME)
}

async fn connect<W: Wire>(
    address: SocketAddr,
    config: &W::Config,
) -> Result<(W, TcpStream), String> {
    let greeted = async {
        let mut stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let wire = W::open(config, &mut stream).await?;
        Ok::<_, io::Error>((wire, stream))
    };
    match timeout(Duration::from_millis(CONNECT_MILLIS_MAX), greeted).await {
        Ok(opened) => opened.map_err(|error| error.to_string()),
        Err(_) => Err(format!("no greeting within {CONNECT_MILLIS_MAX} ms")),
    }
}

/// Answers everything that was not sent.
fn turn_away<W: Wire>(mut queue: mpsc::Receiver<Job<W>>, reason: &str) {
    queue.close();
    while let Ok(job) = queue.try_recv() {
        let _nobody_waits = job.asker.send(Err(Fault::NotSent(reason.to_owned())));
    }
}

impl<W: Wire> UnderWay<W> {
    fn has_room(&self) -> bool {
        self.requests < W::WINDOW
    }

    /// Sends a job by way of `out`, unless its asker has gone away.
    fn send(&mut self, Job { requests, asker }: Job<W>, wire: &mut W, out: &mut Vec<u8>) {
        if asker.is_closed() {
            return;
        }
        for request in &requests {
            wire.put(request, out);
        }
        let requests = requests.len();
        self.requests += requests;
        self.jobs.push_back(Waiting { requests, replies: Vec::with_capacity(requests), asker });
    }

    fn answered(&mut self, reply: W::Reply) -> Result<(), String> {
        let waiting = self.jobs.front_mut().ok_or("it answers what nobody asked")?;
        waiting.replies.push(reply);
        self.requests -= 1;
        if waiting.replies.len() == waiting.requests
            && let Some(Waiting { replies, asker, .. }) = self.jobs.pop_front()
        {
            let _nobody_waits = asker.send(Ok(replies));
        }
        Ok(())
    }

    fn lost(self, reason: &str) {
        for Waiting { asker, .. } in self.jobs {
            let _nobody_waits = asker.send(Err(Fault::Lost(reason.to_owned())));
        }
    }
}

/// Serves a connection until it is lost (the error says why) or nobody needs it any more.
async fn serve<W: Wire>(
    mut wire: W,
    mut stream: TcpStream,
    queue: &mut mpsc::Receiver<Job<W>>,
    under_way: &mut UnderWay<W>,
) -> Result<(), String> {
    let (mut arrived, mut out) = (Vec::new(), Vec::new());
    let silence = Duration::from_secs(SILENCE_SECONDS_MAX);
    let mut heard = Instant::now();
    loop {
        tokio::select! {
            job = queue.recv(), if under_way.has_room() => {
                let Some(job) = job else { return Ok(()) };
                if under_way.jobs.is_empty() {
                    heard = Instant::now();
                }
                let mut next = Some(job);
                while let Some(job) = next {
                    under_way.send(job, &mut wire, &mut out);
                    next = if under_way.has_room() { queue.try_recv().ok() } else { None };
                }
            }
            read = stream.read_buf(&mut arrived) => {
                if read.map_err(|error| error.to_string())? == 0 {
                    return Err("it closed the connection".to_owned());
                }
                heard = Instant::now();
                while let Some(reply) = wire.take(&mut arrived, &mut out)? {
                    under_way.answered(reply)?;
                }
                if arrived.len() > ANSWER_BYTES_MAX {
                    return Err(format!("an answer of more than {ANSWER_BYTES_MAX} bytes"));
                }
            }
            () = tokio::time::sleep_until(heard + silence), if !under_way.jobs.is_empty() => {
                return Err(format!("no answer within {silence:?}"));
            }
        }
        if !out.is_empty() {
            // Never more than a window of short requests: it fits into the socket's buffer.
            stream.write_all(&out).await.map_err(|error| error.to_string())?;
            out.clear();
        }
    }
}
