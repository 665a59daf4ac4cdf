//! Who is connected and has shown no token yet.

use std::collections::VecDeque;
use std::net::SocketAddr;

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
