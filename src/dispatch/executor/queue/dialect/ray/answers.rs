//! What Ray answers. Fields that are not known here are passed over.

use reqwest::StatusCode;
use serde::Deserialize;
use tracing::debug;

use crate::exchange::{BackendError, dropped};
use isoflop_core::run::Fate;

/// An answer, whatever it says.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) text: String,
}

impl Answer {
    /// What it says, in one line: the last of a traceback tells the reason.
    pub(super) fn words(&self) -> String {
        let status = self.status.as_u16();
        match last_line(&self.text) {
            Some(line) => format!("answers {status}: {}", short(line)),
            None => format!("answers {status}, and says nothing"),
        }
    }
}

/// A job, as Ray tells of it. Drivers that nobody submitted have no name.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct RayJob {
    #[serde(default)]
    pub(super) submission_id: Option<String>,
    pub(super) status: State,
    #[serde(default)]
    message: Option<String>,
}

/// What a job does. A word that is not known here is no end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub(super) enum State {
    /// It waits for room.
    Pending,
    /// It has ended well.
    Succeeded,
    /// It has ended otherwise, or never began.
    Failed,
    /// Someone has ended it.
    Stopped,
    /// It runs.
    #[serde(other)]
    Running,
}

impl RayJob {
    /// What became of a job that is over and has left no word itself; nothing where Ray knows no more than that.
    pub(super) fn fate(&self) -> Option<Fate> {
        let message = self.message.as_deref().unwrap_or_default();
        match self.status {
            State::Stopped => Some(Fate::TakenBack("Ray was asked to stop it".to_owned())),
            // Ray gives up what has waited for RAY_JOB_START_TIMEOUT_SECONDS.
            State::Failed if message.contains("failed to start within") => Some(Fate::TakenBack(
                short(message.lines().next().unwrap_or_default()),
            )),
            State::Failed => Some(Fate::Told(format!("Ray says: {}", reason(message)))),
            State::Pending | State::Running | State::Succeeded => None,
        }
    }
}

/// Whether Ray has taken a job.
///
/// # Errors
/// [`BackendError`]: what it says instead, and what can be done about it.
pub(super) fn taken(answer: &Answer, tag: &str) -> Result<(), BackendError> {
    #[derive(Deserialize)]
    struct Taken {
        submission_id: String,
    }
    let Answer { status, text } = answer;
    if status.is_success() {
        return match serde_json::from_str(text) {
            Ok(Taken { submission_id }) if submission_id == tag => Ok(()),
            _ => Err(BackendError::Malformed(format!(
                "{}, which Ray's Jobs API does not say: is that its dashboard's address?",
                answer.words()
            ))),
        };
    }
    // It was given twice: Ray has it.
    if text.contains("already exists") && text.contains(tag) {
        return Ok(());
    }
    let words = answer.words();
    Err(BackendError::Rejected(match *status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
            format!("{words}; `token_file` must hold the token that Ray was started with")
        }
        StatusCode::NOT_FOUND => {
            format!("{words}; is that its dashboard's address, and is it `ray[default]`?")
        }
        _ => words,
    }))
}

/// The jobs that Ray lists.
///
/// # Errors
/// [`BackendError`]: what it says instead.
pub(super) fn jobs(answer: &Answer) -> Result<Vec<RayJob>, BackendError> {
    if !answer.status.is_success() {
        return Err(BackendError::Rejected(answer.words()));
    }
    serde_json::from_str(&answer.text).map_err(|_| BackendError::Malformed(answer.words()))
}

/// One job, if Ray tells of it.
pub(super) fn one_job(answer: &Answer) -> Option<RayJob> {
    if !answer.status.is_success() {
        debug!(answer = answer.words(), "Ray does not tell of a job");
        return None;
    }
    let job = serde_json::from_str(&answer.text);
    dropped(job, "Ray tells of a job what is not understood")
}

/// Why a job failed: what Ray says, and the last that the job printed, which it appends.
fn reason(message: &str) -> String {
    let (first, rest) = message.split_once('\n').unwrap_or((message, ""));
    let first = first
        .split(", last available logs")
        .next()
        .filter(|words| !words.is_empty());
    let first = first.unwrap_or("it failed, and it is not known why");
    match last_line(rest).filter(|line| !line.contains("Running entrypoint for job")) {
        Some(last) => format!("{}: {}", short(first), short(last)),
        None => short(first),
    }
}

/// The last line that says something: Ray ends a traceback within a sentence with a full stop of its own.
fn last_line(text: &str) -> Option<&str> {
    text.lines()
        .map(str::trim)
        .rfind(|line| line.chars().count() > 1)
}

/// As much of a line as fits into a message.
fn short(line: &str) -> String {
    const MOST: usize = 200;
    let line = line.trim();
    match line.char_indices().nth(MOST) {
        Some((end, _)) => format!("{}...", &line[..end]),
        None => line.to_owned(),
    }
}
