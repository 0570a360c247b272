//! Tells other nodes that a network has tickets, and hears it from them.
//!
//! A hint, by LISTEN and NOTIFY on a connection of its own, so that no commit waits for it: polling is the truth. What is
//! told while a notification is under way is gathered into the next one: a burst of orders costs a few of them.
//!
//! On the same connection it looks whether the database has become too new for this program: nobody is told of that, because
//! whoever migrates knows nothing of those who are too old.

use std::collections::BTreeSet;
use std::future::poll_fn;
use std::sync::OnceLock;
use std::time::Duration;

use provisor_domain::NetworkCode;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{Mutex, mpsc};
use tokio_postgres::{AsyncMessage, Client, Connection, Statement};

use super::Outdated;
use super::address::Address;
use super::open::{self, OpenError};

/// What nodes listen to.
const CHANNEL: &str = "provisor_ticket_due";
const NOTIFY: &str = "SELECT pg_notify($1, code) FROM unnest($2::text[]) AS code";
/// Networks that wait to be told, and that were heard of, at most; the rest is found by polling.
const WAITING_MAX: usize = 1_024;
/// How long it stays silent after a notification, which is a commit of its own: who rings meanwhile is told of by the next.
const GATHER: Duration = Duration::from_millis(5);
/// How often it looks whether the database has become too new.
const LOOK: Duration = Duration::from_secs(1);
/// How long nobody tries after the connection was lost.
const PAUSE: Duration = Duration::from_secs(1);

/// The bell of a store. When it is dropped, its connection ends.
pub(super) struct Bell {
    rung: mpsc::Sender<NetworkCode>,
    heard: Mutex<mpsc::Receiver<NetworkCode>>,
}

impl Bell {
    /// Hangs it up on the runtime that this is called on.
    /// `outdated` is set once the database has become too new.
    pub(super) fn hang(address: Address, outdated: Outdated) -> Self {
        let (rung, ringing) = mpsc::channel(WAITING_MAX);
        let (tell, heard) = mpsc::channel(WAITING_MAX);
        tokio::spawn(stay(address, outdated, ringing, tell));
        Self { rung, heard: Mutex::new(heard) }
    }

    /// Tells the others, soon.
    pub(super) fn ring(&self, network: &NetworkCode) {
        // When it is full, so many are being told that nobody sleeps.
        let _full = self.rung.try_send(network.clone());
    }

    /// Waits until another node rings.
    pub(super) async fn heard(&self) -> NetworkCode {
        match self.heard.lock().await.recv().await {
            Some(network) => network,
            None => std::future::pending().await,
        }
    }
}

/// Keeps a connection up until the bell is gone.
async fn stay(
    address: Address,
    outdated: Outdated,
    mut ringing: mpsc::Receiver<NetworkCode>,
    tell: mpsc::Sender<NetworkCode>,
) {
    while !tell.is_closed() {
        if let Err(error) = listen(&address, &outdated, &mut ringing, &tell).await {
            tracing::debug!(%error, "no word from other nodes for a while: they are found by polling");
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// Listens and tells until the connection breaks, its server says nothing any more, or the bell is gone.
async fn listen(
    address: &Address,
    outdated: &Outdated,
    ringing: &mut mpsc::Receiver<NetworkCode>,
    tell: &mpsc::Sender<NetworkCode>,
) -> Result<(), OpenError> {
    let ((client, connection), _) = open::dial(address).await?;
    let own = OnceLock::new();
    let talk = async {
        let notify = open::in_time(async {
            let pid: i32 = client.query_one("SELECT pg_backend_pid()", &[]).await?.try_get(0)?;
            own.get_or_init(|| pid);
            client.batch_execute(&format!("LISTEN {CHANNEL}")).await?;
            Ok(client.prepare(NOTIFY).await?)
        });
        speak(&client, &notify.await?, outdated, ringing).await
    };
    // The connection moves only while it is polled: it is, for as long as we talk.
    tokio::select! {
        () = hear(connection, &own, tell) => Ok(()),
        talked = talk => talked,
    }
}

/// Tells what is rung, all that waits at once, and looks after the database's schema meanwhile. Whoever does not answer in time
/// will not tell us anything either.
async fn speak(
    client: &Client,
    notify: &Statement,
    outdated: &Outdated,
    ringing: &mut mpsc::Receiver<NetworkCode>,
) -> Result<(), OpenError> {
    let mut looks = tokio::time::interval(LOOK);
    looks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        let first = tokio::select! {
            rung = ringing.recv() => rung,
            _ = looks.tick() => {
                open::in_time(look(client, outdated)).await?;
                continue;
            }
        };
        let Some(first) = first else { return Ok(()) };
        let mut networks = BTreeSet::from([first]);
        while let Ok(network) = ringing.try_recv() {
            networks.insert(network);
        }
        let codes: Vec<&str> = networks.iter().map(NetworkCode::as_str).collect();
        open::in_time(async { Ok(client.execute(notify, &[&CHANNEL, &codes]).await?) }).await?;
        tokio::time::sleep(GATHER).await;
    }
}

/// Looks whether the database has become too new.
async fn look(client: &Client, outdated: &OnceLock<OpenError>) -> Result<(), OpenError> {
    match open::check_schema(client).await {
        Err(newer @ OpenError::Newer { .. }) => {
            if outdated.set(newer.clone()).is_ok() {
                tracing::error!(error = %newer, "a newer provisor has migrated the database past this one");
            }
            Ok(())
        }
        other => other,
    }
}

/// Drives the connection until it ends, and passes on what other nodes than the one with the process `own` tell.
async fn hear<S, T>(
    mut connection: Connection<S, T>,
    own: &OnceLock<i32>,
    tell: &mpsc::Sender<NetworkCode>,
) where
    S: AsyncRead + AsyncWrite + Unpin,
    T: AsyncRead + AsyncWrite + Unpin,
{
    while let Some(Ok(message)) = poll_fn(|context| connection.poll_message(context)).await {
        let AsyncMessage::Notification(notification) = message else { continue };
        if own.get() == Some(&notification.process_id()) {
            continue;
        }
        if let Ok(network) = notification.payload().parse() {
            let _full = tell.try_send(network);
        }
    }
}
