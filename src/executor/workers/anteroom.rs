//! Connections whose caller has shown no token yet: a bounded number of them. What strangers held open would be missing where results are
//! written, for a process may have so many files open and no more.

use std::collections::VecDeque;
use std::future::{Future, Ready, ready};
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use axum_server::accept::Accept;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::oneshot;

/// Strangers' connections that are held at a time. One more ends the oldest: a worker shows its token as soon as it is connected.
const MOST_STRANGERS: usize = 128;

/// Where callers wait until one of their requests has a token.
#[derive(Clone, Debug, Default)]
pub(super) struct Anteroom(Arc<Mutex<Waiting>>);

#[derive(Debug, Default)]
struct Waiting {
    /// By arrival.
    guests: VecDeque<Entry>,
    arrived: u64,
}

#[derive(Debug)]
struct Entry {
    number: u64,
    from: SocketAddr,
    /// Sends that the caller is known; dropped, it ends the connection.
    known: oneshot::Sender<()>,
}

impl Anteroom {
    /// The caller at the other end has shown a token: its connection is not ended for others.
    pub(super) fn welcome(&self, from: SocketAddr) {
        let mut waiting = self.waiting();
        let Some(place) = waiting.guests.iter().rposition(|entry| entry.from == from) else { return };
        if let Some(entry) = waiting.guests.remove(place) {
            // It may have been closed in this moment.
            let _ = entry.known.send(());
        }
    }

    fn receive(&self, stream: TcpStream, from: SocketAddr) -> Guest {
        let (known, verdict) = oneshot::channel();
        let mut waiting = self.waiting();
        waiting.arrived += 1;
        let number = waiting.arrived;
        if waiting.guests.len() == MOST_STRANGERS {
            waiting.guests.pop_front();
        }
        waiting.guests.push_back(Entry { number, from, known });
        Guest { stream, verdict: Some(verdict), number, anteroom: self.clone() }
    }

    fn leave(&self, number: u64) {
        self.waiting().guests.retain(|entry| entry.number != number);
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<S> Accept<TcpStream, S> for Anteroom {
    type Stream = Guest;
    type Service = S;
    type Future = Ready<io::Result<(Guest, S)>>;

    fn accept(&self, stream: TcpStream, service: S) -> Self::Future {
        ready(stream.peer_addr().map(|from| (self.receive(stream, from), service)))
    }
}

/// A connection that may be ended from outside, until its caller is known.
#[derive(Debug)]
pub(super) struct Guest {
    stream: TcpStream,
    verdict: Option<oneshot::Receiver<()>>,
    number: u64,
    anteroom: Anteroom,
}

impl Guest {
    /// Whether it is still to be served; wakes the task when that changes.
    fn stays(&mut self, context: &mut Context<'_>) -> io::Result<()> {
        let Some(verdict) = &mut self.verdict else { return Ok(()) };
        match Pin::new(verdict).poll(context) {
            Poll::Ready(Err(_)) => Err(io::Error::new(io::ErrorKind::ConnectionAborted, "too many strangers")),
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
        match self.stays(context) {
            Ok(()) => Pin::new(&mut self.stream).poll_read(context, buffer),
            Err(error) => Poll::Ready(Err(error)),
        }
    }
}

impl AsyncWrite for Guest {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
