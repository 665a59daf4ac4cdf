//! Responses of Ray. Unknown fields are ignored.

use reqwest::StatusCode;
use serde::Deserialize;
use tracing::debug;

use crate::exchange::{BackendError, dropped};
use isoflop_core::run::TerminationReason;

/// HTTP response of Ray.
#[derive(Clone, Debug)]
pub(super) struct RayResponse {
    pub(super) status: StatusCode,
    pub(super) text: String,
}

impl RayResponse {
    /// Message of the response, on one line. Of a traceback, the last line gives the reason.
    pub(super) fn words(&self) -> String {
        let status = self.status.as_u16();
        match last_line(&self.text) {
            Some(line) => format!("returned HTTP {status}: {}", short(line)),
            None => format!("returned HTTP {status} without a message"),
        }
    }
}

/// A job, as reported by Ray. Drivers that were not submitted as jobs have no name.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct RayJob {
    #[serde(default)]
    pub(super) submission_id: Option<String>,
    pub(super) status: RayState,
    #[serde(default)]
    message: Option<String>,
}

/// Status of a job. An unknown status counts as running.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub(super) enum RayState {
    /// Waiting for resources.
    Pending,
    /// Ended with success.
    Succeeded,
    /// Ended with a failure, or never started.
    Failed,
    /// Stopped on request.
    Stopped,
    /// Running.
    #[serde(other)]
    Running,
}

impl RayJob {
    /// Termination reason of a job that has ended without writing its end. `None` if Ray reports
    /// none.
    pub(super) fn fate(&self) -> Option<TerminationReason> {
        let message = self.message.as_deref().unwrap_or_default();
        match self.status {
            RayState::Stopped => Some(TerminationReason::TakenBack(
                "Ray was asked to stop it".to_owned(),
            )),
            // Ray ends jobs that have waited for RAY_JOB_START_TIMEOUT_SECONDS.
            RayState::Failed if message.contains("failed to start within") => Some(
                TerminationReason::TakenBack(short(message.lines().next().unwrap_or_default())),
            ),
            RayState::Failed => Some(TerminationReason::Told(format!(
                "Ray reports: {}",
                reason(message)
            ))),
            RayState::Pending | RayState::Running | RayState::Succeeded => None,
        }
    }
}

/// Checks that Ray has accepted a job.
///
/// # Errors
/// [`BackendError`], with Ray's message and a hint.
pub(super) fn taken(answer: &RayResponse, tag: &str) -> Result<(), BackendError> {
    #[derive(Deserialize)]
    struct SubmittedJob {
        submission_id: String,
    }
    let RayResponse { status, text } = answer;
    if status.is_success() {
        return match serde_json::from_str(text) {
            Ok(SubmittedJob { submission_id }) if submission_id == tag => Ok(()),
            _ => Err(BackendError::Malformed(format!(
                "{}, which is not a response of Ray's Jobs API; check that `address` is that of Ray's dashboard",
                answer.words()
            ))),
        };
    }
    // Submitted twice: Ray has the job.
    if text.contains("already exists") && text.contains(tag) {
        return Ok(());
    }
    let words = answer.words();
    Err(BackendError::Rejected(match *status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
            format!("{words}; `token_file` must contain the token that Ray was started with")
        }
        StatusCode::NOT_FOUND => {
            format!(
                "{words}; check that `address` is that of Ray's dashboard, and that Ray is installed as `ray[default]`"
            )
        }
        _ => words,
    }))
}

/// Parses a list of jobs.
///
/// # Errors
/// [`BackendError`], with Ray's message.
pub(super) fn jobs(answer: &RayResponse) -> Result<Vec<RayJob>, BackendError> {
    if !answer.status.is_success() {
        return Err(BackendError::Rejected(answer.words()));
    }
    serde_json::from_str(&answer.text).map_err(|_| BackendError::Malformed(answer.words()))
}

/// Parses one job. `None` if Ray does not report it.
pub(super) fn one_job(answer: &RayResponse) -> Option<RayJob> {
    if !answer.status.is_success() {
        debug!(answer = answer.words(), "Ray does not report a job");
        return None;
    }
    let job = serde_json::from_str(&answer.text);
    dropped(job, "cannot parse Ray's report of a job")
}

/// Reason for a failed job: Ray's message, and the last line that the job printed.
fn reason(message: &str) -> String {
    let (first, rest) = message.split_once('\n').unwrap_or((message, ""));
    let first = first
        .split(", last available logs")
        .next()
        .filter(|words| !words.is_empty());
    let first = first.unwrap_or("it failed for an unknown reason");
    match last_line(rest).filter(|line| !line.contains("Running entrypoint for job")) {
        Some(last) => format!("{}: {}", short(first), short(last)),
        None => short(first),
    }
}

/// Last line of more than one character. Ray prints a full stop on its own line after a traceback.
fn last_line(text: &str) -> Option<&str> {
    text.lines()
        .map(str::trim)
        .rfind(|line| line.chars().count() > 1)
}

/// Shortens a line for a message.
fn short(line: &str) -> String {
    const MOST: usize = 200;
    let line = line.trim();
    match line.char_indices().nth(MOST) {
        Some((end, _)) => format!("{}...", &line[..end]),
        None => line.to_owned(),
    }
}
