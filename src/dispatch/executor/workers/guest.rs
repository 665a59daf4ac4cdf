//! A connection that may be ended from outside, until its caller is known.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use parking_lot::Mutex;
use tokio::io::{AsyncRead, Join, ReadBuf, join};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::{OwnedSemaphorePermit, oneshot};

use super::strangers::Strangers;

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
