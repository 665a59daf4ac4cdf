//! Whole sweeps, really trained.

use std::fs;

use crate::sandbox::{Sandbox, outcome_field};

#[test]
fn a_sweep_is_trained_tabled_fitted_and_reported() {
    let sandbox = Sandbox::new();
    let ran = sandbox.ok(&["run", "sweep.yaml"]);
    assert!(
        ran.out.contains("report: reports/sweep/report.md"),
        "{}",
        ran.out
    );
    assert!(ran.err.contains("8 of 8 runs are done"), "{}", ran.err);
    for file in [
        "results/sweep/runs.parquet",
        "results/sweep/curves.parquet",
        "results/sweep/fit.json",
        "reports/sweep/report.md",
    ] {
        assert!(
            fs::metadata(sandbox.path(file)).unwrap().len() > 0,
            "{file}"
        );
    }
    // Losses really fall: far below ln 256 = 5.5, the loss of knowing nothing.
    let runs: serde_json::Value = serde_json::from_str(&sandbox.losses("results")).unwrap();
    for run in runs.as_array().unwrap() {
        assert_eq!(run["status"], "finished");
        assert!(run["loss_val"].as_f64().unwrap() < 4.5, "{run}");
    }
}

/// Same spec, same threads: the same bits, in another folder and beside other runs.
#[test]
fn the_same_spec_gives_the_same_bits() {
    let (one, other) = (Sandbox::new(), Sandbox::new());
    one.ok(&["run", "sweep.yaml"]);
    other.edit("slots: 2", "slots: 1");
    other.ok(&["run", "sweep.yaml"]);
    assert_eq!(one.losses("results"), other.losses("results"));
}

/// What a micro-batch is for: the same training in less memory. Runs that are not split keep their identities.
#[test]
fn a_micro_batch_trains_alike_in_less_memory() {
    let sandbox = Sandbox::new();
    sandbox.edit("[transformer, primer_ez]", "[transformer]");
    sandbox.edit("[d12-l2, d16-l2]", "[d16-l2]");
    sandbox.edit("flops: [2e8, 4e8]", "tokens: [196_608]");
    sandbox.edit("batch_tokens: 128", "batch_tokens: 65_536");
    let trained = |results: &str| {
        let ran = sandbox.ok(&["run", "sweep.yaml", "--results", results]);
        assert!(ran.err.contains("1 of 1 runs are done"), "{}", ran.err);
        let outcomes = sandbox.outcomes_in(results);
        let [(_, bytes)] = outcomes.as_slice() else {
            panic!("{} outcomes", outcomes.len())
        };
        serde_json::from_slice::<serde_json::Value>(bytes).unwrap()
    };
    let whole = trained("whole");
    sandbox.edit(
        "batch_tokens: 65_536",
        "batch_tokens: 65_536\n  micro_batch_sequences: 2048",
    );
    assert_eq!(
        trained("again")["run"],
        whole["run"],
        "a pass of the whole batch is the same run"
    );
    sandbox.edit("micro_batch_sequences: 2048", "micro_batch_sequences: 64");
    let split = trained("split");
    assert_ne!(split["run"], whole["run"]);
    let loss =
        |outcome: &serde_json::Value| outcome["ending"]["finished"]["loss_val"].as_f64().unwrap();
    assert!(
        (loss(&split) - loss(&whole)).abs() < 1e-4,
        "{} and {}",
        loss(&split),
        loss(&whole)
    );
    let peak = |outcome: &serde_json::Value| outcome["peak_memory_bytes"].as_u64().unwrap();
    assert!(
        peak(&split) + (100 << 20) < peak(&whole),
        "{} and {} bytes",
        peak(&split),
        peak(&whole)
    );
}

/// The second time nothing is trained; a changed file adds what is new and keeps what is not wanted.
#[test]
fn what_is_done_is_not_repeated() {
    let sandbox = Sandbox::new();
    sandbox.ok(&["run", "sweep.yaml"]);
    let before = sandbox.outcomes();
    let again = sandbox.ok(&["run", "sweep.yaml"]);
    assert!(
        again.err.contains("8 of them already done"),
        "{}",
        again.err
    );
    assert_eq!(sandbox.outcomes(), before);

    sandbox.edit("[2e8, 4e8]", "[4e8, 6e8]");
    let plan = sandbox.ok(&["plan", "sweep.yaml", "--no-calibration"]);
    assert!(
        plan.out
            .contains("4 runs are no longer in the sweep file, 4 of them done"),
        "{}",
        plan.out
    );
    let changed = sandbox.ok(&["run", "sweep.yaml"]);
    assert!(
        changed
            .err
            .contains("4 finished runs in the results are not part of this sweep file"),
        "{}",
        changed.err
    );
    assert!(
        changed.err.contains("4 of them already done"),
        "{}",
        changed.err
    );
    let after = sandbox.outcomes();
    assert_eq!(after.len(), 12);
    assert!(
        before.iter().all(|outcome| after.contains(outcome)),
        "a finished run was touched"
    );
}

/// A loss that explodes is an outcome of its own kind: counted, named, and not fitted.
#[test]
fn a_diverged_run_is_told_apart() {
    let sandbox = Sandbox::new();
    sandbox.edit("fixed: 1e-2", "fixed: 10\n  clip_norm: 1e6");
    sandbox.edit("[transformer, primer_ez]", "[transformer]");
    let ran = sandbox.ok(&["run", "sweep.yaml"]);
    assert!(ran.err.contains("diverged at step"), "{}", ran.err);
    let status = sandbox.ok(&["status", "sweep"]).out;
    assert!(
        status.contains("0 of 4 runs finished, 4 diverged"),
        "{status}"
    );
    let fit = sandbox.run(&["fit", "sweep"]);
    assert_eq!(fit.code, 5);
    assert!(
        fit.err
            .contains("left out: transformer d12-l2 2.00e8 seed 1")
            && fit.err.contains("diverged at step"),
        "{}",
        fit.err
    );
}

/// The outcome tells the cost, exactly, and where it came from.
#[test]
fn outcomes_carry_costs_and_provenance() {
    let sandbox = Sandbox::new();
    sandbox.ok(&["run", "sweep.yaml"]);
    let plan = sandbox.plan();
    for run in plan["runs"].as_array().unwrap() {
        assert_eq!(run["done"], true);
        let id = run["id"].as_str().unwrap();
        assert_eq!(outcome_field(&sandbox, id, "flops"), run["flops"]);
        assert_eq!(outcome_field(&sandbox, id, "tokens"), run["tokens"]);
        assert!(
            outcome_field(&sandbox, id, "peak_memory_bytes")
                .as_u64()
                .unwrap()
                > 50 << 20
        );
        assert!(
            outcome_field(&sandbox, id, "train_seconds").as_f64()
                < outcome_field(&sandbox, id, "wall_seconds").as_f64()
        );
        assert_eq!(
            outcome_field(&sandbox, id, "provenance")["isoflop"],
            env!("CARGO_PKG_VERSION")
        );
    }
}
