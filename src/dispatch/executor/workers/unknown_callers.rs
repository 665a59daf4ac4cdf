//! Connections without a valid token. They can be closed in favour of newer ones, until their
//! caller sends a token.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use parking_lot::Mutex;
use tokio::io::{AsyncRead, Join, ReadBuf, join};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::{OwnedSemaphorePermit, oneshot};
use tracing::debug;

/// Connections without a valid token.
#[derive(Debug, Default)]
pub(super) struct UnknownCallers {
    /// Permits of connections that are accepted and not registered yet.
    pub(super) coming: Vec<OwnedSemaphorePermit>,
    /// Registered connections, the oldest first.
    here: VecDeque<UnknownCaller>,
}

#[derive(Debug)]
struct UnknownCaller {
    from: SocketAddr,
    place: OwnedSemaphorePermit,
    /// Closes the connection and passes it its permit. Dropped once the caller has sent a valid
    /// token.
    close: oneshot::Sender<OwnedSemaphorePermit>,
}

impl UnknownCallers {
    /// Registers a connection, and closes the oldest if there are `most`. The receiver gets the
    /// permit when the new connection must close.
    pub(super) fn register(
        &mut self,
        from: SocketAddr,
        place: OwnedSemaphorePermit,
        most: usize,
    ) -> oneshot::Receiver<OwnedSemaphorePermit> {
        if self.here.len() == most
            && let Some(oldest) = self.here.pop_front()
        {
            debug!(from = %oldest.from, "too many connections without a valid token: closing the oldest");
            // The connection may have closed meanwhile.
            drop(oldest.close.send(oldest.place));
        }
        let (sends_away, verdict) = oneshot::channel();
        self.here.push_back(UnknownCaller {
            from,
            place,
            close: sends_away,
        });
        verdict
    }

    /// Exempts a connection whose caller has sent a valid token.
    pub(super) fn exempt(&mut self, from: SocketAddr) {
        if let Some(at) = self.here.iter().rposition(|one| one.from == from) {
            self.here.remove(at);
        }
    }

    /// Frees the permits of closed connections.
    pub(super) fn tidy(&mut self) {
        self.here.retain(|one| !one.close.is_closed());
    }

    #[cfg(test)]
    pub(super) fn count(&self) -> usize {
        self.here.len()
    }
}

/// A connection whose reads fail once it must close. Responses to unknown callers are so short that
/// writes never block.
pub(super) type UnknownConnection = Join<UnknownReader, OwnedWriteHalf>;

/// Read half of a connection.
#[derive(Debug)]
pub(super) struct UnknownReader {
    stream: OwnedReadHalf,
    /// Gets the permit when the connection must close, or an error once its caller has sent a valid
    /// token.
    verdict: Option<oneshot::Receiver<OwnedSemaphorePermit>>,
    /// Permit of a connection that must close, kept until it is dropped.
    sent_away: Option<OwnedSemaphorePermit>,
    strangers: Arc<Mutex<UnknownCallers>>,
}

/// Wraps a connection without a valid token.
pub(super) fn wrap_connection(
    stream: TcpStream,
    verdict: oneshot::Receiver<OwnedSemaphorePermit>,
    strangers: Arc<Mutex<UnknownCallers>>,
) -> UnknownConnection {
    let (stream, write) = stream.into_split();
    let reader = UnknownReader {
        stream,
        verdict: Some(verdict),
        sent_away: None,
        strangers,
    };
    join(reader, write)
}

impl Drop for UnknownReader {
    fn drop(&mut self) {
        self.verdict = None;
        self.strangers.lock().tidy();
    }
}

impl AsyncRead for UnknownReader {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if let Some(verdict) = &mut self.verdict
            && let Poll::Ready(verdict) = Pin::new(verdict).poll(context)
        {
            (self.verdict, self.sent_away) = (None, verdict.ok());
        }
        if self.sent_away.is_some() {
            let error = io::Error::new(
                io::ErrorKind::ConnectionAborted,
                "too many connections without a valid token",
            );
            return Poll::Ready(Err(error));
        }
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}
