//! Protocol between a coordinator and its workers, over HTTP/1.1. The worker sends requests, the
//! coordinator responds. docs/workers.md has their order.
//!
//! | request | body | response |
//! |---|---|---|
//! | `POST /v1/hello` | [`HandshakeRequest`] | [`HandshakeResponse`] |
//! | `POST /v1/claim` | [`ClaimRequest`] | an [`Assignment`], or null if no run fitted in time |
//! | `GET /v1/blobs/<digest>` | | the bytes, or the `Range` of them |
//! | `POST /v1/beat` | [`Heartbeat`] | [`HeartbeatResponse`] |
//! | `PUT /v1/checkpoints/<run>/<attempt>/<fence>/<place>/<step>/<file>` | the bytes | |
//! | `POST /v1/end` | [`EndRequest`] | [`EndResponse`] |
//!
//! A refused request is answered with a [`RequestRefusal`].

mod fingerprint;
mod messages;
mod names;
mod tls;

pub use fingerprint::{Fingerprint, InvalidFingerprint};
pub use messages::{
    AssignedCheckpoint, Assignment, AttemptOrder, ClaimRequest, EndRequest, EndResponse,
    HandshakeRequest, HandshakeResponse, Heartbeat, HeartbeatResponse, LONGEST_WAIT_SECONDS,
    MOST_EVENTS, MOST_JSON, MOST_LOG, RequestRefusal, SAME_ISOFLOP, VERSION_HEADER, version,
};
pub use names::{
    AttemptKey, CheckpointAddress, CheckpointFile, CheckpointKind, Digest, InvalidName,
};
pub use tls::tls_provider;
