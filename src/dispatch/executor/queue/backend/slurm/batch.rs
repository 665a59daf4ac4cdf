//! Batches: attempts that are submitted to Slurm together, as the tasks of one array.

use std::path::{Path, PathBuf};

use crate::exchange::BackendError;
use crate::executor::queue::job::{QueueJob, quoted};

/// Prefix of the names of isoflop's arrays.
const PREFIX: &str = "isoflop-";

/// Hexadecimal digits in a batch's name, which is a digest.
const DIGITS: usize = 24;

/// Jobs that are submitted as one array. The name is a digest of the content: the same jobs make
/// the same batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SlurmBatch {
    pub(super) name: String,
    tasks: Vec<SlurmTask>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct SlurmTask {
    tag: String,
    script: PathBuf,
    /// Shell command of the script. `None` if the script needs files of this machine, or the batch
    /// was read from a manifest.
    command: Option<String>,
}

impl SlurmBatch {
    /// Makes a batch of jobs.
    ///
    /// # Errors
    /// [`BackendError::Unwritable`], if a job's path is not UTF-8 or contains a line break.
    pub(super) fn of(jobs: &[QueueJob]) -> Result<Self, BackendError> {
        let no_line = |path: &str| path.contains(['\n', '\r']);
        let unfit = |job: &&QueueJob| job.script.to_str().is_none_or(no_line);
        if let Some(job) = jobs.iter().find(unfit) {
            let script = job.script.display();
            let words = format!("invalid path `{script}`: expected UTF-8 without line breaks");
            return Err(BackendError::Unwritable(words));
        }
        let task = |job: &QueueJob| SlurmTask {
            tag: job.tag.clone(),
            script: job.script.clone(),
            command: job.command.clone(),
        };
        let tasks: Vec<SlurmTask> = jobs.iter().map(task).collect();
        let digest = blake3::hash(text(&tasks).as_bytes()).to_hex();
        Ok(Self {
            name: format!("{PREFIX}{}", &digest[..DIGITS]),
            tasks,
        })
    }

    /// Reads a batch from its manifest. `None` if the manifest is invalid.
    pub(super) fn read(name: &str, manifest: &str) -> Option<Self> {
        let task = |line: &str| {
            let (tag, script) = line.split_once('\t')?;
            Some(SlurmTask {
                tag: tag.to_owned(),
                script: PathBuf::from(script),
                command: None,
            })
        };
        let tasks = manifest.lines().map(task).collect::<Option<_>>()?;
        Some(Self {
            name: name.to_owned(),
            tasks,
        })
    }

    /// Manifest of the batch: one line per task, with its tag and its script.
    pub(super) fn manifest(&self) -> String {
        text(&self.tasks)
    }

    /// Script that Slurm executes for every task. `manifest` is the path of the manifest.
    pub(super) fn script(&self, manifest: &Path) -> String {
        let head =
            "#!/bin/sh\n# What Slurm executes for each task of this array. isoflop wrote it.\n";
        if self.is_by_command() {
            let commands = self.tasks.iter().filter_map(|task| task.command.as_ref());
            let cases = commands.enumerate();
            let cases = cases.map(|(task, command)| format!("{task}) exec {command} ;;\n"));
            let cases: String = cases.collect();
            return format!("{head}case $SLURM_ARRAY_TASK_ID in\n{cases}esac\n");
        }
        // Executes the script on the task's line of the manifest.
        format!(
            "{head}line=$(sed -n \"$((SLURM_ARRAY_TASK_ID + 1))p\" {})\nexec sh \"${{line#*\t}}\"\n",
            quoted(manifest)
        )
    }

    /// Reports whether its tasks need no file of this machine.
    pub(super) fn is_by_command(&self) -> bool {
        self.tasks.iter().all(|task| task.command.is_some())
    }

    pub(super) fn tag(&self, task: usize) -> Option<&str> {
        Some(&self.tasks.get(task)?.tag)
    }

    /// Number of the task with a tag.
    pub(super) fn task(&self, tag: &str) -> Option<usize> {
        self.tasks.iter().position(|task| task.tag == tag)
    }

    /// Folders of the attempts.
    pub(super) fn folders(&self) -> impl Iterator<Item = &Path> {
        self.tasks.iter().filter_map(|task| task.script.parent())
    }
}

fn text(tasks: &[SlurmTask]) -> String {
    let line = |task: &SlurmTask| format!("{}\t{}\n", task.tag, task.script.display());
    tasks.iter().map(line).collect()
}

/// Reports whether a name has the form of isoflop's arrays. Such a name is not a path.
pub(super) fn is_ours(name: &str) -> bool {
    let digest = name.strip_prefix(PREFIX).unwrap_or_default();
    digest.len() == DIGITS && digest.bytes().all(|byte| byte.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job(tag: &str, script: &Path) -> QueueJob {
        let folder = script.parent().unwrap().to_owned();
        QueueJob {
            tag: tag.to_owned(),
            script: script.to_owned(),
            folder,
            threads: 1,
            command: None,
        }
    }

    #[test]
    fn a_batch_survives_its_manifest() {
        let jobs = [
            job("isoflop-a-1-f", Path::new("/r/a b/job.sh")),
            job("isoflop-b-1-f", Path::new("/r/it's/job.sh")),
        ];
        let batch = SlurmBatch::of(&jobs).unwrap();
        assert!(is_ours(&batch.name) && batch.name.len() <= 63);
        assert_eq!(
            SlurmBatch::read(&batch.name, &batch.manifest()),
            Some(batch.clone())
        );
        assert_eq!(
            (batch.task("isoflop-b-1-f"), batch.tag(1), batch.tag(2)),
            (Some(1), Some("isoflop-b-1-f"), None)
        );
        assert_eq!(SlurmBatch::of(&jobs), Ok(batch.clone()));
        assert_ne!(SlurmBatch::of(&jobs[..1]).unwrap().name, batch.name);
        assert_eq!(SlurmBatch::read("isoflop-1", "torn"), None);
        assert!(SlurmBatch::of(&[job("t", Path::new("/r/a\nb/job.sh"))]).is_err());
    }

    #[test]
    fn names_of_others_are_not_ours() {
        for name in [
            "isoflop-",
            "isoflop-../../../../etc/passwd00",
            "isoflop-5d6d7c9658b838cd-1-abc-1",
            "mine",
        ] {
            assert!(!is_ours(name), "{name}");
        }
    }

    /// Each task executes its own script, for any path.
    #[test]
    fn every_task_executes_its_script() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("it's $HOME `x`");
        std::fs::create_dir_all(&root).unwrap();
        let jobs: Vec<QueueJob> = (0..3)
            .map(|i| job(&format!("t{i}"), &root.join(format!("job {i}.sh"))))
            .collect();
        for (i, job) in jobs.iter().enumerate() {
            std::fs::write(&job.script, format!("echo {i}\n")).unwrap();
        }
        let (manifest, script) = (root.join("tasks.txt"), root.join("job.sh"));
        std::fs::write(&manifest, SlurmBatch::of(&jobs).unwrap().manifest()).unwrap();
        std::fs::write(&script, SlurmBatch::of(&jobs).unwrap().script(&manifest)).unwrap();
        for i in 0..3 {
            let task = std::process::Command::new("sh")
                .arg(&script)
                .env("SLURM_ARRAY_TASK_ID", i.to_string())
                .output();
            assert_eq!(
                String::from_utf8(task.unwrap().stdout).unwrap(),
                format!("{i}\n")
            );
        }
    }
}
