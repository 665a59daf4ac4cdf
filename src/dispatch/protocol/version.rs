//! What both sides must have in common.

use isoflop_core::run::SPEC_VERSION;

/// Version of the words that pass between them: changed with every change that the other side would not understand.
const PROTOCOL: u32 = 1;

/// The header in which a worker says which [`version`] it speaks, in every request.
pub const VERSION_HEADER: &str = "isoflop-protocol";

/// The hint for two machines with different versions.
pub const SAME_ISOFLOP: &str = "install the same isoflop on both machines";

/// What both sides must have in common: the words, and what a run is.
pub fn version() -> String {
    format!("{PROTOCOL}.{SPEC_VERSION}")
}
