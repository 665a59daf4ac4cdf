//! Retries of calls to another machine until there is a response, and the runtime for them.

use std::io;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::runtime::{Builder, Runtime};
use tracing::debug;

use super::ExchangeError;

/// Makes a runtime with one thread, for programs that mostly wait.
///
/// # Errors
/// When the system cannot create it.
pub(crate) fn runtime() -> io::Result<Runtime> {
    Builder::new_current_thread().enable_all().build()
}

/// Prints a message for the user.
pub type Note = fn(&str);

/// First and longest pause before a retry. Each pause is twice the one before.
const PAUSE: [Duration; 2] = [Duration::from_millis(250), Duration::from_secs(5)];

/// Calls to one machine, and their last failure.
#[derive(Debug)]
pub(super) struct RepeatedCalls {
    who: &'static str,
    note: Note,
    /// Reason why the last call got no response, if it got none.
    trouble: Mutex<Option<String>>,
}

impl RepeatedCalls {
    pub(super) fn new(who: &'static str, note: Note) -> Self {
        Self {
            who,
            note,
            trouble: Mutex::default(),
        }
    }

    /// Reason why the last call got no response, if it got none.
    pub(super) fn last_failure(&self) -> Option<String> {
        self.trouble.lock().clone()
    }

    /// Repeats a call until there is a response. The call must be idempotent.
    ///
    /// # Errors
    /// Errors that a retry would not change.
    pub(super) async fn retry<T, F>(&self, mut call: impl FnMut() -> F) -> Result<T, ExchangeError>
    where
        F: Future<Output = Result<T, ExchangeError>>,
    {
        let mut pause = PAUSE[0];
        loop {
            match call().await {
                Err(ExchangeError::NoResponse(reason)) => self.report_failure(reason),
                answer => {
                    self.report_success();
                    return answer;
                }
            }
            tokio::time::sleep(pause).await;
            pause = PAUSE[1].min(2 * pause);
        }
    }

    /// Reports the reason for a missing response, unless it is the one reported last.
    fn report_failure(&self, reason: String) {
        debug!(who = self.who, reason, "no response: retrying");
        let mut trouble = self.trouble.lock();
        if trouble.as_ref() != Some(&reason) {
            (self.note)(&format!("{} does not answer, retrying: {reason}", self.who));
            *trouble = Some(reason);
        }
    }

    fn report_success(&self) {
        if self.trouble.lock().take().is_some() {
            (self.note)(&format!("{} answers again", self.who));
        }
    }
}
