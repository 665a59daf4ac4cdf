//! Connections whose caller has shown no token yet: a bounded number of them. What strangers held open would be missing where results are
//! written, for a process may have so many files open and no more.

use std::collections::{HashSet, VecDeque};
use std::future::{Ready, ready};
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker, ready};

use axum_server::accept::Accept;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tower_service::Service;

use super::guest::Guest;

/// Strangers' connections that are held at a time, however many files may be open: room for all workers of a large sweep, which call at
/// once when their coordinator is back.
const MOST_STRANGERS: u64 = 4096;

/// Open files of a process that may have an unknown number of them.
const FEW_OPEN_FILES: u64 = 256;

/// Where callers wait until one of their requests has a token.
#[derive(Clone, Debug)]
pub(super) struct Anteroom(Arc<Mutex<Room>>);

#[derive(Debug)]
struct Room {
    /// How many guests there may be.
    most: usize,
    /// By arrival. One more ends the oldest: a worker shows its token as soon as it is connected.
    guests: VecDeque<Entry>,
    /// Connections that are let in and not here yet.
    coming: usize,
    /// Those of guests, and of guests that were sent away and are not gone yet.
    open: HashSet<u64>,
    arrived: u64,
    /// Who waits to let in another.
    gate: Option<Waker>,
}

#[derive(Debug)]
struct Entry {
    number: u64,
    from: SocketAddr,
    /// Sends that the caller is known; dropped, it ends the connection.
    known: oneshot::Sender<()>,
}

impl Anteroom {
    /// A room for a quarter of the files that this process may have open; it may have as many as it can ask for, since each worker's
    /// connection is one.
    pub(super) fn open() -> Self {
        Self::of((ask_for_open_files() / 4).clamp(1, MOST_STRANGERS) as usize)
    }

    fn of(most: usize) -> Self {
        let (guests, open) = (VecDeque::new(), HashSet::new());
        Self(Arc::new(Mutex::new(Room {
            most,
            guests,
            coming: 0,
            open,
            arrived: 0,
            gate: None,
        })))
    }

    /// The caller at the other end has shown a token: its connection is not ended for others.
    pub(super) fn welcome(&self, from: SocketAddr) {
        let mut room = self.room();
        let place = room.guests.iter().rposition(|entry| entry.from == from);
        let Some(entry) = place.and_then(|place| room.guests.remove(place)) else {
            return;
        };
        room.is_gone(entry.number);
        // It may have been closed in this moment.
        let _ = entry.known.send(());
    }

    /// A guest's connection is closed.
    pub(super) fn leave(&self, number: u64) {
        let mut room = self.room();
        room.guests.retain(|entry| entry.number != number);
        room.is_gone(number);
    }

    fn receive(&self, stream: io::Result<(TcpStream, SocketAddr)>) -> io::Result<Guest> {
        let mut room = self.room();
        room.coming -= 1;
        let (stream, from) = stream.inspect_err(|_| room.let_in())?;
        let (known, verdict) = oneshot::channel();
        room.arrived += 1;
        let number = room.arrived;
        if room.guests.len() == room.most {
            room.guests.pop_front();
        }
        room.guests.push_back(Entry {
            number,
            from,
            known,
        });
        room.open.insert(number);
        Ok(Guest::new(stream, verdict, number, self.clone()))
    }

    /// Whether another may be let in: those who were sent away have left.
    fn poll_place(&self, context: &mut Context<'_>) -> Poll<()> {
        let mut room = self.room();
        if room.coming + room.open.len() <= room.most {
            return Poll::Ready(());
        }
        room.gate = Some(context.waker().clone());
        Poll::Pending
    }

    fn room(&self) -> MutexGuard<'_, Room> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Room {
    fn is_gone(&mut self, number: u64) {
        if self.open.remove(&number) {
            self.let_in();
        }
    }

    fn let_in(&mut self) {
        if let Some(gate) = self.gate.take() {
            gate.wake();
        }
    }
}

/// The limit of open files, raised as far as that is allowed.
fn ask_for_open_files() -> u64 {
    let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_NOFILE) else {
        return FEW_OPEN_FILES;
    };
    if soft < hard && setrlimit(Resource::RLIMIT_NOFILE, hard, hard).is_ok() {
        hard
    } else {
        soft
    }
}

impl<S> Accept<TcpStream, S> for Anteroom {
    type Stream = Guest;
    type Service = S;
    type Future = Ready<io::Result<(Guest, S)>>;

    fn accept(&self, stream: TcpStream, service: S) -> Self::Future {
        let stream = stream.peer_addr().map(|from| (stream, from));
        ready(self.receive(stream).map(|guest| (guest, service)))
    }
}

/// Makes what serves a connection, and takes none from the system's queue while the anteroom is full.
#[derive(Debug)]
pub(super) struct Gate<M> {
    pub(super) make: M,
    pub(super) anteroom: Anteroom,
}

impl<M: Service<SocketAddr>> Service<SocketAddr> for Gate<M> {
    type Response = M::Response;
    type Error = M::Error;
    type Future = M::Future;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), M::Error>> {
        ready!(self.anteroom.poll_place(context));
        self.make.poll_ready(context)
    }

    fn call(&mut self, from: SocketAddr) -> M::Future {
        self.anteroom.room().coming += 1;
        self.make.call(from)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test]
    async fn the_oldest_stranger_goes_and_who_is_known_stays() {
        let room = Anteroom::of(2);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let come = async || {
            let caller = TcpStream::connect(listener.local_addr().unwrap())
                .await
                .unwrap();
            let (stream, from) = listener.accept().await.unwrap();
            room.room().coming += 1;
            (caller, from, room.receive(Ok((stream, from))).unwrap())
        };
        let has_place = || {
            room.poll_place(&mut Context::from_waker(Waker::noop()))
                .is_ready()
        };
        let (mut worker, from, mut known) = come().await;
        room.welcome(from);
        let (_first, _, mut sent_away) = come().await;
        let (_second, _, _waits) = come().await;
        assert!(has_place(), "the oldest can be sent away");
        let (_third, _, _waits_too) = come().await;
        assert!(!has_place(), "the oldest has not left");
        let error = sent_away.read_u8().await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionAborted);
        drop(sent_away);
        assert!(has_place());
        worker.write_u8(7).await.unwrap();
        assert_eq!(known.read_u8().await.unwrap(), 7);
        drop(known);
        let room = room.room();
        assert_eq!((room.open.len(), room.guests.len()), (2, 2));
    }
}
