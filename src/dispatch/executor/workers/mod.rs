//! Executor for isoflop's own workers, on machines without a shared file system. Workers send
//! requests, and the coordinator responds. `lease_table.rs` decides which worker gets which
//! attempt. docs/workers.md describes the protocol.

mod authentication;
mod certificate;
mod connection_limit;
mod files;
mod lease_service;
mod lease_table;
mod pool;
mod request_error;
mod server;
mod tokens;
mod unknown_callers;

pub use certificate::{CertificateError, CertificateFiles, ServerIdentity, make_certificate};
pub use pool::WorkerPool;
pub use server::WorkerServer;
pub use tokens::{TokensError, WorkerTokens, write_secret};
