//! Limit of connections without a valid token. Each connection is an open file, and the number of
//! open files of a process is limited. Without this limit, unknown callers could keep the
//! coordinator from writing results.

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

use super::unknown_callers::{UnknownCallers, UnknownConnection, wrap_connection};

/// Maximum connections without a valid token, however many files may be open. It suffices for all
/// workers of a large sweep, which connect at the same time after a restart of their coordinator.
const MOST_STRANGERS: u64 = 4096;

/// Assumed limit of open files, if the system does not report it.
const FEW_OPEN_FILES: u64 = 256;

/// Limit of connections, until one of their requests has a valid token.
#[derive(Clone, Debug)]
pub(super) struct ConnectionLimit {
    /// Maximum connections without a valid token. A further one closes the oldest: a worker sends
    /// its token as soon as it is connected.
    most: usize,
    /// One permit for each such connection, and one more: a connection that is being closed keeps
    /// its permit until it is dropped.
    permits: Arc<Semaphore>,
    unknown: Arc<Mutex<UnknownCallers>>,
}

impl ConnectionLimit {
    /// Makes a limit of a quarter of the files that this process may open. First raises the limit
    /// of open files, because each worker's connection is one.
    pub(super) fn open() -> Self {
        Self::of((ask_for_open_files() / 4).clamp(1, MOST_STRANGERS) as usize)
    }

    fn of(most: usize) -> Self {
        Self {
            most,
            permits: Arc::new(Semaphore::new(most + 1)),
            unknown: Arc::default(),
        }
    }

    /// Exempts a connection whose caller has sent a valid token.
    pub(super) fn exempt(&self, from: SocketAddr) {
        self.unknown.lock().exempt(from);
    }

    fn receive(&self, stream: TcpStream) -> io::Result<UnknownConnection> {
        let mut strangers = self.unknown.lock();
        // The permit of this connection. It is dropped, and so freed, if the caller has
        // disconnected.
        let place = strangers.coming.pop();
        let from = stream.peer_addr()?;
        let place =
            place.ok_or_else(|| io::Error::other("connection accepted without a permit"))?;
        let verdict = strangers.register(from, place, self.most);
        Ok(wrap_connection(stream, verdict, self.unknown.clone()))
    }
}

/// Raises the limit of open files as far as possible, and returns it.
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

impl<S> Accept<TcpStream, S> for ConnectionLimit {
    type Stream = UnknownConnection;
    type Service = S;
    type Future = Ready<io::Result<(UnknownConnection, S)>>;

    fn accept(&self, stream: TcpStream, service: S) -> Self::Future {
        ready(self.receive(stream).map(|guest| (guest, service)))
    }
}

/// Acceptor of connections. It accepts none while the limit is reached.
pub(super) struct LimitedAcceptor<M> {
    make: M,
    limit: ConnectionLimit,
    places: PollSemaphore,
    /// Permit for the next connection.
    place: Option<OwnedSemaphorePermit>,
}

impl<M> LimitedAcceptor<M> {
    pub(super) fn new(make: M, limit: ConnectionLimit) -> Self {
        Self {
            make,
            places: PollSemaphore::new(limit.permits.clone()),
            limit,
            place: None,
        }
    }
}

impl<M: Service<SocketAddr>> Service<SocketAddr> for LimitedAcceptor<M> {
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
        let mut strangers = self.limit.unknown.lock();
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

    /// A limit alone would not suffice: a worker that connects after that many unknown callers
    /// would wait for their timeouts.
    #[tokio::test]
    async fn the_oldest_stranger_goes_and_who_is_known_stays() {
        let room = ConnectionLimit::of(2);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let come = async || {
            let caller = TcpStream::connect(listener.local_addr().unwrap())
                .await
                .unwrap();
            let (stream, from) = listener.accept().await.unwrap();
            let place = room.permits.clone().try_acquire_owned().unwrap();
            room.unknown.lock().coming.push(place);
            (caller, from, room.receive(stream).unwrap())
        };
        let has_place = || room.permits.available_permits() > 0;
        let (mut worker, from, mut known) = come().await;
        room.exempt(from);
        let (_first, _, mut sent_away) = come().await;
        let (_second, _, _waits) = come().await;
        assert!(has_place(), "the oldest can be closed");
        let (_third, _, _waits_too) = come().await;
        assert!(!has_place(), "the oldest is not dropped yet");
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
                room.permits.available_permits(),
                room.unknown.lock().count()
            ),
            (1, 2)
        );
    }
}
