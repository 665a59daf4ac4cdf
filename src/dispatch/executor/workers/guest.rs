//! A connection that may be ended from outside, until its caller is known.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::oneshot;

use super::anteroom::Anteroom;

#[derive(Debug)]
pub(super) struct Guest {
    stream: TcpStream,
    /// Nothing once its caller is known.
    verdict: Option<oneshot::Receiver<()>>,
    number: u64,
    anteroom: Anteroom,
}

impl Guest {
    /// A connection that goes on where the verdict is sent or outstanding, and ends where its sender is dropped.
    pub(super) fn new(
        stream: TcpStream,
        verdict: oneshot::Receiver<()>,
        number: u64,
        anteroom: Anteroom,
    ) -> Self {
        Self {
            stream,
            verdict: Some(verdict),
            number,
            anteroom,
        }
    }

    /// Whether it is still to be served; wakes the task when that changes.
    fn stays(&mut self, context: &mut Context<'_>) -> io::Result<()> {
        let Some(verdict) = &mut self.verdict else {
            return Ok(());
        };
        match Pin::new(verdict).poll(context) {
            Poll::Ready(Err(_)) => Err(io::Error::new(
                io::ErrorKind::ConnectionAborted,
                "too many strangers",
            )),
            Poll::Ready(Ok(())) => {
                self.verdict = None;
                Ok(())
            }
            Poll::Pending => Ok(()),
        }
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        self.anteroom.leave(self.number);
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
