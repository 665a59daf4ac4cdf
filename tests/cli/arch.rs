//! `isoflop arch`: what a reader of the paper asks for.

use std::process::{Command, Stdio};

use isoflop_core::arch::{Operation, PRESETS};

use crate::sandbox::Sandbox;

#[test]
fn every_architecture_is_listed() {
    let sandbox = Sandbox::new();
    let out = sandbox.ok(&["arch", "list"]).out;
    assert!(out.lines().all(|line| line.chars().count() <= 80), "{out}");
    insta::assert_snapshot!(out);
    let listed = sandbox.json(&["arch", "list"]);
    assert_eq!(listed.as_array().unwrap().len(), PRESETS.len());
}

#[test]
fn the_tables_of_primer() {
    insta::assert_snapshot!(
        Sandbox::new()
            .ok(&["arch", "show", "primer", "--size", "medium"])
            .out
    );
}

/// Every architecture at every size of the paper, within 80 columns; the parts sum to the totals.
#[test]
fn parts_sum_to_totals() {
    let sandbox = Sandbox::new();
    for preset in PRESETS {
        for size in ["small", "medium", "large", "d48-l2"] {
            let words = [
                "arch",
                "show",
                preset.name,
                "--size",
                size,
                "--vocab",
                "32000",
            ];
            let out = sandbox.ok(&words).out;
            assert!(out.lines().all(|line| line.chars().count() <= 80), "{out}");
            let shown = sandbox.ok(&[&words[..], &["--json"]].concat()).out;
            let shown: serde_json::Value = serde_json::from_str(&shown).unwrap();
            let number = |value: &serde_json::Value| value.as_u64().unwrap();
            let groups = shown["params_by_group"].as_object().unwrap();
            assert_eq!(
                groups.values().map(number).sum::<u64>(),
                number(&shown["params_total"]),
                "{}",
                preset.name
            );
            let operations = shown["flops_by_operation"].as_array().unwrap();
            let sum = |key: &str| {
                operations
                    .iter()
                    .map(|operation| number(&operation[key]))
                    .sum::<u64>()
            };
            assert_eq!(
                sum("forward") + sum("backward"),
                number(&shown["flops_per_token"]),
                "{}",
                preset.name
            );
            let half = sum("forward_causal_half") + sum("backward_causal_half");
            assert_eq!(
                half,
                number(&shown["flops_per_token_causal_half"]),
                "{}",
                preset.name
            );
        }
    }
}

#[test]
fn json_is_complete() {
    let out = Sandbox::new()
        .ok(&["arch", "show", "primer_ez", "--size", "small", "--json"])
        .out;
    insta::assert_snapshot!(out);
    assert!(out.contains(Operation::QkvConvolution.name()));
}

#[test]
fn mistakes_are_told() {
    let sandbox = Sandbox::new();
    let mistakes: [&[&str]; 6] = [
        &["arch", "show", "primr"],
        &["arch", "show", "primer", "--size", "huge"],
        &["arch", "show", "primer", "--size", "d0-l2"],
        &["arch", "show", "llama_style", "--size", "d30-l2-h2x15"],
        &["arch", "show", "primer", "--vocab", "0"],
        &["arch", "show"],
    ];
    let said = mistakes.map(|words| {
        let ran = sandbox.run(words);
        assert_eq!(ran.code, 2, "{words:?}");
        format!("isoflop {}\n{}", words.join(" "), ran.stderr)
    });
    insta::assert_snapshot!(said.join("\n"));
}

/// An arm of a sweep file, with its vocabulary and sequences.
#[test]
fn an_arm_of_a_sweep_is_shown() {
    let sandbox = Sandbox::new();
    sandbox.edit(
        "primer_ez",
        "{preset: llama_style, name: grouped, qk_norm: true, head: tied, qkv_projections: {grouped_query: {group: 2}}}",
    );
    let show = |name: &str| {
        sandbox.run(&[
            "arch",
            "show",
            name,
            "--sweep",
            "sweep.yaml",
            "--size",
            "d64-l3",
        ])
    };
    insta::assert_snapshot!(show("grouped").out);
    let unknown = show("groupd");
    assert_eq!(unknown.code, 2);
    assert!(
        unknown.err.contains("did you mean `grouped`?"),
        "{}",
        unknown.err
    );
}

/// A reader that has seen enough, as `head` has, is no fault.
#[test]
fn a_closed_pipe_is_no_panic() {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let output = Command::new(env!("CARGO_BIN_EXE_isoflop"))
        .args(["arch", "list"])
        .stdout(writer)
        .stderr(Stdio::piped())
        .output()
        .unwrap();
    assert_eq!(
        (
            output.status.code(),
            String::from_utf8_lossy(&output.stderr).as_ref()
        ),
        (Some(0), "")
    );
}
