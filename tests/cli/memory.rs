//! Memory: estimates beside real peaks, runs that no machine holds, allocations that really fail, kernels that really kill.

use std::fs;
use std::path::{Path, PathBuf};

use crate::sandbox::{Sandbox, outcome_field, skipped};

/// A sweep whose runs are a few steps each.
fn brief(sizes: &str, batch: &str) -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.edit("[d12-l2, d16-l2]", sizes);
    sandbox.edit("flops: [2e8, 4e8]", "tokens: [16384]");
    sandbox.edit("sequence_length: 32\n  batch_tokens: 128", batch);
    sandbox
}

/// The estimate is within 15% of what the process really held at most, at three sizes, for two architectures and both formats.
#[test]
fn the_estimate_is_near_the_peak() {
    for precision in ["float32", "bfloat16"] {
        let sandbox = brief(
            "[d32-l2, d64-l3, d128-l4]",
            "sequence_length: 256\n  batch_tokens: 4096",
        );
        sandbox.edit(
            "fixed: 1e-2",
            &format!("fixed: 1e-2\n  precision: {precision}"),
        );
        sandbox.ok(&["run", "sweep.yaml"]);
        let mut peaks = Vec::new();
        for run in sandbox.plan()["runs"].as_array().unwrap() {
            let estimate = run["memory_bytes_estimate"].as_f64().unwrap();
            let peak = outcome_field(&sandbox, run["id"].as_str().unwrap(), "peak_memory_bytes")
                .as_f64()
                .unwrap();
            let (arm, size) = (&run["arm"], &run["size"]);
            assert!(
                (estimate / peak - 1.0).abs() < 0.15,
                "{arm} {size} {precision}: {estimate} against {peak}"
            );
            peaks.push(peak);
        }
        // Not only libtorch is measured.
        assert!(
            peaks.iter().copied().fold(0.0, f64::max) > 1.4 * peaks[0],
            "{peaks:?}"
        );
    }
}

/// A run that no machine holds is refused before anything starts, with nothing lost; a plan says so too.
#[test]
fn a_run_that_cannot_fit_is_refused() {
    let sandbox = brief("[d12-l2]", "sequence_length: 32\n  batch_tokens: 4096");
    sandbox.ok(&["run", "sweep.yaml"]);
    let before = sandbox.outcomes();
    sandbox.edit("[d12-l2]", "[d12-l2, d16-l2, d65536-l64]");
    let ran = sandbox.run(&["run", "sweep.yaml"]);
    assert_eq!(ran.code, 6, "{}", ran.err);
    for words in [
        "error: primer_ez d65536-l64 16.4k tokens seed 1 (",
        "needs about",
        "are free",
        "hint: choose a smaller size",
    ] {
        assert!(ran.err.contains(words), "no `{words}`: {}", ran.err);
    }
    assert_eq!(
        sandbox.outcomes(),
        before,
        "nothing was started, and what is done is kept"
    );
    let planned = sandbox.ok(&["plan", "sweep.yaml"]);
    assert!(
        planned
            .err
            .contains("warning: `isoflop run` would fail: primer_ez d65536-l64"),
        "{}",
        planned.err
    );
}

/// A trainer whose allocation really fails says how wrong the estimate was; it is tried once more in smaller passes, and no
/// third time.
#[test]
fn running_out_of_memory_is_told_with_the_estimate() {
    let sandbox = brief("[d128-l4]", "sequence_length: 512\n  batch_tokens: 16384");
    sandbox.edit("[transformer, primer_ez]", "[transformer]");
    let trainer = limited(&sandbox, LIMIT_KIB);
    let ran = sandbox.run(&["run", "sweep.yaml", "--trainer", trainer.to_str().unwrap()]);
    assert_eq!(ran.code, 4, "{}", ran.err);
    assert!(
        ran.err
            .contains("2 attempts: the trainer ran out of memory (exit code 5): estimated "),
        "{}",
        ran.err
    );
    assert!(
        ran.err.contains("iB: can't allocate memory: "),
        "{}",
        ran.err
    );
}

/// A run that finds no memory for its passes is trained in smaller ones: the same run, and a loss that differs in its last bits
/// at most. Its outcome says so.
#[test]
fn what_finds_no_memory_is_trained_in_smaller_passes() {
    let sandbox = brief("[d128-l4]", "sequence_length: 512\n  batch_tokens: 16384");
    sandbox.edit("[transformer, primer_ez]", "[transformer]");
    sandbox.ok(&["run", "sweep.yaml", "--results", "whole"]);
    let trainer = limited(&sandbox, ENOUGH_FOR_HALF_KIB);
    let ran = sandbox.ok(&["run", "sweep.yaml", "--trainer", trainer.to_str().unwrap()]);
    assert!(
        ran.err.contains("it will be retried, in smaller passes"),
        "{}",
        ran.err
    );
    let outcome = |results: &str| {
        let (_, bytes) = sandbox.outcomes_in(results).remove(0);
        serde_json::from_slice::<serde_json::Value>(&bytes).unwrap()
    };
    let (whole, split) = (outcome("whole"), outcome("results"));
    assert_eq!(split["run"], whole["run"]);
    assert_eq!(
        (&split["split_for_memory"], &split["attempt"]),
        (&16.into(), &2.into())
    );
    assert_eq!(whole["split_for_memory"], serde_json::Value::Null);
    let loss =
        |outcome: &serde_json::Value| outcome["ending"]["finished"]["loss_val"].as_f64().unwrap();
    assert!(
        (loss(&split) - loss(&whole)).abs() < 1e-4,
        "{} and {}",
        loss(&split),
        loss(&whole)
    );
    let report = std::fs::read_to_string(sandbox.path("reports/sweep/report.md")).unwrap();
    assert!(
        report.contains("1 runs ran out of memory and were trained in smaller passes"),
        "{report}"
    );
}

/// The trainer with that much address space.
fn limited(sandbox: &Sandbox, kib: u32) -> PathBuf {
    let script = format!(
        "ulimit -v {kib}; exec {} \"$@\"",
        env!("CARGO_BIN_EXE_isoflop-trainer")
    );
    sandbox.broken_trainer(&script)
}

/// Of address space, KiB: libtorch takes 430,000, the step 500,000 more.
const LIMIT_KIB: u32 = 700_000;
/// The same where half the step finds room, and not all of it.
const ENOUGH_FOR_HALF_KIB: u32 = 820_000;

/// A control group of our own with a limit, where the system lets us make one.
struct Group(PathBuf);

impl Group {
    fn with_limit(bytes: u64) -> Option<Self> {
        let (root, limit, swap) = [
            (
                "/sys/fs/cgroup/memory",
                "memory.limit_in_bytes",
                "memory.swappiness",
            ),
            ("/sys/fs/cgroup", "memory.max", "memory.swap.max"),
        ]
        .into_iter()
        .find(|(root, limit, _)| *limit == "memory.max" || Path::new(root).join(limit).exists())?;
        let group = Self(Path::new(root).join(format!("isoflop-test-{}", std::process::id())));
        fs::create_dir(&group.0).ok()?;
        fs::write(group.0.join(limit), bytes.to_string()).ok()?;
        fs::write(group.0.join(swap), "0").ok()?;
        Some(group)
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        // It is empty by now; if not, an empty folder in memory is left behind.
        let _ = fs::remove_dir(&self.0);
    }
}

/// The kernel's own killer is named where its count tells.
#[test]
fn a_kill_for_memory_is_told_from_others() {
    let Some(group) = Group::with_limit(400 << 20) else {
        skipped("this user may not make a control group with a limit");
        return;
    };
    let sandbox = brief("[d12-l2]", "sequence_length: 32\n  batch_tokens: 4096");
    sandbox.edit("[transformer, primer_ez]", "[transformer]");
    let greedy = sandbox.broken_trainer("x=$(head -c 1000000000 /dev/zero | tr '\\0' a); echo $x");
    let enter = format!("echo $$ > {}/cgroup.procs; exec \"$@\"", group.0.display());
    let isoflop = ["run", "sweep.yaml", "--trainer", greedy.to_str().unwrap()];
    let output = std::process::Command::new("sh")
        .args(["-c", &enter, "sh", env!("CARGO_BIN_EXE_isoflop")])
        .args(isoflop)
        .current_dir(sandbox.path(""))
        .env("COLUMNS", "10000")
        .output()
        .unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(4), "{said}");
    let words = "the trainer was killed by the kernel's out-of-memory killer; estimated ";
    assert!(said.contains(words), "{said}");
}
