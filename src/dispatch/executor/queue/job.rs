//! Jobs of engines with a queue.

use std::io;
use std::path::{Path, PathBuf};

use crate::exchange::{StorageExchange, attempt_key, tag_of};
use crate::executor::TrainerProgram;
use isoflop_core::run::{AttemptDir, write_atomic};

/// Job for one attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct QueueJob {
    /// Unique tag, by which the job is identified. No tag is used twice. Letters, digits and
    /// dashes, at most 63, which every engine accepts as a name.
    pub(super) tag: String,
    /// Script to execute.
    pub(super) script: PathBuf,
    /// The attempt's folder.
    pub(super) folder: PathBuf,
    /// CPU threads of the job.
    pub(super) threads: u32,
    /// Shell command of the script, one line. `None` if the script needs files of this machine.
    pub(super) command: Option<String>,
}

/// Access of a job to its files.
#[derive(Debug)]
pub enum JobFiles {
    /// By a shared file system. The programs have absolute paths.
    Shared {
        /// `isoflop`.
        isoflop: PathBuf,
        /// `isoflop-trainer`.
        trainer: PathBuf,
    },
    /// By a storage. The programs are those of the machine that trains.
    Stored(StorageExchange),
}

impl JobFiles {
    /// Access by a shared file system, with absolute paths of the programs.
    ///
    /// # Errors
    /// When a program has no absolute path.
    pub fn shared(trainer: &TrainerProgram) -> io::Result<Self> {
        Ok(Self::Shared {
            isoflop: std::env::current_exe()?,
            trainer: std::path::absolute(trainer.program())?,
        })
    }

    /// Path of the trainer.
    pub(super) fn trainer(&self) -> &Path {
        match self {
            Self::Shared { trainer, .. } => trainer,
            Self::Stored(_) => Path::new("isoflop-trainer"),
        }
    }
}

impl QueueJob {
    /// Writes the script of an attempt, after its launch file.
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
        write_atomic(&attempt.job(), script(&line).as_bytes())?;
        Ok(Self {
            tag,
            script: std::path::absolute(attempt.job())?,
            folder,
            threads,
            command,
        })
    }
}

/// Script of a job. SIGUSR1 requests the end of an attempt. The script ignores it, because the
/// signal would otherwise kill the job before isoflop has installed its handler.
fn script(command: &str) -> String {
    format!(
        "#!/bin/sh\n# What an engine executes for this attempt. isoflop wrote it.\ntrap '' USR1\n{command}\n"
    )
}

/// Reads the tag of an attempt from its launch file.
///
/// # Errors
/// When its launch file cannot be read.
pub(super) fn tag(attempt: &AttemptDir) -> io::Result<String> {
    Ok(tag_of(&attempt_key(attempt)?))
}

/// Quotes a path for a shell.
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
