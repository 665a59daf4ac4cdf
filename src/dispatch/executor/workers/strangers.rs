//! Who is connected and has shown no token yet: a connection that may be ended from outside, until its caller is known.

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

/// Callers that are not known yet.
#[derive(Debug, Default)]
pub(super) struct Strangers {
    /// Places of connections that are let in and not here yet.
    pub(super) coming: Vec<OwnedSemaphorePermit>,
    /// By arrival.
    here: VecDeque<Stranger>,
}

#[derive(Debug)]
struct Stranger {
    from: SocketAddr,
    place: OwnedSemaphorePermit,
    /// Sends the caller away, with its place; dropped, it tells that the caller is known.
    sends_away: oneshot::Sender<OwnedSemaphorePermit>,
}

impl Strangers {
    /// One more is here, and the oldest of `most` is sent away for it. The receiver hears what becomes of it.
    pub(super) fn enter(
        &mut self,
        from: SocketAddr,
        place: OwnedSemaphorePermit,
        most: usize,
    ) -> oneshot::Receiver<OwnedSemaphorePermit> {
        if self.here.len() == most
            && let Some(oldest) = self.here.pop_front()
        {
            debug!(from = %oldest.from, "too many callers without a token: the oldest is sent away");
            // It may have been closed in this moment.
            drop(oldest.sends_away.send(oldest.place));
        }
        let (sends_away, verdict) = oneshot::channel();
        self.here.push_back(Stranger {
            from,
            place,
            sends_away,
        });
        verdict
    }

    /// A caller has shown a token: its connection is not ended for others.
    pub(super) fn welcome(&mut self, from: SocketAddr) {
        if let Some(at) = self.here.iter().rposition(|one| one.from == from) {
            self.here.remove(at);
        }
    }

    /// Frees the places of connections that are closed.
    pub(super) fn tidy(&mut self) {
        self.here.retain(|one| !one.sends_away.is_closed());
    }

    #[cfg(test)]
    pub(super) fn count(&self) -> usize {
        self.here.len()
    }
}

/// A connection whose reading ends when its caller is sent away. Who is not known is told so little that its writing never waits.
pub(super) type Guest = Join<GuestReader, OwnedWriteHalf>;

/// What a caller says.
#[derive(Debug)]
pub(super) struct GuestReader {
    stream: OwnedReadHalf,
    /// Sends it away, or says that it is known and nobody will.
    verdict: Option<oneshot::Receiver<OwnedSemaphorePermit>>,
    /// The place of one that is sent away: taken until it is gone.
    sent_away: Option<OwnedSemaphorePermit>,
    strangers: Arc<Mutex<Strangers>>,
}

/// The connection of a stranger.
pub(super) fn guest(
    stream: TcpStream,
    verdict: oneshot::Receiver<OwnedSemaphorePermit>,
    strangers: Arc<Mutex<Strangers>>,
) -> Guest {
    let (stream, write) = stream.into_split();
    let reader = GuestReader {
        stream,
        verdict: Some(verdict),
        sent_away: None,
        strangers,
    };
    join(reader, write)
}

impl Drop for GuestReader {
    fn drop(&mut self) {
        self.verdict = None;
        self.strangers.lock().tidy();
    }
}

impl AsyncRead for GuestReader {
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
            let error = io::Error::new(io::ErrorKind::ConnectionAborted, "too many strangers");
            return Poll::Ready(Err(error));
        }
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}
