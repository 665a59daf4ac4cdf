//! Commands of an engine.

use std::process::Stdio;

use tokio::process::Command;

use crate::exchange::BackendError;

/// A command that hears nothing from the terminal.
pub(super) fn quiet(program: &str) -> Command {
    let mut command = Command::new(program);
    command.stdin(Stdio::null()).kill_on_drop(true);
    // The user's Ctrl-C is the coordinator's to answer.
    command.process_group(0);
    command
}

/// What a command printed.
///
/// # Errors
/// [`BackendError`]: it cannot be started, or exits with another code than 0.
pub(super) async fn said(mut command: Command, name: &str) -> Result<String, BackendError> {
    let output = command
        .output()
        .await
        .map_err(|e| BackendError::Unreachable(format!("`{name}` cannot be started: {e}")))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let words = String::from_utf8_lossy(&output.stderr);
    let words = words.lines().rfind(|line| !line.trim().is_empty());
    let words = words.unwrap_or("it said nothing");
    Err(BackendError::Rejected(format!(
        "`{name}` failed ({}): {words}",
        output.status
    )))
}
