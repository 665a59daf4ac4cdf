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
    Beat, BeatAnswer, ClaimRequest, End, EndAnswer, Hello, LONGEST_WAIT_SECONDS, MOST_EVENTS,
    MOST_JSON, MOST_LOG, Offer, OfferedCheckpoint, Order, Refusal, SAME_ISOFLOP, VERSION_HEADER,
    Welcome, version,
};
pub use names::{BadName, CheckpointAddress, CheckpointFile, Digest, Held, Place};
pub use tls::tls_provider;
