//! Training rules: trunks that budgets share, learning rates that are tuned, optimizers and schedules.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::sandbox::{Sandbox, outcome_field};

/// A sweep whose schedule lets budgets share their trunks.
fn sharing(budgets: &str) -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.edit("  flops: [2e8, 4e8]", &format!("  tokens: {budgets}"));
    sandbox.edit(
        "fixed: 1e-2",
        "fixed: 1e-2\n  schedule: { wsd: { warmup_steps: 3, decay: 0.3, floor: 0 } }",
    );
    sandbox
}

/// Every number of `status` that training decides, by run.
fn results(sandbox: &Sandbox) -> BTreeMap<String, Value> {
    let runs: Vec<Value> = serde_json::from_str(&sandbox.losses("results")).unwrap();
    runs.into_iter()
        .map(|run| (run["id"].as_str().unwrap().to_owned(), run))
        .collect()
}

/// Results are bit for bit those of runs that shared nothing; the cost is what was really spent, and what the plan said.
#[test]
fn a_shared_trunk_changes_the_cost_alone() {
    let together = sharing("[1280, 2560, 3840]");
    let plan = together.plan();
    let told = together.ok(&["plan", "sweep.yaml", "--no-calibration"]).out;
    assert!(
        told.contains("8 runs branch from a smaller budget's run"),
        "{told}"
    );
    together.ok(&["run", "sweep.yaml"]);
    let shared = results(&together);
    assert_eq!(shared.len(), 12);

    let mut alone = BTreeMap::new();
    for budget in ["[1280]", "[2560]", "[3840]"] {
        let sandbox = sharing(budget);
        sandbox.ok(&["run", "sweep.yaml"]);
        alone.extend(results(&sandbox));
    }
    assert_eq!(shared, alone);

    // The report tells the shared cost once, and compares runs whose budgets are in tokens.
    let report = std::fs::read_to_string(together.path("reports/sweep/report.md")).unwrap();
    assert!(
        report.contains("8 runs continued from the trunk of a smaller budget"),
        "{report}"
    );
    assert!(
        report.contains("Arms are compared at equal budget and size"),
        "{report}"
    );

    let runs = plan["runs"].as_array().unwrap();
    for run in runs {
        let taken = outcome_field(&together, run["id"].as_str().unwrap(), "trunk");
        let taken_flops = taken["steps"].as_f64().unwrap_or(0.0) * run["flops"].as_f64().unwrap()
            / run["steps"].as_f64().unwrap();
        assert_eq!(taken_flops, run["flops_taken_from_trunk"].as_f64().unwrap());
    }
    let saved: f64 = runs
        .iter()
        .map(|run| run["flops_taken_from_trunk"].as_f64().unwrap())
        .sum();
    assert_eq!(
        saved,
        plan["flops_saved_by_shared_trunks"].as_f64().unwrap()
    );
    assert!(saved > 0.3 * plan["flops_total"].as_f64().unwrap());
    for run in runs {
        let folder = together
            .path("results/sweep/runs")
            .join(run["id"].as_str().unwrap());
        assert!(
            !folder.join("trunk").exists(),
            "a trunk that nobody waits for was left"
        );
    }
}

/// A budget that is added later finds no trunk any more: it is trained whole, to the same bits.
#[test]
fn a_budget_that_is_added_later_is_trained_whole() {
    let (grown, whole) = (sharing("[1280, 2560]"), sharing("[1280, 2560, 3840]"));
    grown.ok(&["run", "sweep.yaml"]);
    grown.edit("[1280, 2560]", "[1280, 2560, 3840]");
    grown.ok(&["run", "sweep.yaml"]);
    whole.ok(&["run", "sweep.yaml"]);
    assert_eq!(results(&grown), results(&whole));
}

/// Each architecture is compared at its best rate, and the report says which that is.
#[test]
fn learning_rates_are_tuned_by_arm() {
    let sandbox = Sandbox::new();
    sandbox.edit(
        "train:\n  sequence_length",
        "lr: [0.1, 1, 3]\ntrain:\n  sequence_length",
    );
    sandbox.edit("fixed: 1e-2", "table: { d12-l2: 1e-2 }");
    sandbox.edit("[d12-l2, d16-l2]", "[d12-l2]");
    let plan = sandbox.ok(&["plan", "sweep.yaml", "--no-calibration"]).out;
    assert_eq!(
        plan.lines().filter(|line| line.contains("x0.1")).count(),
        4,
        "{plan}"
    );
    sandbox.ok(&["run", "sweep.yaml"]);
    let fits = sandbox.json(&["fit", "sweep"]);
    let tuned = fits["tuned"].as_array().unwrap();
    assert_eq!(tuned.len(), 4);
    let runs = sandbox.json(&["status", "sweep"]);
    for cell in tuned {
        let tried = cell["tried"].as_array().unwrap();
        let least = tried
            .iter()
            .min_by(|a, b| {
                a["loss"]
                    .as_f64()
                    .unwrap()
                    .total_cmp(&b["loss"].as_f64().unwrap())
            })
            .unwrap();
        assert_eq!(cell["best"], least["factor"]);
    }
    // In so few steps a tenth of the rate teaches less: it is never the best.
    assert!(
        tuned
            .iter()
            .all(|cell| cell["best"].as_f64().unwrap() > 0.5),
        "{}",
        fits["tuned"]
    );
    assert_eq!(runs.as_array().unwrap().len(), 12);
    assert_eq!(fits["runs_used"], 4);
    let report = std::fs::read_to_string(sandbox.path("reports/sweep/report.md")).unwrap();
    assert!(report.contains("## Tuned learning rates"), "{report}");
}

/// Every optimizer, schedule and rule trains, and each makes another run.
#[test]
fn every_recipe_trains() {
    let sandbox = Sandbox::new();
    sandbox.edit("[transformer, primer_ez]", "[primer_ez]");
    sandbox.edit("[d12-l2, d16-l2]", "[d12-l2]");
    sandbox.edit("[2e8, 4e8]", "[2e8]");
    let (rate, batch) = (
        "  learning_rate:\n    fixed: 1e-2\n",
        "  batch_tokens: 128\n",
    );
    sandbox.edit(
        &format!("{batch}{rate}"),
        "  batch_tokens: 128\n  learning_rate: { fixed: 1e-2 }\n",
    );
    let mut before = "  batch_tokens: 128\n  learning_rate: { fixed: 1e-2 }\n".to_owned();
    for recipe in [
        "  batch_tokens: 128\n  learning_rate: primer\n  optimizer: adafactor\n  schedule: { rsqrt: { constant_steps: 10000 } }\n",
        "  batch_tokens: 128\n  learning_rate: { fixed: 2e-2 }\n  optimizer: muon\n  schedule: { linear: { warmup: 0.1, floor: 0 } }\n",
        "  batch_tokens: step_law\n  learning_rate: step_law\n",
        "  batch_tokens: { power_law: { coefficient: 2, tokens: 0.5 } }\n  learning_rate: { power_law: { coefficient: 0.1, params: -0.25 } }\n  optimizer: { adamw: { decay_embeddings: false } }\n",
    ] {
        sandbox.edit(&before, recipe);
        sandbox.ok(&["run", "sweep.yaml"]);
        before = recipe.to_owned();
        let runs = sandbox.json(&["status", "sweep"]);
        let loss = runs[0]["loss_val"].as_f64().unwrap();
        assert!(loss < 5.0, "{recipe}: {loss}");
    }
    assert_eq!(sandbox.outcomes().len(), 4);
}
