//! Workers of our own, on machines that share nothing with this one: they call, this side answers. What waits for a worker and who
//! holds what is `office.rs`; docs/workers.md has the order of things.

mod anteroom;
mod certificate;
mod desk;
mod door;
mod failure;
mod files;
mod office;
mod pool;
mod server;
mod strangers;
mod tokens;

pub use certificate::{CertificateError, Identity, Made, make_certificate};
pub use pool::Workers;
pub use server::Counter;
pub use tokens::{Tokens, TokensError, write_secret};
