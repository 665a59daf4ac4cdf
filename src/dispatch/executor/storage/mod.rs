//! Attempts that are exchanged by way of a storage, where engine and coordinator share no file system, and text that lies in one.
//! docs/storage.md has the order of things.

mod address;
mod depot;
mod objects;
mod shelf;
mod text;

pub use address::StorageAddress;
pub use depot::{Depot, DepotTerms};
pub(crate) use objects::Objects;
pub use objects::StorageError;
pub(crate) use shelf::{Given, Shelf, Told, tag_of, tokens};
pub use text::{Bringing, bring_text};
