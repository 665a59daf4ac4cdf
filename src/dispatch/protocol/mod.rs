//! What a coordinator and its workers say to each other, over HTTP/1.1. The worker calls, the coordinator answers; docs/workers.md
//! has the order of it.
//!
//! | request | what it says | answer |
//! |---|---|---|
//! | `POST /v1/hello` | [`Hello`] | [`Welcome`] |
//! | `POST /v1/claim` | [`ClaimRequest`] | an [`Offer`], or null when there was none in time |
//! | `GET /v1/blobs/<digest>` | | the bytes, from where `Range` says |
//! | `POST /v1/beat` | [`Beat`] | [`BeatAnswer`] |
//! | `PUT /v1/checkpoints/<run>/<attempt>/<fence>/<place>/<step>/<file>` | the bytes | |
//! | `POST /v1/end` | [`End`] | [`EndAnswer`] |
//!
//! What is refused is answered with a [`Refusal`].

mod fingerprint;
mod messages;
mod names;
mod tls;

pub use fingerprint::{BadFingerprint, Fingerprint};
pub use messages::{
    Beat, BeatAnswer, ClaimRequest, End, EndAnswer, Hello, Offer, OfferedCheckpoint, Order,
    Refusal, Welcome,
};
pub use names::{BadName, CheckpointFile, Digest, Held, Place};
pub use tls::tls_provider;

use isoflop_core::run::SPEC_VERSION;

/// Version of what stands here: changed with every change that the other side would not understand.
pub const PROTOCOL: u32 = 1;

/// The header in which a worker says which [`version`] it speaks, in every request.
pub const VERSION_HEADER: &str = "isoflop-protocol";

/// What both sides must have in common: the words, and what a run is.
pub fn version() -> String {
    format!("{PROTOCOL}.{SPEC_VERSION}")
}

/// Longest wait for a run that fits, seconds.
pub const LONGEST_WAIT_SECONDS: f64 = 30.0;

/// Most bytes of events in one beat.
pub const MOST_EVENTS: usize = 1 << 20;

/// Most bytes of a message that is JSON; files have limits of their own.
pub const MOST_JSON: usize = 8 << 20;

/// Most bytes of what a trainer printed that are delivered with its end: the latest.
pub const MOST_LOG: usize = 1 << 20;
