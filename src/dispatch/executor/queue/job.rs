//! A job: what an engine is given for an attempt.

use std::io;
use std::path::{Path, PathBuf};

use crate::exchange::{held, tag_of};
use isoflop_core::run::{AttemptDir, write_whole};

/// What an engine is given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Job {
    /// By which it is found again: no two attempts have the same, and none is used twice. Letters, digits and dashes, at most 63,
    /// which every engine takes for a name.
    pub(super) tag: String,
    /// What to execute.
    pub(super) script: PathBuf,
    /// The attempt's folder.
    pub(super) folder: PathBuf,
    /// CPU threads that it uses.
    pub(super) threads: u32,
    /// What its script executes, one line for a shell, where that needs no file of this machine.
    pub(super) command: Option<String>,
}

impl Job {
    /// Writes the script of an attempt whose launch file is written. `isoflop` and `trainer` are the programs' whole paths.
    pub(super) fn write(
        attempt: &AttemptDir,
        threads: u32,
        isoflop: &Path,
        trainer: &Path,
    ) -> io::Result<Self> {
        let folder = std::path::absolute(attempt.root())?;
        let here = std::env::current_dir()?;
        let [here, isoflop, trainer, attempt_folder] =
            [&here, isoflop, trainer, folder.as_path()].map(quoted);
        let script = script(&format!(
            "cd {here} && exec {isoflop} attempt {attempt_folder} --trainer {trainer}"
        ));
        write_whole(&attempt.job(), script.as_bytes())?;
        Ok(Self {
            tag: tag(attempt)?,
            script: std::path::absolute(attempt.job())?,
            folder,
            threads,
            command: None,
        })
    }

    /// Writes the script of an attempt that is executed by a command which needs no file of this machine.
    pub(super) fn by_command(
        attempt: &AttemptDir,
        threads: u32,
        command: String,
    ) -> io::Result<Self> {
        write_whole(
            &attempt.job(),
            script(&format!("exec {command}")).as_bytes(),
        )?;
        let (folder, script) = (
            std::path::absolute(attempt.root())?,
            std::path::absolute(attempt.job())?,
        );
        Ok(Self {
            tag: tag(attempt)?,
            script,
            folder,
            threads,
            command: Some(command),
        })
    }
}

/// A job's script. SIGUSR1 means the end of an attempt; before isoflop hears it, it would end the job without a word.
fn script(command: &str) -> String {
    format!(
        "#!/bin/sh\n# What an engine executes for this attempt. isoflop wrote it.\ntrap '' USR1\n{command}\n"
    )
}

/// The tag of an attempt.
///
/// # Errors
/// When its launch file cannot be read.
pub(super) fn tag(attempt: &AttemptDir) -> io::Result<String> {
    Ok(tag_of(&held(attempt)?))
}

/// A path as one word of a shell.
pub(super) fn quoted(path: &Path) -> String {
    format!("'{}'", path.display().to_string().replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_before_it_is_heard_ends_no_job() {
        let output = std::process::Command::new("sh")
            .args(["-c", &script("kill -USR1 $$; echo on")])
            .output()
            .unwrap();
        assert_eq!(String::from_utf8(output.stdout).unwrap(), "on\n");
    }

    #[test]
    fn a_path_is_one_word() {
        for path in ["/a b/c", "/it's", "/$HOME/`x`\"", "/ü\n"] {
            let command = format!("printf %s {}", quoted(Path::new(path)));
            let output = std::process::Command::new("sh")
                .args(["-c", &command])
                .output()
                .unwrap();
            assert_eq!(String::from_utf8(output.stdout).unwrap(), path);
        }
    }
}
