//! A batch: attempts that are given to Slurm together, as the tasks of one array.

use std::path::{Path, PathBuf};

use crate::exchange::BackendError;
use crate::executor::queue::job::{Job, quoted};

/// Begins the name of every array of ours.
const PREFIX: &str = "isoflop-";

/// Hexadecimal digits in a batch's name, which is a digest.
const DIGITS: usize = 24;

/// What is given to Slurm together. Its name follows from what it holds: the same jobs make the same batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Batch {
    pub(super) name: String,
    tasks: Vec<Task>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Task {
    tag: String,
    script: PathBuf,
    /// What the script executes, where that needs no file of this machine; not known of a batch that was read.
    command: Option<String>,
}

impl Batch {
    /// The batch of some jobs.
    ///
    /// # Errors
    /// [`BackendError::Unwritable`], when a job's path cannot stand on a line.
    pub(super) fn of(jobs: &[Job]) -> Result<Self, BackendError> {
        let no_line = |path: &str| path.contains(['\n', '\r']);
        let unfit = |job: &&Job| job.script.to_str().is_none_or(no_line);
        if let Some(job) = jobs.iter().find(unfit) {
            let script = job.script.display();
            let words = format!("`{script}` has a path that cannot stand on a line of text");
            return Err(BackendError::Unwritable(words));
        }
        let task = |job: &Job| Task {
            tag: job.tag.clone(),
            script: job.script.clone(),
            command: job.command.clone(),
        };
        let tasks: Vec<Task> = jobs.iter().map(task).collect();
        let digest = blake3::hash(text(&tasks).as_bytes()).to_hex();
        Ok(Self {
            name: format!("{PREFIX}{}", &digest[..DIGITS]),
            tasks,
        })
    }

    /// The batch that its manifest tells of; nothing if that is none.
    pub(super) fn read(name: &str, manifest: &str) -> Option<Self> {
        let task = |line: &str| {
            let (tag, script) = line.split_once('\t')?;
            Some(Task {
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

    /// Its manifest: one line a task, its tag and its script.
    pub(super) fn manifest(&self) -> String {
        text(&self.tasks)
    }

    /// What Slurm executes for every task, with a manifest that lies there.
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
        // The script on the task's line.
        format!(
            "{head}line=$(sed -n \"$((SLURM_ARRAY_TASK_ID + 1))p\" {})\nexec sh \"${{line#*\t}}\"\n",
            quoted(manifest)
        )
    }

    /// Whether its tasks need no file of this machine.
    pub(super) fn is_by_command(&self) -> bool {
        self.tasks.iter().all(|task| task.command.is_some())
    }

    pub(super) fn tag(&self, task: usize) -> Option<&str> {
        Some(&self.tasks.get(task)?.tag)
    }

    /// The task of a tag.
    pub(super) fn task(&self, tag: &str) -> Option<usize> {
        self.tasks.iter().position(|task| task.tag == tag)
    }

    /// The folders of its attempts.
    pub(super) fn folders(&self) -> impl Iterator<Item = &Path> {
        self.tasks.iter().filter_map(|task| task.script.parent())
    }
}

fn text(tasks: &[Task]) -> String {
    let line = |task: &Task| format!("{}\t{}\n", task.tag, task.script.display());
    tasks.iter().map(line).collect()
}

/// Whether an array of this name may be ours: it is no path, and nothing of other people's.
pub(super) fn is_ours(name: &str) -> bool {
    let digest = name.strip_prefix(PREFIX).unwrap_or_default();
    digest.len() == DIGITS && digest.bytes().all(|byte| byte.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job(tag: &str, script: &Path) -> Job {
        let folder = script.parent().unwrap().to_owned();
        Job {
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
        let batch = Batch::of(&jobs).unwrap();
        assert!(is_ours(&batch.name) && batch.name.len() <= 63);
        assert_eq!(
            Batch::read(&batch.name, &batch.manifest()),
            Some(batch.clone())
        );
        assert_eq!(
            (batch.task("isoflop-b-1-f"), batch.tag(1), batch.tag(2)),
            (Some(1), Some("isoflop-b-1-f"), None)
        );
        assert_eq!(Batch::of(&jobs), Ok(batch.clone()));
        assert_ne!(Batch::of(&jobs[..1]).unwrap().name, batch.name);
        assert_eq!(Batch::read("isoflop-1", "torn"), None);
        assert!(Batch::of(&[job("t", Path::new("/r/a\nb/job.sh"))]).is_err());
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

    /// Whatever the paths are, each task executes its own script.
    #[test]
    fn every_task_executes_its_script() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("it's $HOME `x`");
        std::fs::create_dir_all(&root).unwrap();
        let jobs: Vec<Job> = (0..3)
            .map(|i| job(&format!("t{i}"), &root.join(format!("job {i}.sh"))))
            .collect();
        for (i, job) in jobs.iter().enumerate() {
            std::fs::write(&job.script, format!("echo {i}\n")).unwrap();
        }
        let (manifest, script) = (root.join("tasks.txt"), root.join("job.sh"));
        std::fs::write(&manifest, Batch::of(&jobs).unwrap().manifest()).unwrap();
        std::fs::write(&script, Batch::of(&jobs).unwrap().script(&manifest)).unwrap();
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
