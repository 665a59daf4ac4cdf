//! Tables of runs that others measured, given to `isoflop fit`.

use std::fmt::Write as _;
use std::path::Path;

use crate::messages::said;
use crate::sandbox::{Sandbox, skipped};

fn example() -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/example-runs.csv"))
        .unwrap()
}

/// What is written in the library's tests is not written again: here stand the ways to go wrong on a command line.
#[test]
fn what_cannot_be_fitted() {
    let sandbox = Sandbox::new();
    sandbox.write("runs.csv", example());
    sandbox.write(
        "negative.csv",
        "params,tokens,loss\n1e6,1e9,3\n2e6,1e9,3\n3e6,-3,3\n",
    );
    sandbox.write("few.csv", "params,tokens,loss\n1e6,1e9,3\n2e6,1e9,2.9\n");
    sandbox.write("none.csv", "params,tokens,loss\n1e6,1e9,\n2e6,1e9,nan\n");
    sandbox.write("runs.xlsx", "PK");
    let map = "loss=final/val";
    let mut text = String::new();
    for (name, arguments) in [
        ("no file", vec!["nowhere.csv"]),
        ("another kind of file", vec!["runs.xlsx"]),
        ("a pipe", vec!["/dev/stdin"]),
        ("a folder", vec!["."]),
        ("no name", vec![""]),
        ("a column that is not found", vec!["runs.csv"]),
        ("a value below 0", vec!["negative.csv"]),
        ("no run with a loss", vec!["none.csv"]),
        ("too few runs", vec!["few.csv"]),
        (
            "an unknown role",
            vec!["runs.csv", "--map", "los=final/val"],
        ),
        (
            "an unknown column",
            vec!["runs.csv", "--map", "loss=final/vall"],
        ),
        ("a map that is none", vec!["runs.csv", "--map", "loss"]),
        (
            "an unknown baseline",
            vec!["runs.csv", "--map", map, "--baseline", "gate"],
        ),
        ("a map of a sweep", vec!["quickstart", "--map", map]),
        (
            "a folder that is not there",
            vec!["runs.csv", "--map", map, "--output", "nowhere/fits.json"],
        ),
    ] {
        let arguments = [vec!["fit"], arguments].concat();
        let _ = writeln!(text, "## {name}\n{}\n", said(&sandbox, &arguments));
    }
    insta::assert_snapshot!(text);
}

/// The result stands alone on standard output, and nothing is written but what is asked for.
#[test]
fn notes_stand_apart_from_the_result() {
    let sandbox = Sandbox::new();
    sandbox.write("runs.csv", example());
    let files = || std::fs::read_dir(sandbox.path("")).unwrap().count();
    let before = files();
    let arguments = [
        "fit",
        "runs.csv",
        "--map",
        "loss=final/val",
        "--replicates",
        "200",
        "--json",
    ];
    let ran = sandbox.ok(&arguments);
    let fits: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(files(), before);
    assert_eq!(fits["settings"]["baseline"], "baseline");
    assert_eq!(fits["runs_used"], 38);
    let notes = fits["notes"].as_array().unwrap();
    assert!(!notes.is_empty());
    assert!(
        notes
            .iter()
            .all(|note| ran.err.contains(note.as_str().unwrap())),
        "{notes:?}"
    );
    insta::assert_snapshot!(ran.err);
    sandbox.ok(&[&arguments[..], &["--output", "fits.json"]].concat());
    assert_eq!(
        std::fs::read_to_string(sandbox.path("fits.json"))
            .unwrap()
            .trim(),
        ran.out.trim()
    );
}

/// A run that diverged moves the multiplier; it takes asking for to keep it.
#[test]
fn suspects_count_where_it_is_asked() {
    let sandbox = Sandbox::new();
    sandbox.write("runs.csv", example());
    let arguments = [
        "fit",
        "runs.csv",
        "--map",
        "loss=final/val",
        "--replicates",
        "200",
        "--keep-suspects",
    ];
    assert_eq!(sandbox.json(&arguments)["runs_used"], 39);
}

/// The table that a sweep leaves gives the fits that the sweep gives.
#[test]
fn our_own_table_is_fitted_as_its_sweep_is() {
    let results = Path::new(env!("CARGO_MANIFEST_DIR")).join("results");
    let (folder, table) = (
        results.to_str().unwrap(),
        results.join("example/runs.parquet"),
    );
    let sandbox = Sandbox::new();
    let copied = std::process::Command::new("cp")
        .args(["-r", folder])
        .arg(sandbox.path("results"))
        .status();
    assert!(copied.unwrap().success());
    let of_sweep = sandbox.json(&["fit", "example", "--replicates", "200"]);
    let of_table = sandbox.json(&[
        "fit",
        table.to_str().unwrap(),
        "--replicates",
        "200",
        "--baseline",
        "transformer",
    ]);
    for (one, other) in [
        ("arms", "profiles"),
        ("arms", "frontier"),
        ("arms", "surface"),
        ("comparisons", "headline"),
    ] {
        for (a, b) in of_sweep[one]
            .as_array()
            .unwrap()
            .iter()
            .zip(of_table[one].as_array().unwrap())
        {
            assert_eq!(a[other], b[other], "{one}.{other}");
        }
    }
}

/// Tables that others published, by nothing but their names.
#[test]
fn published_tables_are_fitted() {
    for name in ["gemstones-cool-end", "olmo-ladder-c4", "gadre-104-models"] {
        let path =
            Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../shared/reference/{name}.csv"));
        if !path.exists() {
            skipped(&format!("{} is missing", path.display()));
            continue;
        }
        let fits = Sandbox::new().json(&["fit", path.to_str().unwrap(), "--replicates", "100"]);
        assert_eq!(fits["excluded"].as_array().unwrap().len(), 0, "{name}");
        assert!(
            fits["arms"][0]["surface"]["alpha"]
                .as_f64()
                .is_some_and(|alpha| alpha > 0.0),
            "{name}"
        );
    }
}
