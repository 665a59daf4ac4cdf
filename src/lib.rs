//! A scaling-law experiment orchestrator: which architecture is the better buy, at
//! which compute, and how sure that is.
//!
//! ```text
//! sweep file --expand--> runs --dispatch--> trainer processes --outcomes--> tables --fit--> laws --draw--> report
//! ```
//!
//! Each arrow is one module and data flows one way. ARCHITECTURE.md holds the picture and the invariants.

pub mod arch;
pub mod cli;
pub mod coordinator;
pub mod data;
pub mod executor;
pub mod fit;
pub mod protocol;
pub mod report;
pub mod run;
pub mod store;
pub mod sweep;
pub mod table;
pub mod units;
pub mod worker;
