//! Which attempts wait for workers, and which worker holds which: decided without clock, file and network.

use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;
use tracing::debug;

use crate::protocol::{ClaimRequest, Held, Offer, Order};
use isoflop_core::run::{AttemptDir, AttemptEnd};

/// The attempts that are with workers, or wait for one.
#[derive(Debug)]
pub(super) struct Office {
    waiting: VecDeque<Held>,
    entries: HashMap<Held, Entry>,
    /// Time without a word from its worker after which an attempt may be given to another.
    lease: Duration,
    /// When any worker was last heard of.
    heard: Option<Instant>,
}

/// An attempt.
#[derive(Debug)]
struct Entry {
    attempt: AttemptDir,
    /// What a worker is told; nothing where an earlier coordinator has told it.
    offer: Option<Offer>,
    holder: Option<Holder>,
    order: Order,
    /// Hears how it ended.
    ends: oneshot::Sender<AttemptEnd>,
}

/// Who has an attempt.
#[derive(Debug)]
struct Holder {
    worker: String,
    /// When it was last heard of.
    heard: Instant,
    /// Whether it has said that it has it: the answer to a claim may be lost.
    confirmed: bool,
}

/// What the holder of an attempt is to do, and where its files lie.
#[derive(Debug)]
pub(super) struct Known {
    pub(super) attempt: AttemptDir,
    pub(super) order: Order,
}

impl Office {
    pub(super) fn new(lease: Duration) -> Self {
        Self {
            waiting: VecDeque::new(),
            entries: HashMap::new(),
            lease,
            heard: None,
        }
    }

    /// An attempt waits for a worker.
    pub(super) fn put(
        &mut self,
        attempt: AttemptDir,
        offer: Offer,
    ) -> oneshot::Receiver<AttemptEnd> {
        let held = offer.held.clone();
        self.waiting.push_back(held.clone());
        self.insert(held, attempt, (Some(offer), None))
    }

    /// An attempt is with a worker to which an earlier coordinator gave it.
    pub(super) fn adopt(
        &mut self,
        held: Held,
        attempt: AttemptDir,
        worker: String,
        heard: Instant,
    ) -> oneshot::Receiver<AttemptEnd> {
        let holder = Holder {
            worker,
            heard,
            confirmed: true,
        };
        self.insert(held, attempt, (None, Some(holder)))
    }

    fn insert(
        &mut self,
        held: Held,
        attempt: AttemptDir,
        (offer, holder): (Option<Offer>, Option<Holder>),
    ) -> oneshot::Receiver<AttemptEnd> {
        let (ends, ended) = oneshot::channel();
        let entry = Entry {
            attempt,
            offer,
            holder,
            order: Order::GoOn,
            ends,
        };
        self.entries.insert(held, entry);
        ended
    }

    /// The longest waiting attempt for which a worker has room. Where none waits, those whose workers are out of touch are given up,
    /// so that this worker gets them when they are queued again: nobody else had time for them before.
    pub(super) fn claim(
        &mut self,
        worker: &str,
        room: &ClaimRequest,
        now: Instant,
    ) -> Option<Offer> {
        self.heard = Some(now);
        self.take_back_unconfirmed(now);
        if self.waiting.is_empty() {
            self.give_up_out_of_touch(now);
        }
        let fits = |offer: &Offer| offer.threads <= room.cores && (!offer.gpu || room.gpus > 0);
        let may_be_given = |held: &Held| self.entries[held].offer.as_ref().is_some_and(fits);
        let at = self.waiting.iter().position(may_be_given)?;
        let entry = self.entries.get_mut(&self.waiting.remove(at)?)?;
        entry.holder = Some(Holder {
            worker: worker.to_owned(),
            heard: now,
            confirmed: false,
        });
        entry.offer.clone()
    }

    /// An attempt of which its holder says something; nothing if it is another's, or nobody's.
    pub(super) fn heard(&mut self, held: &Held, worker: &str, now: Instant) -> Option<Known> {
        self.heard = Some(now);
        let entry = self.entries.get_mut(held)?;
        let holder = entry.holder.as_mut();
        let holder = holder.filter(|holder| holder.worker == worker)?;
        (holder.heard, holder.confirmed) = (now, true);
        Some(Known {
            attempt: entry.attempt.clone(),
            order: entry.order,
        })
    }

    /// Time since any worker was heard of; nothing if none was.
    pub(super) fn silence(&self, now: Instant) -> Option<Duration> {
        self.heard.map(|heard| now.saturating_duration_since(heard))
    }

    /// An attempt is over.
    pub(super) fn end(&mut self, held: &Held, end: AttemptEnd) {
        self.waiting.retain(|waiting| waiting != held);
        if let Some(entry) = self.entries.remove(held) {
            // A coordinator that does not listen any more is ending.
            if entry.ends.send(end).is_err() {
                debug!(%held, "an end that nobody waits for");
            }
        }
    }

    /// Asks for a checkpoint and the end; an attempt that no worker has confirmed ends at once.
    pub(super) fn stop(&mut self, held: &Held) {
        let Some(entry) = self.entries.get_mut(held) else {
            return;
        };
        entry.order = Order::Stop;
        if entry.holder.as_ref().is_none_or(|holder| !holder.confirmed) {
            self.end(held, AttemptEnd::lost(false));
        }
    }

    /// Offers again what a worker claimed that never said that it has it.
    fn take_back_unconfirmed(&mut self, now: Instant) {
        for (held, entry) in &mut self.entries {
            let is_lost = |holder: &mut Holder| {
                !holder.confirmed && now.duration_since(holder.heard) > self.lease
            };
            if entry.holder.take_if(is_lost).is_some() {
                self.waiting.push_front(held.clone());
            }
        }
    }

    fn give_up_out_of_touch(&mut self, now: Instant) {
        let is_out = |holder: &Holder| now.duration_since(holder.heard) > self.lease;
        let entries = self.entries.iter();
        let out = entries.filter(|(_, entry)| entry.holder.as_ref().is_some_and(is_out));
        let out: Vec<Held> = out.map(|(held, _)| held.clone()).collect();
        for held in out {
            debug!(%held, "its worker is out of touch: it is given up");
            self.end(&held, AttemptEnd::lost(true));
        }
    }
}

#[cfg(test)]
mod tests;
