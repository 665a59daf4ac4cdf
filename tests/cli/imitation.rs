//! `executor: slurm` before an imitation of Slurm's commands, which says what a real one says at rare times. tests/cli/slurm.rs has a
//! real one.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use crate::queue::{LOCAL, attempts};
use crate::sandbox::{Ran, Sandbox};

/// Tasks of an array are executed one after another; a file in `queue` is there as long as one is known. With `loses`, they are never
/// begun. `accounts` is what `sacct` says of every task of an array.
const SBATCH: &str = r#"#!/bin/sh
[ -e refuses ] && { echo "sbatch: error: Batch job submission failed: Invalid account or account/partition combination specified" >&2; exit 1; }
echo "$*" >> submitted
for word; do
  case $word in --job-name=*) name=${word#*=} ;; --array=0-*) last=${word#*-*-*-} ;; esac
done
[ -e "results/sweep/batches/$name/tasks.txt" ] || { echo "sbatch: error: no manifest" >&2; exit 1; }
array=$(wc -l < submitted)
echo "$name $array $last" >> arrays
[ -e loses ] && exit 0
mkdir -p queue
for task in $(seq 0 "$last"); do : > "queue/$name|$array|$task"; done
for task in $(seq 0 "$last"); do
  SLURM_ARRAY_TASK_ID=$task sh "$word" < /dev/null; rm "queue/$name|$array|$task"
done > said 2>&1 &
"#;

const SQUEUE: &str = "#!/bin/sh\n[ -e queue ] || exit 0\nls queue\n";

const SACCT: &str = r#"#!/bin/sh
[ -e accounts ] || { echo "Slurm accounting storage is disabled" >&2; exit 1; }
while read -r name array last; do
  case "$*" in *"$name"*) for task in $(seq 0 "$last"); do echo "$name|${array}_$task|$(cat accounts)"; done ;; esac
done < arrays
[ -e once ] && rm once loses
exit 0
"#;

const EXECUTOR: &str = "  slurm:
    time: 60
";

/// The sweep before the imitation.
fn imitated() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.edit(LOCAL, EXECUTOR);
    sandbox.policy(&["retry_seconds: 0", "max_attempts: 2"]);
    sandbox.queue(&["poll_seconds: 0.1", "grace_seconds: 0.2"]);
    fs::create_dir(sandbox.path("bin")).unwrap();
    for (name, script) in [
        ("sbatch", SBATCH),
        ("squeue", SQUEUE),
        ("sacct", SACCT),
        ("scancel", "#!/bin/sh\n"),
    ] {
        let file = format!("bin/{name}");
        sandbox.write(&file, script);
        fs::set_permissions(sandbox.path(&file), fs::Permissions::from_mode(0o755)).unwrap();
    }
    sandbox
}

fn before(sandbox: &Sandbox, arguments: &[&str]) -> Ran {
    let path = format!(
        "{}:{}",
        sandbox.path("bin").display(),
        std::env::var("PATH").unwrap()
    );
    ran(sandbox
        .command(arguments)
        .env("PATH", path)
        .env("SQUEUE_STATES", "RUNNING"))
}

fn ran(command: &mut Command) -> Ran {
    Ran::of(&command.output().unwrap())
}

/// Runs that are submitted at once are one array, and nothing of it is left when all is over.
#[test]
fn runs_are_tasks_of_one_array() {
    let (sandbox, local) = (imitated(), Sandbox::new());
    local.ok(&["run", "sweep.yaml"]);
    let ran = before(&sandbox, &["run", "sweep.yaml"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert_eq!(sandbox.losses("results"), local.losses("results"));
    assert_eq!(attempts(&sandbox), [1; 8]);
    let submitted = fs::read_to_string(sandbox.path("submitted")).unwrap();
    assert_eq!(submitted.lines().count(), 1, "{submitted}");
    assert!(submitted.contains("--array=0-7 "), "{submitted}");
    let again = before(&sandbox, &["run", "sweep.yaml"]);
    assert_eq!(again.code, 0, "{}", again.err);
}

/// A job that is gone is explained where there are accounts, and judged by how it ended.
#[test]
fn what_slurm_says_of_lost_jobs() {
    let mut said = String::new();
    for (accounts, attempted) in [
        ("", [2; 4]),
        ("TIMEOUT|0:0", [2; 4]),
        ("NODE_FAIL|1:0", [2; 4]),
        ("FAILED|127:0", [2; 4]),
        ("CANCELLED by 0|0:0", [2; 4]),
        ("RUNNING|0:0", [2; 4]),
        // Once more in smaller passes, and no more.
        ("OUT_OF_MEMORY|0:125", [2; 4]),
    ] {
        let sandbox = imitated();
        sandbox.edit("[d12-l2, d16-l2]", "[d12-l2]");
        sandbox.write("loses", "");
        if !accounts.is_empty() {
            sandbox.write("accounts", accounts);
        }
        let ran = before(&sandbox, &["run", "sweep.yaml"]);
        assert_eq!(ran.code, 4, "{}", ran.err);
        assert_eq!(attempts(&sandbox), attempted, "{accounts}");
        let line = ran
            .err
            .lines()
            .rev()
            .find(|line| line.contains("attempts:"))
            .unwrap_or(&ran.err);
        let accounts = if accounts.is_empty() {
            "no accounts"
        } else {
            accounts
        };
        said += &format!("{accounts}\n  {line}\n");
    }
    insta::assert_snapshot!(said);
}

/// Jobs that were preempted before they could say so: no crash.
#[test]
fn preempted_jobs_do_not_crash() {
    let sandbox = imitated();
    sandbox.edit("max_attempts: 2", "max_attempts: 1");
    for file in ["loses", "once"] {
        sandbox.write(file, "");
    }
    sandbox.write("accounts", "PREEMPTED|0:0");
    let ran = before(&sandbox, &["run", "sweep.yaml"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert_eq!(attempts(&sandbox), [2; 8]);
}

#[test]
fn what_slurm_refuses() {
    let sandbox = imitated();
    sandbox.write("refuses", "");
    let refused = before(&sandbox, &["run", "sweep.yaml"]);
    let missing = ran(sandbox
        .command(&["run", "sweep.yaml"])
        .env("PATH", sandbox.path("nowhere")));
    let mut said = String::new();
    for ran in [refused, missing] {
        assert_eq!(ran.code, 4, "{}", ran.err);
        said += &ran.err[ran.err.find("error: the sweep").unwrap()..];
    }
    for (from, to) in [
        ("time: 60", "time: 1h"),
        ("time: 60", "time: 0"),
        ("time: 60", "partition: gpu"),
        ("time: 60", "time: 2"),
        ("time: 60", "time: 10\n    signal_seconds: 600"),
        ("time: 60", "time: 60\n    signal_seconds: 0"),
        ("time: 60", "time: 60\n    gpus: 2"),
        ("time: 60", "time: 60\n    memory: 4 GB"),
        ("time: 60", "time: 60\n    partition: gpu long"),
        ("time: 60", "time: 60\n    options: [-p gpu]"),
        (
            "time: 60",
            "time: 60\n    options: [--exclusive, --job-name=mine]",
        ),
        ("time: 60", "time: 60\n    options: [--requeue]"),
        ("time: 60", "time: 60\n    options: [--mem=4G]"),
        ("time: 60", "time: 60\n    constraint: a100"),
    ] {
        let mistaken = imitated();
        mistaken.edit(from, to);
        let ran = mistaken.run(&["plan", "sweep.yaml"]);
        assert_eq!(ran.code, 3, "{}", ran.err);
        said += &ran.err;
    }
    insta::assert_snapshot!(said);
    fs::remove_file(sandbox.path("refuses")).unwrap();
    let mended = before(&sandbox, &["run", "sweep.yaml"]);
    assert_eq!(mended.code, 0, "{}", mended.err);
}
