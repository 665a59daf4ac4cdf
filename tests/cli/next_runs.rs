//! `isoflop predict` and `isoflop suggest`: what they refuse, and what they say of the committed study.

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

use crate::messages::said;
use crate::sandbox::Sandbox;

fn root(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

/// A folder with the committed study.
fn with_the_study() -> Sandbox {
    let sandbox = Sandbox::new();
    let copied = Command::new("cp")
        .arg("-r")
        .arg(root("results"))
        .arg(sandbox.path("results"))
        .status()
        .unwrap();
    assert!(copied.success());
    sandbox
}

#[test]
fn what_cannot_be_predicted_or_suggested() {
    let sandbox = with_the_study();
    // One budget, and runs of one arm.
    let mut few = "arch,params,tokens,loss\n".to_owned();
    (1..9).for_each(|i| {
        writeln!(few, "alone,{}e6,{}e6,3.{}", i, 40.0 / f64::from(i), 9 - i).unwrap()
    });
    sandbox.write("few.csv", few);
    let mut text = String::new();
    for (name, arguments) in [
        ("no results", vec!["predict", "nothing", "--flops", "1e12"]),
        ("nothing asked", vec!["predict", "example"]),
        (
            "a budget of nothing",
            vec!["predict", "example", "--flops", "0"],
        ),
        (
            "a budget that is no number",
            vec!["predict", "example", "--flops", "much"],
        ),
        (
            "parameters without tokens",
            vec!["predict", "example", "--params", "50k"],
        ),
        (
            "a run by profiles",
            vec![
                "predict",
                "example",
                "--params",
                "1k",
                "--tokens",
                "1M",
                "--approach",
                "profiles",
            ],
        ),
        (
            "an unknown arm",
            vec!["predict", "example", "--flops", "1e12", "--arm", "primer"],
        ),
        ("no law", vec!["predict", "few.csv", "--flops", "1e15"]),
        (
            "no surface",
            vec!["suggest", "few.csv", "--flops", "1e18", "--of", "alpha"],
        ),
        ("one arm", vec!["suggest", "few.csv", "--flops", "1e18"]),
        (
            "an allowance too small",
            vec!["suggest", "example", "--flops", "1e9"],
        ),
        (
            "an allowance too small for one run",
            vec!["suggest", "example", "--flops", "1e9", "--of", "beta"],
        ),
        (
            "another unknown arm",
            vec!["suggest", "example", "--flops", "1e12", "--arm", "primer"],
        ),
        (
            "an unknown baseline",
            vec![
                "suggest",
                "example",
                "--flops",
                "1e12",
                "--baseline",
                "transformr",
            ],
        ),
        (
            "the baseline against itself",
            vec![
                "suggest",
                "example",
                "--flops",
                "1e12",
                "--arm",
                "transformer",
            ],
        ),
        (
            "a place too far",
            vec![
                "suggest",
                "example",
                "--flops",
                "1e12",
                "--at-flops",
                "1e30",
            ],
        ),
        (
            "fewer runs than arms",
            vec!["suggest", "example", "--flops", "1e12", "--max-runs", "1"],
        ),
        (
            "too little text",
            vec![
                "suggest",
                "example",
                "--flops",
                "1e12",
                "--max-tokens",
                "1k",
            ],
        ),
        (
            "an unknown target",
            vec!["suggest", "example", "--flops", "1e12", "--of", "gamma"],
        ),
    ] {
        let _ = writeln!(text, "## {name}\n{}\n", said(&sandbox, &arguments));
    }
    insta::assert_snapshot!(text);
}

/// The JSON of a prediction has what its table has.
#[test]
fn predictions_in_json_are_whole() {
    let sandbox = with_the_study();
    let predicted = sandbox.json(&["predict", "example", "--flops", "1e11", "--flops", "1e12"]);
    for arm in predicted.as_array().unwrap() {
        let [within, beyond] = [&arm["budgets"][0], &arm["budgets"][1]];
        assert_eq!(
            (arm["approach"].as_str(), within["beyond"].as_f64()),
            (Some("surface"), Some(1.0))
        );
        assert!(
            (beyond["beyond"].as_f64().unwrap() - 4.0).abs() < 0.01,
            "{beyond}"
        );
        let loss = &within["loss"];
        let [low, value, high] = [
            &loss["interval"]["low"],
            &loss["value"],
            &loss["interval"]["high"],
        ];
        assert!(
            low.as_f64() < value.as_f64() && value.as_f64() < high.as_f64(),
            "{loss}"
        );
    }
    let suggested = sandbox.json(&["suggest", "example", "--flops", "1e12"]);
    assert!(suggested["flops"].as_f64().unwrap() <= 1e12, "{suggested}");
    assert!(
        suggested["shrink"].as_f64() < suggested["shrink_evenly"].as_f64(),
        "{suggested}"
    );
}

/// The lines for a sweep file are lines of one: its plan has what was suggested.
#[test]
fn suggested_lines_of_a_sweep_file_can_be_planned() {
    let sandbox = with_the_study();
    let out = sandbox
        .ok(&[
            "suggest",
            "example",
            "--flops",
            "5e12",
            "--max-tokens",
            "7M",
        ])
        .out;
    let lines = out.split("\n\n").last().unwrap();
    assert!(lines.starts_with("sizes: ["), "{out}");
    let own = std::fs::read_to_string(root("sweeps/example.yaml")).unwrap();
    let own = own.replace("../corpora", root("corpora").to_str().unwrap());
    let is_replaced = |line: &&str| {
        ["sizes:", "budgets:", "  flops:", "seeds:"]
            .iter()
            .any(|key| line.starts_with(key))
    };
    let kept: Vec<&str> = own.lines().filter(|line| !is_replaced(line)).collect();
    sandbox.write(
        "example.yaml",
        format!("name: example\n{}\n{lines}", kept.join("\n")),
    );
    let suggested = sandbox.json(&[
        "suggest",
        "example",
        "--flops",
        "5e12",
        "--max-tokens",
        "7M",
    ]);
    let plan = sandbox.json(&["plan", "example.yaml", "--no-calibration"]);
    let runs = plan["runs"].as_array().unwrap().len() as u64;
    assert_eq!(
        Some(runs - 108),
        suggested["sweep"]["new_runs"].as_u64(),
        "{lines}"
    );
}
