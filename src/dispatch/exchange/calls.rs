//! Calls to what may be away for a while: made again until there is an answer, and what is wrong said once; and what they run on.

use std::io;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::runtime::{Builder, Runtime};
use tracing::debug;

use super::ExchangeError;

/// A runtime of one thread, for programs that mostly wait.
///
/// # Errors
/// When the system does not let it be made.
pub(crate) fn runtime() -> io::Result<Runtime> {
    Builder::new_current_thread().enable_all().build()
}

/// Says something to who watches.
pub type Note = fn(&str);

/// Before a call is tried again: doubled each time, between these.
const PAUSE: [Duration; 2] = [Duration::from_millis(250), Duration::from_secs(5)];

/// Who is called, and what was said of it.
#[derive(Debug)]
pub(super) struct Calls {
    who: &'static str,
    note: Note,
    /// Why there was no answer to the last call, if there was none.
    trouble: Mutex<Option<String>>,
}

impl Calls {
    pub(super) fn new(who: &'static str, note: Note) -> Self {
        Self {
            who,
            note,
            trouble: Mutex::default(),
        }
    }

    /// Why there was no answer to the last call, if there was none.
    pub(super) fn silence(&self) -> Option<String> {
        self.trouble.lock().clone()
    }

    /// Calls again until there is an answer: what is asked for must not change by being heard twice.
    ///
    /// # Errors
    /// What would be the same again.
    pub(super) async fn persist<T, F>(
        &self,
        mut call: impl FnMut() -> F,
    ) -> Result<T, ExchangeError>
    where
        F: Future<Output = Result<T, ExchangeError>>,
    {
        let mut pause = PAUSE[0];
        loop {
            match call().await {
                Err(ExchangeError::Unanswered(reason)) => self.is_in_trouble(reason),
                answer => {
                    self.is_well();
                    return answer;
                }
            }
            tokio::time::sleep(pause).await;
            pause = PAUSE[1].min(2 * pause);
        }
    }

    /// Says why there is no answer, each reason once.
    fn is_in_trouble(&self, reason: String) {
        debug!(who = self.who, reason, "no answer: it is called again");
        let mut trouble = self.trouble.lock();
        if trouble.as_ref() != Some(&reason) {
            (self.note)(&format!(
                "{} does not answer; it is called again until it does: {reason}",
                self.who
            ));
            *trouble = Some(reason);
        }
    }

    fn is_well(&self) {
        if self.trouble.lock().take().is_some() {
            (self.note)(&format!("{} answers again", self.who));
        }
    }
}
