//! Commands of an engine.

use std::process::Stdio;

use tokio::process::Command;

use crate::exchange::BackendError;

/// Makes a command that is detached from the terminal.
pub(super) fn background_command(program: &str) -> Command {
    let mut command = Command::new(program);
    command.stdin(Stdio::null()).kill_on_drop(true);
    // Ctrl-C must reach only the coordinator.
    command.process_group(0);
    command
}

/// Runs a command, and returns its output.
///
/// # Errors
/// [`BackendError`]: it cannot be started, or exits with another code than 0.
pub(super) async fn run_command(mut command: Command, name: &str) -> Result<String, BackendError> {
    let output = command
        .output()
        .await
        .map_err(|e| BackendError::Unreachable(format!("cannot start `{name}`: {e}")))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let words = String::from_utf8_lossy(&output.stderr);
    let words = words.lines().rfind(|line| !line.trim().is_empty());
    let words = words.unwrap_or("it printed no error");
    Err(BackendError::Rejected(format!(
        "`{name}` failed ({}): {words}",
        output.status
    )))
}
