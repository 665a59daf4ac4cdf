//! What of a machine is given to attempts.

use crate::protocol::{ClaimRequest, LONGEST_WAIT_SECONDS, Offer};

/// The part of the machine that an attempt has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Seat {
    pub(super) threads: u32,
    /// The GPU by its index.
    pub(super) gpu: Option<u32>,
}

/// What of the machine is free.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Free {
    cores: u32,
    gpus: Vec<u32>,
}

impl Free {
    pub(super) fn new(cores: u32, gpus: u32) -> Self {
        let gpus = (0..gpus).rev().collect();
        Self { cores, gpus }
    }

    /// What is asked for, if there is room for anything.
    pub(super) fn request(&self) -> Option<ClaimRequest> {
        (self.cores > 0).then_some(ClaimRequest {
            cores: self.cores,
            gpus: self.gpus.len() as u32,
            wait_seconds: LONGEST_WAIT_SECONDS,
        })
    }

    pub(super) fn take(&mut self, offer: &Offer) -> Option<Seat> {
        if offer.threads > self.cores || (offer.gpu && self.gpus.is_empty()) {
            return None;
        }
        self.cores -= offer.threads;
        Some(Seat {
            threads: offer.threads,
            gpu: if offer.gpu { self.gpus.pop() } else { None },
        })
    }

    pub(super) fn give_back(&mut self, seat: Seat) {
        self.cores += seat.threads;
        self.gpus.extend(seat.gpu);
    }
}
