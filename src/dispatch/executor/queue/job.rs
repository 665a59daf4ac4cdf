//! A job: what an engine is given for an attempt.

use std::io;
use std::path::{Path, PathBuf};

use crate::exchange::{Depot, held, tag_of};
use crate::executor::Trainer;
use isoflop_core::run::{AttemptDir, write_whole};

/// What an engine is given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Job {
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

/// How a job comes by its files.
#[derive(Debug)]
pub enum JobFiles {
    /// It sees this machine's; the programs are named by whole paths.
    Shared {
        /// `isoflop`.
        isoflop: PathBuf,
        /// `isoflop-trainer`.
        trainer: PathBuf,
    },
    /// By a storage; the programs are those of the machine that trains.
    Stored(Depot),
}

impl JobFiles {
    /// This machine's files, by paths that other machines can use.
    ///
    /// # Errors
    /// When the programs have none.
    pub fn shared(trainer: &Trainer) -> io::Result<Self> {
        Ok(Self::Shared {
            isoflop: std::env::current_exe()?,
            trainer: std::path::absolute(trainer.program())?,
        })
    }

    /// The trainer's program.
    pub(super) fn trainer(&self) -> &Path {
        match self {
            Self::Shared { trainer, .. } => trainer,
            Self::Stored(_) => Path::new("isoflop-trainer"),
        }
    }
}

impl Job {
    /// Writes the script of an attempt whose launch file is written.
    pub(super) fn write(attempt: &AttemptDir, threads: u32, files: &JobFiles) -> io::Result<Self> {
        let (tag, folder) = (tag(attempt)?, std::path::absolute(attempt.root())?);
        let (line, command) = match files {
            JobFiles::Stored(depot) => {
                let command = depot.command(&tag);
                (format!("exec {command}"), Some(command))
            }
            JobFiles::Shared { isoflop, trainer } => {
                let here = std::env::current_dir()?;
                let [here, isoflop, trainer, folder] =
                    [&here, isoflop, trainer, &folder].map(|path| quoted(path));
                let attempt = format!("attempt {folder} --trainer {trainer}");
                (format!("cd {here} && exec {isoflop} {attempt}"), None)
            }
        };
        write_whole(&attempt.job(), script(&line).as_bytes())?;
        Ok(Self {
            tag,
            script: std::path::absolute(attempt.job())?,
            folder,
            threads,
            command,
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
