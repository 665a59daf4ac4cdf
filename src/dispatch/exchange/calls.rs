//! Calls to what may be away for a while: made again until there is an answer, and what is wrong said once.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Says something to who watches.
pub type Note = fn(&str);

/// Before a call is tried again: doubled each time, between these.
const PAUSE: [Duration; 2] = [Duration::from_millis(250), Duration::from_secs(5)];

/// Why a call brought nothing.
pub(crate) trait CallFailure: Sized {
    /// Why there was no answer, where another call may find one.
    ///
    /// # Errors
    /// The failure itself, where it would be the same again.
    fn unanswered(self) -> Result<String, Self>;
}

/// Who is called, and what was said of it.
#[derive(Debug)]
pub(crate) struct Calls {
    who: &'static str,
    note: Note,
    /// Why there was no answer to the last call, if there was none.
    trouble: Mutex<Option<String>>,
}

impl Calls {
    pub(crate) fn new(who: &'static str, note: Note) -> Self {
        Self {
            who,
            note,
            trouble: Mutex::default(),
        }
    }

    /// Why there was no answer to the last call, if there was none.
    pub(crate) fn silence(&self) -> Option<String> {
        self.trouble
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Calls again until there is an answer: what is asked for must not change by being heard twice.
    ///
    /// # Errors
    /// What would be the same again.
    pub(crate) async fn persist<T, E, F>(&self, mut call: impl FnMut() -> F) -> Result<T, E>
    where
        E: CallFailure,
        F: Future<Output = Result<T, E>>,
    {
        let mut pause = PAUSE[0];
        loop {
            let failed = match call().await {
                Ok(answer) => {
                    self.is_well();
                    return Ok(answer);
                }
                Err(failure) => failure.unanswered(),
            };
            match failed {
                Ok(reason) => self.is_in_trouble(reason),
                Err(refused) => {
                    self.is_well();
                    return Err(refused);
                }
            }
            tokio::time::sleep(pause).await;
            pause = PAUSE[1].min(2 * pause);
        }
    }

    /// Says why there is no answer, each reason once.
    fn is_in_trouble(&self, reason: String) {
        let mut trouble = self.trouble.lock().unwrap_or_else(PoisonError::into_inner);
        if trouble.as_ref() != Some(&reason) {
            (self.note)(&format!(
                "{} does not answer; it is called again until it does: {reason}",
                self.who
            ));
            *trouble = Some(reason);
        }
    }

    fn is_well(&self) {
        if self
            .trouble
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
            .is_some()
        {
            (self.note)(&format!("{} answers again", self.who));
        }
    }
}
