//! Leases of attempts to workers. The decisions use no clock, files or network.

use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;
use tracing::debug;

use crate::protocol::{Assignment, AttemptKey, AttemptOrder, ClaimRequest};
use isoflop_core::run::{AttemptDir, AttemptEnd};

/// Attempts that are leased to workers, or wait for one.
#[derive(Debug)]
pub(super) struct LeaseTable {
    waiting: VecDeque<AttemptKey>,
    entries: HashMap<AttemptKey, LeaseEntry>,
    /// Time without a heartbeat after which an attempt may go to another worker.
    lease: Duration,
    /// Time of the last request of any worker.
    heard: Option<Instant>,
}

/// An attempt.
#[derive(Debug)]
struct LeaseEntry {
    attempt: AttemptDir,
    /// Assignment for a worker. `None` if an earlier coordinator assigned the attempt.
    offer: Option<Assignment>,
    holder: Option<LeaseHolder>,
    order: AttemptOrder,
    /// Channel for the end of the attempt.
    ends: oneshot::Sender<AttemptEnd>,
}

/// Worker that holds the lease of an attempt.
#[derive(Debug)]
struct LeaseHolder {
    worker: String,
    /// Time of its last heartbeat for the attempt.
    heard: Instant,
    /// True once it has sent a heartbeat. Before that, the response to its claim may be lost.
    confirmed: bool,
}

/// Order for the holder of a lease, and the attempt's folder.
#[derive(Debug)]
pub(super) struct LeaseView {
    pub(super) attempt: AttemptDir,
    pub(super) order: AttemptOrder,
}

impl LeaseTable {
    pub(super) fn new(lease: Duration) -> Self {
        Self {
            waiting: VecDeque::new(),
            entries: HashMap::new(),
            lease,
            heard: None,
        }
    }

    /// Queues an attempt for a worker.
    pub(super) fn put(
        &mut self,
        attempt: AttemptDir,
        offer: Assignment,
    ) -> oneshot::Receiver<AttemptEnd> {
        let held = offer.held.clone();
        self.waiting.push_back(held.clone());
        self.insert(held, attempt, (Some(offer), None))
    }

    /// Adds an attempt that an earlier coordinator leased to a worker.
    pub(super) fn adopt(
        &mut self,
        held: AttemptKey,
        attempt: AttemptDir,
        worker: String,
        heard: Instant,
    ) -> oneshot::Receiver<AttemptEnd> {
        let holder = LeaseHolder {
            worker,
            heard,
            confirmed: true,
        };
        self.insert(held, attempt, (None, Some(holder)))
    }

    fn insert(
        &mut self,
        held: AttemptKey,
        attempt: AttemptDir,
        (offer, holder): (Option<Assignment>, Option<LeaseHolder>),
    ) -> oneshot::Receiver<AttemptEnd> {
        let (ends, ended) = oneshot::channel();
        let entry = LeaseEntry {
            attempt,
            offer,
            holder,
            order: AttemptOrder::GoOn,
            ends,
        };
        self.entries.insert(held, entry);
        ended
    }

    /// Leases the longest waiting attempt that fits the worker's free resources. If no attempt
    /// waits, expired leases end, so that their runs are queued again and go to this worker.
    /// Before, no other worker was free for them.
    pub(super) fn claim(
        &mut self,
        worker: &str,
        room: &ClaimRequest,
        now: Instant,
    ) -> Option<Assignment> {
        self.heard = Some(now);
        self.requeue_unconfirmed(now);
        if self.waiting.is_empty() {
            self.end_expired(now);
        }
        let fits =
            |offer: &Assignment| offer.threads <= room.cores && (!offer.gpu || room.gpus > 0);
        let may_be_given = |held: &AttemptKey| self.entries[held].offer.as_ref().is_some_and(fits);
        let at = self.waiting.iter().position(may_be_given)?;
        let entry = self.entries.get_mut(&self.waiting.remove(at)?)?;
        entry.holder = Some(LeaseHolder {
            worker: worker.to_owned(),
            heard: now,
            confirmed: false,
        });
        entry.offer.clone()
    }

    /// Renews the lease of an attempt after a request of its holder. `None` if the worker does not
    /// hold it.
    pub(super) fn renew(
        &mut self,
        held: &AttemptKey,
        worker: &str,
        now: Instant,
    ) -> Option<LeaseView> {
        self.heard = Some(now);
        let entry = self.entries.get_mut(held)?;
        let holder = entry.holder.as_mut();
        let holder = holder.filter(|holder| holder.worker == worker)?;
        (holder.heard, holder.confirmed) = (now, true);
        Some(LeaseView {
            attempt: entry.attempt.clone(),
            order: entry.order,
        })
    }

    /// Time since the last request of any worker. `None` before the first.
    pub(super) fn idle_time(&self, now: Instant) -> Option<Duration> {
        self.heard.map(|heard| now.saturating_duration_since(heard))
    }

    /// Ends an attempt.
    pub(super) fn end(&mut self, held: &AttemptKey, end: AttemptEnd) {
        self.waiting.retain(|waiting| waiting != held);
        if let Some(entry) = self.entries.remove(held) {
            // The receiver is dropped when the coordinator shuts down.
            if entry.ends.send(end).is_err() {
                debug!(%held, "no receiver for the end of an attempt");
            }
        }
    }

    /// Requests a checkpoint and the end. An attempt that no worker has confirmed ends at once.
    pub(super) fn stop(&mut self, held: &AttemptKey) {
        let Some(entry) = self.entries.get_mut(held) else {
            return;
        };
        entry.order = AttemptOrder::Stop;
        if entry.holder.as_ref().is_none_or(|holder| !holder.confirmed) {
            self.end(held, AttemptEnd::lost(false));
        }
    }

    /// Queues attempts again if a worker claimed them and has not confirmed the claim in time.
    fn requeue_unconfirmed(&mut self, now: Instant) {
        for (held, entry) in &mut self.entries {
            let is_lost = |holder: &mut LeaseHolder| {
                !holder.confirmed && now.duration_since(holder.heard) > self.lease
            };
            if entry.holder.take_if(is_lost).is_some() {
                self.waiting.push_front(held.clone());
            }
        }
    }

    fn end_expired(&mut self, now: Instant) {
        let is_out = |holder: &LeaseHolder| now.duration_since(holder.heard) > self.lease;
        let entries = self.entries.iter();
        let out = entries.filter(|(_, entry)| entry.holder.as_ref().is_some_and(is_out));
        let out: Vec<AttemptKey> = out.map(|(held, _)| held.clone()).collect();
        for held in out {
            debug!(%held, "lease expired");
            self.end(&held, AttemptEnd::lost(true));
        }
    }
}

#[cfg(test)]
mod tests;
