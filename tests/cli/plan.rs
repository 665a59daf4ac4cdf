//! `isoflop plan`: what a user reads before starting.

use crate::sandbox::Sandbox;

#[test]
fn shows_runs_and_costs() {
    let sandbox = Sandbox::new();
    insta::assert_snapshot!(sandbox.ok(&["plan", "sweep.yaml", "--no-calibration"]).out);
}

#[test]
fn json_is_complete() {
    let sandbox = Sandbox::new();
    let plan = sandbox.plan();
    assert_eq!(plan["runs"].as_array().unwrap().len(), 8);
    insta::assert_snapshot!(serde_json::to_string_pretty(&plan["runs"][0]).unwrap());
}

/// What is wrong with the file itself is told before any text is looked for: to read it may take minutes.
#[test]
fn the_file_is_checked_before_the_text_is_read() {
    let sandbox = Sandbox::new();
    sandbox.edit("train: train.txt", "train: nowhere.txt");
    sandbox.edit(
        "fixed: 1e-2",
        "fixed: 1e-2\n  optimizer: { adamw: { beta1: 1 } }",
    );
    let said = sandbox.run(&["plan", "sweep.yaml", "--no-calibration"]).err;
    assert!(
        said.contains("`beta1` is out of range: expected 0 to 0.999999, found 1"),
        "{said}"
    );
}

/// Times come from real steps of the real trainer.
#[test]
fn times_are_measured() {
    let sandbox = Sandbox::new();
    let plan = sandbox.json(&["plan", "sweep.yaml"]);
    let seconds = plan["runs"][0]["seconds_estimate"].as_f64().unwrap();
    assert!(seconds > 0.0 && seconds < 60.0, "{seconds}");
    assert!(plan["seconds_left_estimate"].as_f64().unwrap() >= seconds);
}

/// Sizes by name, by shape and by parameters; budgets in tokens and in tokens per parameter; changed presets.
#[test]
fn every_way_to_say_it() {
    let sandbox = Sandbox::new();
    sandbox.edit(
        "[d12-l2, d16-l2]",
        "[d12-l2, {d_model: 20, layers: 1, heads: 2, d_ff: 50}, {params: 25k}]",
    );
    sandbox.edit("[transformer, primer_ez]", "[primer_ez, {preset: transformer, name: gelu, activation: gelu}, {preset: primer_ez, name: wide, qkv_convolution: {depthwise: {width: 4}}}]");
    sandbox.edit("flops: [2e8, 4e8]", "tokens_per_param: [0.2]");
    sandbox.edit(
        "fixed: 1e-2",
        "inverse_sqrt_width: { base: 1e-2, at: 32 }\n  schedule: { wsd: { warmup_steps: 10, decay: 0.2, floor: 0 } }",
    );
    sandbox.edit(
        "train: train.txt\n  validation: val.txt",
        "text: train.txt\n  validation_fraction: 0.2",
    );
    let ran = sandbox.ok(&["plan", "sweep.yaml", "--no-calibration"]);
    insta::assert_snapshot!(format!("{}\n{}", ran.out, ran.stderr));
}

/// Before anything starts: what a changed file adds, keeps and no longer wants.
#[test]
fn a_changed_file_shows_what_changes() {
    let sandbox = Sandbox::new();
    let seen = |edits: &[(&str, &str)]| {
        edits.iter().for_each(|(from, to)| sandbox.edit(from, to));
        let ran = sandbox.ok(&["plan", "sweep.yaml", "--no-calibration"]);
        let plan = sandbox.plan();
        let lines = ran.out.split_once("twice\n").unwrap().1;
        assert!(lines.lines().all(|line| line.len() <= 80), "{lines}");
        format!(
            "{lines}{}{}\n\n",
            ran.err,
            serde_json::to_string_pretty(&plan["changes"]).unwrap()
        )
    };
    let mut seen_of = format!("## nothing was planned\n{}", seen(&[]));
    sandbox.ok(&["run", "sweep.yaml"]);
    seen_of += &format!("## the same file\n{}", seen(&[]));
    let edits = [
        ("[2e8, 4e8]", "[4e8]"),
        ("[d12-l2, d16-l2]", "[d12-l2, d20-l2]"),
        ("seeds: [1]", "seeds: [1, 2]"),
    ];
    seen_of += &format!("## other budgets, sizes and seeds\n{}", seen(&edits));
    let lost = std::fs::read_to_string(sandbox.path("results/sweep/plan.json")).unwrap();
    sandbox.write("results/sweep/plan.json", &lost[..lost.len() / 2]);
    seen_of += &format!(
        "## the same, and the plan is damaged\n{}",
        seen(&[("[4e8]", "[6e8]")])
    );
    insta::assert_snapshot!(seen_of);
}

/// The order of keys and comments do not make other runs.
#[test]
fn ids_follow_content() {
    let ids = |sandbox: &Sandbox| {
        let plan = sandbox.plan();
        plan["runs"]
            .as_array()
            .unwrap()
            .iter()
            .map(|run| run["id"].to_string())
            .collect::<Vec<_>>()
    };
    let (one, other) = (Sandbox::new(), Sandbox::new());
    other.edit("seeds: [1]\n", "");
    other
        .edit("data:", "# a comment\nseeds: [ 1 ]\nname: sweep\nexecutor: { local: { slots: 1, device: cpu } }\ndata:");
    other.edit(
        "executor:\n  local:\n    device: cpu\n    slots: 2\n    threads_per_run: 1\n",
        "",
    );
    assert_eq!(ids(&one), ids(&other));
    other.edit("fixed: 1e-2", "fixed: 1.1e-2");
    assert_ne!(ids(&one), ids(&other));
}

/// The coordinator's program starts where there is no libtorch, and the trainer finds its own with no variable set.
#[test]
fn only_the_trainer_links_libtorch() {
    let libraries = |program: &str| {
        let output = std::process::Command::new("ldd")
            .arg(program)
            .env_remove("LD_LIBRARY_PATH")
            .output()
            .unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    assert!(!libraries(env!("CARGO_BIN_EXE_isoflop")).contains("libtorch"));
    let trainer = libraries(env!("CARGO_BIN_EXE_isoflop-trainer"));
    assert!(
        trainer.contains("libtorch_cpu") && !trainer.contains("not found"),
        "{trainer}"
    );
}
