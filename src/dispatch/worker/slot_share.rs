//! Division of a machine's cores and GPUs between attempts.

use crate::protocol::{Assignment, ClaimRequest, LONGEST_WAIT_SECONDS};

/// Cores and GPU of one attempt.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct SlotShare {
    pub(super) threads: u32,
    /// Index of the GPU.
    pub(super) gpu: Option<u32>,
}

/// Free cores and GPUs of the machine.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct FreeResources {
    cores: u32,
    gpus: Vec<u32>,
}

impl FreeResources {
    pub(super) fn new(cores: u32, gpus: u32) -> Self {
        let gpus = (0..gpus).rev().collect();
        Self { cores, gpus }
    }

    /// Claim for the free cores and GPUs. `None` if no core is free.
    pub(super) fn request(&self) -> Option<ClaimRequest> {
        (self.cores > 0).then_some(ClaimRequest {
            cores: self.cores,
            gpus: self.gpus.len() as u32,
            wait_seconds: LONGEST_WAIT_SECONDS,
        })
    }

    pub(super) fn take(&mut self, offer: &Assignment) -> Option<SlotShare> {
        if offer.threads > self.cores || (offer.gpu && self.gpus.is_empty()) {
            return None;
        }
        self.cores -= offer.threads;
        Some(SlotShare {
            threads: offer.threads,
            gpu: if offer.gpu { self.gpus.pop() } else { None },
        })
    }

    pub(super) fn give_back(&mut self, seat: SlotShare) {
        self.cores += seat.threads;
        self.gpus.extend(seat.gpu);
    }
}
