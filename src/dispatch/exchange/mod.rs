//! An attempt's exchange between coordinator and whoever executes it: what it needs goes there, what it brings comes back. Three ways:
//! HTTPS from a worker to its coordinator, a bucket between a coordinator and its jobs, and a folder that both see, in which nothing is
//! exchanged: the trainer writes where the coordinator reads.

mod address;
mod arrival;
mod bucket;
mod calls;
mod client;
mod depot;
mod dropped;
mod error;
pub(crate) mod http;
mod interface;
mod objects;
mod offer;
mod pin;
mod shelf;
mod text;
mod token;

pub use address::StorageAddress;
pub(crate) use arrival::{Arrival, append, deliver, note};
pub(crate) use bucket::Bucket;
pub use calls::Note;
pub(crate) use calls::runtime;
pub(crate) use client::Client;
pub use client::{Address, AddressError};
pub use depot::Depot;
pub(crate) use dropped::{dropped, read_json};
pub use error::{BackendError, ExchangeError, StorageError};
pub(crate) use interface::Exchange;
pub(crate) use objects::Objects;
pub(crate) use offer::{Blobs, held, launch, offer};
pub(crate) use shelf::{Given, Shelf, tag_of};
pub use text::{Bringing, bring_text};
pub(crate) use token::random;
pub use token::{Token, TokenError};
