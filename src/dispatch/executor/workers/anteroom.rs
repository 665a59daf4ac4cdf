//! Connections whose caller has shown no token yet: a bounded number of them. What strangers held open would be missing where results are
//! written, for a process may have so many files open and no more.

use std::future::{Ready, ready};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use axum_server::accept::Accept;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use parking_lot::Mutex;
use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::PollSemaphore;
use tower_service::Service;

use super::strangers::{Guest, Strangers, guest};

/// Strangers' connections that are held at a time, however many files may be open: room for all workers of a large sweep, which call at
/// once when their coordinator is back.
const MOST_STRANGERS: u64 = 4096;

/// Open files of a process that may have an unknown number of them.
const FEW_OPEN_FILES: u64 = 256;

/// Where callers wait until one of their requests has a token.
#[derive(Clone, Debug)]
pub(super) struct Anteroom {
    /// How many guests there may be. One more sends the oldest away: a worker shows its token as soon as it is connected.
    most: usize,
    /// One for each guest's connection, and one more: who is sent away keeps it until it is gone.
    places: Arc<Semaphore>,
    strangers: Arc<Mutex<Strangers>>,
}

impl Anteroom {
    /// A room for a quarter of the files that this process may have open; it may have as many as it can ask for, since each worker's
    /// connection is one.
    pub(super) fn open() -> Self {
        Self::of((ask_for_open_files() / 4).clamp(1, MOST_STRANGERS) as usize)
    }

    fn of(most: usize) -> Self {
        Self {
            most,
            places: Arc::new(Semaphore::new(most + 1)),
            strangers: Arc::default(),
        }
    }

    /// The caller at the other end has shown a token: its connection is not ended for others.
    pub(super) fn welcome(&self, from: SocketAddr) {
        self.strangers.lock().welcome(from);
    }

    fn receive(&self, stream: TcpStream) -> io::Result<Guest> {
        let mut strangers = self.strangers.lock();
        // One was taken for it; it is free again if its caller has gone.
        let place = strangers.coming.pop();
        let from = stream.peer_addr()?;
        let place = place.ok_or_else(|| io::Error::other("let in without a place"))?;
        let verdict = strangers.enter(from, place, self.most);
        Ok(guest(stream, verdict, self.strangers.clone()))
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
        ready(self.receive(stream).map(|guest| (guest, service)))
    }
}

/// Makes what serves a connection, and takes none from the system's queue while the anteroom is full.
pub(super) struct Gate<M> {
    make: M,
    anteroom: Anteroom,
    places: PollSemaphore,
    /// For the next connection.
    place: Option<OwnedSemaphorePermit>,
}

impl<M> Gate<M> {
    pub(super) fn new(make: M, anteroom: Anteroom) -> Self {
        Self {
            make,
            places: PollSemaphore::new(anteroom.places.clone()),
            anteroom,
            place: None,
        }
    }
}

impl<M: Service<SocketAddr>> Service<SocketAddr> for Gate<M> {
    type Response = M::Response;
    type Error = M::Error;
    type Future = M::Future;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), M::Error>> {
        if self.place.is_none() {
            self.place = ready!(self.places.poll_acquire(context));
        }
        self.make.poll_ready(context)
    }

    fn call(&mut self, from: SocketAddr) -> M::Future {
        let mut strangers = self.anteroom.strangers.lock();
        strangers.coming.extend(self.place.take());
        drop(strangers);
        self.make.call(from)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    /// A bound alone would not do: a worker that comes after as many strangers would wait until their time is over.
    #[tokio::test]
    async fn the_oldest_stranger_goes_and_who_is_known_stays() {
        let room = Anteroom::of(2);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let come = async || {
            let caller = TcpStream::connect(listener.local_addr().unwrap())
                .await
                .unwrap();
            let (stream, from) = listener.accept().await.unwrap();
            let place = room.places.clone().try_acquire_owned().unwrap();
            room.strangers.lock().coming.push(place);
            (caller, from, room.receive(stream).unwrap())
        };
        let has_place = || room.places.available_permits() > 0;
        let (mut worker, from, mut known) = come().await;
        room.welcome(from);
        let (_first, _, mut sent_away) = come().await;
        let (_second, _, _waits) = come().await;
        assert!(has_place(), "the oldest can be sent away");
        let (_third, _, _waits_too) = come().await;
        assert!(!has_place(), "the oldest has not left");
        let error = sent_away.read_u8().await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionAborted);
        let again = sent_away.read_u8().await.unwrap_err();
        assert_eq!(again.kind(), io::ErrorKind::ConnectionAborted);
        drop(sent_away);
        assert!(has_place());
        worker.write_u8(7).await.unwrap();
        assert_eq!(known.read_u8().await.unwrap(), 7);
        drop(known);
        assert_eq!(
            (
                room.places.available_permits(),
                room.strangers.lock().count()
            ),
            (1, 2)
        );
    }
}
