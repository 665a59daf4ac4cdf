//! Commands of an engine.

use std::process::Stdio;

use tokio::process::Command;

/// A command that hears nothing from the terminal.
pub(super) fn quiet(program: &str) -> Command {
    let mut command = Command::new(program);
    command.stdin(Stdio::null()).kill_on_drop(true);
    // The user's Ctrl-C is the coordinator's to answer.
    command.process_group(0);
    command
}

/// What a command printed, or how it failed.
pub(super) async fn said(mut command: Command, name: &str) -> Result<String, String> {
    let output = command
        .output()
        .await
        .map_err(|e| format!("`{name}` cannot be started: {e}"))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let words = String::from_utf8_lossy(&output.stderr);
    let words = words
        .lines()
        .rev()
        .find(|line| !line.trim().is_empty())
        .unwrap_or("it said nothing")
        .to_owned();
    Err(format!("`{name}` failed ({}): {words}", output.status))
}
