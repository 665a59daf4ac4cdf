//! Receivers of notes, warnings and progress.

use isoflop_dispatch::exchange::{Note, TextTransfer};

/// Receives notes, warnings and progress of a use case. A terminal prints them; a web page lists
/// them.
pub trait Listener {
    /// Receives a line about the work.
    fn note(&mut self, text: &str);
    /// Receives a remark that may interest the user.
    fn remark(&mut self, text: &str);
    /// Receives a warning, which the user should check.
    fn warning(&mut self, text: &str);
    /// Receives the progress of downloading a text from a bucket, bytes.
    fn fetching(&mut self, text: &str, at: TextTransfer);
    /// Receives the progress of an import: runs checked, and runs in all.
    fn importing(&mut self, done: usize, total: usize);
    /// The function that receives, on any thread, the reason for which a call to a storage waits.
    fn storage_calls(&self) -> Note;
}

/// Ignores everything, for callers that need only the result.
#[derive(Clone, Copy, Debug)]
pub struct SilentListener;

impl Listener for SilentListener {
    fn note(&mut self, _: &str) {}
    fn remark(&mut self, _: &str) {}
    fn warning(&mut self, _: &str) {}
    fn fetching(&mut self, _: &str, _: TextTransfer) {}
    fn importing(&mut self, _: usize, _: usize) {}
    fn storage_calls(&self) -> Note {
        |_| {}
    }
}
