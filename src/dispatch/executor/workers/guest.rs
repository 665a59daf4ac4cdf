//! A connection that may be ended from outside, until its caller is known.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, oneshot};

use super::anteroom::Anteroom;

#[derive(Debug)]
pub(super) struct Guest {
    stream: TcpStream,
    /// Sends it away, or says that it is known and nobody will.
    verdict: Option<oneshot::Receiver<OwnedSemaphorePermit>>,
    /// The place of one that is sent away: taken until it is gone.
    sent_away: Option<OwnedSemaphorePermit>,
    anteroom: Anteroom,
}

impl Guest {
    pub(super) fn new(
        stream: TcpStream,
        verdict: oneshot::Receiver<OwnedSemaphorePermit>,
        anteroom: Anteroom,
    ) -> Self {
        Self {
            stream,
            verdict: Some(verdict),
            sent_away: None,
            anteroom,
        }
    }

    /// Whether it is still to be served; wakes the task when that changes.
    fn stays(&mut self, context: &mut Context<'_>) -> io::Result<()> {
        if let Some(verdict) = &mut self.verdict
            && let Poll::Ready(verdict) = Pin::new(verdict).poll(context)
        {
            (self.verdict, self.sent_away) = (None, verdict.ok());
        }
        match self.sent_away {
            None => Ok(()),
            Some(_) => Err(io::Error::new(
                io::ErrorKind::ConnectionAborted,
                "too many strangers",
            )),
        }
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        self.verdict = None;
        self.anteroom.tidy();
    }
}

impl AsyncRead for Guest {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.stays(context)?;
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Guest {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.stays(context)?;
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stays(context)?;
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
