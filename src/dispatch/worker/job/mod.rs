//! One attempt that an engine executes, as `isoflop attempt` does it.

mod attend;
mod claim;
mod shared;
mod stored;

pub use attend::{JobAddress, attend};
pub use claim::Attended;
