//! An attempt's exchange between coordinator and whoever executes it: what it needs goes there, what it brings comes back. Three ways:
//! a folder that both see, HTTPS from a worker to its coordinator, a bucket between a coordinator and its jobs.

mod address;
mod arrival;
mod bucket;
mod calls;
mod client;
mod depot;
pub(crate) mod http;
mod objects;
mod offer;
mod pin;
mod shelf;
mod text;
mod token;

pub use address::StorageAddress;
pub(crate) use arrival::{Arrival, append, deliver, note};
pub(crate) use bucket::{Bucket, get};
pub use calls::Note;
pub use client::{Address, AddressError};
pub(crate) use client::{CallError, Client};
pub use depot::{Depot, DepotTerms};
pub(crate) use objects::Objects;
pub use objects::StorageError;
pub(crate) use offer::{Blobs, Terms, held, offer};
pub(crate) use shelf::{Given, Shelf, tag_of};
pub use text::{Bringing, bring_text};
pub use token::{Token, TokenError};
