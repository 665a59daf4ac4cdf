//! Exchange of an attempt's files between the coordinator and the machine that executes it.
//!
//! There are three ways: HTTPS from a worker to its coordinator; a storage between a coordinator
//! and its jobs; and a shared folder, in which the trainer writes where the coordinator reads, and
//! no file is transferred.

mod address;
mod arrival;
mod assignment;
mod bearer_token;
mod certificate_pin;
mod client;
mod dropped;
mod error;
pub(crate) mod http;
mod interface;
mod object_keys;
mod object_storage;
mod repeated_calls;
mod storage_exchange;
mod storage_transport;
mod text_transfer;

pub use address::StorageAddress;
pub(crate) use arrival::{CheckpointArrival, append, deliver, write_note};
pub(crate) use assignment::{Blobs, attempt_key, launch, make_assignment};
pub(crate) use bearer_token::random;
pub use bearer_token::{BearerToken, TokenError};
pub(crate) use client::CoordinatorClient;
pub use client::{AddressError, CoordinatorAddress};
pub(crate) use dropped::{dropped, read_json};
pub use error::{BackendError, ExchangeError, StorageError};
pub(crate) use interface::AttemptExchange;
pub(crate) use object_keys::{JobAssignment, ObjectKeys, tag_of};
pub(crate) use object_storage::ObjectStorage;
pub use repeated_calls::Note;
pub(crate) use repeated_calls::runtime;
pub use storage_exchange::StorageExchange;
pub(crate) use storage_transport::StorageTransport;
pub use text_transfer::{TextTransfer, fetch_text};
