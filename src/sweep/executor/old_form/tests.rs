use std::path::Path;

use crate::executor::EngineEntry;
use crate::{SweepError, SweepFile, parse};

const HEAD: &str = "\
data: { text: a.txt }
architectures: [transformer]
sizes: [d12-l2]
budgets: { tokens: [1000] }
train: { sequence_length: 32, batch_tokens: 128, learning_rate: { fixed: 1e-2 } }
";

/// Each engine with keys that have moved, in block and in flow style.
const OLD: [(&str, &str); 9] = [
    (
        "this machine",
        "executor:\n  local:\n    device: cpu\n    slots: 2\n    order: cheapest_first\n    max_attempts: 2   # a comment\n    max_run_seconds: 3_600\n",
    ),
    (
        "this machine by default",
        "executor: { local: { stall_seconds: 600, disk_reserve_bytes: 4M } }\n",
    ),
    (
        "commands",
        "executor:\n  command:\n    submit: >-\n      qsub -N \"$ISOFLOP_TAG\"\n      \"$ISOFLOP_JOB\"\n    poll: |\n      jobs=$(qstat) || exit 1\n        echo \"$jobs\"\n    cancel: qdel \"$ISOFLOP_TAG\"\n    poll_seconds: 0.1\n    retry_seconds: 0\n",
    ),
    (
        "Slurm",
        "executor:\n  slurm:\n    time: 1-00:00:00\n    memory: 16G\n    options: [--constraint=a100, \"--exclude=node7\"]\n    grace_seconds: 120\n    checkpoint_seconds: 600\n",
    ),
    (
        "Ray",
        "executor:\n  ray:\n    storage: { url: s3://bucket/x, beat_seconds: 2 }\n    poll_seconds: 2\n",
    ),
    (
        "workers",
        "executor:\n  workers:\n    deliver_checkpoints: true\n    max_attempts: 9\n",
    ),
    (
        "several",
        "executor:\n  several:\n    engines:\n      - local: { slots: 2, threads_per_run: 1 }\n      - slurm: { time: 2:00:00, max_pending: 20, poll_seconds: 30 }\n      - ray: { poll_seconds: 5 }\n      - workers: {}\n    checkpoint_seconds: 120\n",
    ),
    (
        "several of one",
        "executor: { several: { engines: [ { slurm: { time: 60 } } ] } }\n",
    ),
    (
        "halfway between the forms",
        "policy:\n  order: as_listed\nexecutor:\n  - local\n  - workers: { retry_seconds: 3 }\n",
    ),
];

fn refused(section: &str) -> SweepError {
    parse(Path::new("old.yaml"), &format!("{HEAD}{section}")).unwrap_err()
}

/// The sweep with the lines of the hint.
fn fixed_sweep(section: &str) -> SweepFile {
    let hint = refused(section).hint;
    let (_, lines) = hint.split_once("\n\n").unwrap();
    parse(Path::new("new.yaml"), &format!("{HEAD}{lines}\n")).unwrap()
}

#[test]
fn old_forms_are_refused_with_the_lines_to_write() {
    let said = OLD.map(|(what, section)| {
        let error = refused(section);
        format!("## {what}\n{error}\n\nhint: {}\n", error.hint)
    });
    insta::assert_snapshot!(said.join("\n"));
}

#[test]
fn the_lines_to_write_are_a_sweep() {
    for (what, section) in OLD {
        let file = fixed_sweep(section);
        file.check_execution(Path::new("new.yaml")).expect(what);
    }
    let file = fixed_sweep(OLD[0].1);
    assert_eq!(file.policy.max_attempts.value.0, 2);
    assert_eq!(file.policy.max_run_seconds.unwrap().value.0, 3600.0);
    let names = |file: &SweepFile| file.executor.value.iter().map(EngineEntry::name).collect();
    let several: Vec<_> = names(&fixed_sweep(OLD[6].1));
    assert_eq!(several, ["local", "slurm", "ray", "workers"]);
}

/// Every key that has moved, in every engine.
#[test]
fn each_key_of_each_engine_has_its_place() {
    let command = "submit: $ISOFLOP_TAG $ISOFLOP_JOB, poll: x, cancel: $ISOFLOP_TAG, ";
    let engines = [
        ("local", ""),
        ("command", command),
        ("slurm", "time: 60, "),
        ("ray", ""),
        ("workers", ""),
    ];
    let keys = [
        ("policy", "order", "as_listed"),
        ("policy", "max_attempts", "4"),
        ("policy", "retry_seconds", "4"),
        ("policy", "checkpoint_seconds", "4"),
        ("policy", "stall_seconds", "4"),
        ("policy", "max_run_seconds", "4"),
        ("policy", "disk_reserve_bytes", "4"),
        ("queue", "poll_seconds", "4"),
        ("queue", "grace_seconds", "4"),
    ];
    for (engine, own) in engines {
        for (place, key, value) in keys {
            let old = format!("executor: {{ {engine}: {{ {own}{key}: {value} }} }}\n");
            let error = refused(&old);
            let message =
                format!("unknown key `{key}` under `executor: {engine}`, expected under `{place}`");
            assert_eq!(error.message, message);
            let lines = format!("\n\n{place}:\n  {key}: {value}\nexecutor:");
            assert!(error.hint.contains(&lines), "{}", error.hint);
            fixed_sweep(&old);
        }
    }
}

/// Other mistakes have their usual message.
#[test]
fn what_is_no_old_form_is_not_taken_for_one() {
    for section in [
        "executor: { local: { slot: 2 } }\n",
        "executor: { slurm: {} }\n",
        "executor: slrum\n",
        "executor: 3\n",
        "executor: [3]\n",
        "executor:\n",
        "policy: { attempts: 3 }\n",
        "executor: { local: { slots: 1 }, slurm: { time: 1 } }\n",
        "executor: slurm\n",
        "executor: { local: }\n",
    ] {
        let error = refused(section);
        assert!(!error.hint.contains("with these lines"), "{error}");
    }
}
