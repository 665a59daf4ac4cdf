//! Who is told what there is to say beside a result.

use isoflop_dispatch::exchange::{Bringing, Note};

/// Is told what a use case has to say while it works: a terminal prints it, a page lists it.
pub trait Listener {
    /// Takes a line about the work.
    fn note(&mut self, text: &str);
    /// Takes something that the user may want to know.
    fn remark(&mut self, text: &str);
    /// Takes something that the user should look at.
    fn warning(&mut self, text: &str);
    /// Hears how much of a text has come from a bucket, bytes.
    fn fetching(&mut self, text: &str, at: Bringing);
    /// Hears how many runs of how many were looked at, to import them.
    fn importing(&mut self, done: usize, total: usize);
    /// The function that is told, from any thread, why a call to a storage waits.
    fn calls(&self) -> Note;
}

/// Listens to nothing: for callers that want the result alone.
#[derive(Clone, Copy, Debug)]
pub struct Deaf;

impl Listener for Deaf {
    fn note(&mut self, _: &str) {}
    fn remark(&mut self, _: &str) {}
    fn warning(&mut self, _: &str) {}
    fn fetching(&mut self, _: &str, _: Bringing) {}
    fn importing(&mut self, _: usize, _: usize) {}
    fn calls(&self) -> Note {
        |_| {}
    }
}
