//! The documents say what the programs do.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use isoflop_core::arch::Preset;
use isoflop_core::run::{DataSpec, Tokenizer};
use isoflop_sweep::{Corpora, load};

use crate::sandbox::{SWEEP, Sandbox};

fn root(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(file)
}

fn read(file: &str) -> String {
    fs::read_to_string(root(file)).unwrap_or_else(|e| panic!("{file}: {e}"))
}

#[test]
fn the_committed_schema_is_the_programs() {
    assert_eq!(
        read("sweeps/sweep.schema.json"),
        Sandbox::new().ok(&["schema"]).out,
        "run `make schema`"
    );
}

/// Every shipped sweep is valid, whatever text the user puts beside it.
#[test]
fn shipped_sweeps_expand() {
    for (name, runs) in [
        ("quickstart", 36),
        ("example", 108),
        ("ablation", 96),
        ("single-gpu", 144),
    ] {
        let path = root(&format!("sweeps/{name}.yaml"));
        let file = load(&path).unwrap();
        let spec = DataSpec {
            tokenizer: Tokenizer::Bytes,
            train_digest: "a".into(),
            validation_digest: "b".into(),
        };
        let much = Corpora {
            spec,
            train_tokens: 3_000_000_000,
            validation_tokens: 10_000_000,
        };
        assert_eq!(
            file.checked(&path)
                .unwrap()
                .expand(&much)
                .unwrap()
                .runs
                .len(),
            runs,
            "{name}"
        );
    }
}

/// The quickstart's text is enough for all its runs, none of which repeats its data.
#[test]
fn the_quickstart_fits_its_corpus() {
    let ran = Sandbox::new().ok(&[
        "plan",
        root("sweeps/quickstart.yaml").to_str().unwrap(),
        "--no-calibration",
    ]);
    assert!(ran.out.contains("36 runs"), "{}", ran.out);
}

/// Keys of every mapping in the schema.
fn keys(value: &serde_json::Value, found: &mut BTreeSet<String>) {
    match value {
        serde_json::Value::Object(map) => {
            if let Some(serde_json::Value::Object(properties)) = map.get("properties") {
                found.extend(properties.keys().cloned());
            }
            map.values().for_each(|value| keys(value, found));
        }
        serde_json::Value::Array(items) => items.iter().for_each(|item| keys(item, found)),
        _ => {}
    }
}

#[test]
fn every_key_is_explained() {
    let mut found = BTreeSet::new();
    keys(&isoflop_sweep::schema(), &mut found);
    assert!(found.len() > 30, "{found:?}");
    let readme = read("sweeps/README.md");
    for key in found {
        let explained = readme.contains(&format!("`{key}`"))
            || readme.contains(&format!("{key}:"))
            || readme.contains(&format!("{key},"))
            || readme.contains(&format!("{key} }}"));
        assert!(explained, "sweeps/README.md does not explain `{key}`");
    }
    for name in Preset::names() {
        assert!(
            readme.contains(&format!("`{name}`")),
            "sweeps/README.md does not name the preset `{name}`"
        );
    }
    for rung in isoflop_core::arch::named_rungs() {
        assert!(
            readme.contains(&format!("`{rung}`")),
            "sweeps/README.md does not name the rung `{rung}`"
        );
    }
}

/// The tables of results/README.md are written by the declarations of rows and metrics; one that differs is replaced here.
#[test]
fn every_column_is_explained() {
    let readme = read("results/README.md");
    let mut current = readme.clone();
    let mut columns = 0;
    for (heading, table) in isoflop_table::documentation() {
        let heading = format!("\n## {heading}\n");
        let (before, section) = current
            .split_once(&heading)
            .unwrap_or_else(|| panic!("results/README.md has no `{}`", heading.trim()));
        let start = section.find("\n|").expect("a table") + 1;
        let end = start + section[start..].find("|\n\n").expect("its end") + 2;
        columns += table.lines().count() - 2;
        current = format!(
            "{before}{heading}{}{table}{}",
            &section[..start],
            &section[end..]
        );
    }
    assert!(columns > 65, "{columns} columns");
    if current != readme {
        fs::write(root("results/README.md"), current).unwrap();
        panic!("results/README.md was not up to date, and is now: commit it");
    }
}

/// Commands that a document shows: indented lines that begin with the program's name.
fn commands(document: &str, program: &str) -> Vec<Vec<String>> {
    let indented = document
        .lines()
        .filter_map(|line| line.strip_prefix("    "));
    let shown = indented.filter(|line| line.starts_with(&format!("{program} ")));
    shown
        .map(|line| {
            line.split('#')
                .next()
                .unwrap()
                .split_whitespace()
                .skip(1)
                .map(str::to_owned)
                .collect()
        })
        .collect()
}

/// The page on fits shows tables of other people; their commands, in their order, beside a copy of what they name.
#[test]
fn tables_of_other_people_are_fitted_as_documented() {
    let sandbox = Sandbox::new();
    copy_into(&sandbox, &["docs", "results"]);
    let page = read("docs/fitting.md");
    let section = page
        .split("## Runs from elsewhere")
        .nth(1)
        .unwrap()
        .split("\n## ")
        .next()
        .unwrap();
    let commands = commands(section, "isoflop");
    assert!(commands.len() >= 4);
    for command in commands {
        sandbox.ok(&command.iter().map(String::as_str).collect::<Vec<_>>());
    }
    assert!(sandbox.path("fits.json").exists());
    for (role, names) in isoflop_table::column_names() {
        for name in names.iter().chain([&role]) {
            assert!(
                section.contains(&format!("`{name}`")),
                "docs/fitting.md does not name `{name}`"
            );
        }
    }
}

/// Folders of the repository, as they are.
fn copy_into(sandbox: &Sandbox, folders: &[&str]) {
    for folder in folders {
        let copied = Command::new("cp")
            .arg("-r")
            .arg(root(folder))
            .arg(sandbox.path(folder))
            .status()
            .unwrap();
        assert!(copied.success());
    }
}

/// Every command of the README, in its order, on a sweep of moments.
#[test]
fn commands_of_the_readme_work() {
    let sandbox = Sandbox::new();
    fs::create_dir(sandbox.path("sweeps")).unwrap();
    sandbox.write(
        "sweeps/quickstart.yaml",
        SWEEP
            .replace("train: train.txt", "train: ../train.txt")
            .replace("validation: val.txt", "validation: ../val.txt"),
    );
    copy_into(&sandbox, &["docs"]);
    let commands = commands(&read("README.md"), "isoflop");
    assert!(commands.len() >= 5);
    let mut run = None;
    for command in commands {
        // A run, by its identity, and the folder that came from another machine.
        if command.iter().any(|word| word == "RUN") && run.is_none() {
            let runs = sandbox.json(&["status", "quickstart"]);
            run = Some(runs[0]["id"].as_str().unwrap().to_owned());
        }
        let word = |word: &'_ String| {
            if word == "RUN" {
                run.clone().unwrap()
            } else {
                word.clone()
            }
        };
        let command: Vec<String> = command.iter().map(word).collect();
        if command[0] == "import" {
            let copied = sandbox.path("other/results");
            fs::create_dir_all(sandbox.path("other")).unwrap();
            assert!(
                Command::new("cp")
                    .arg("-r")
                    .arg(sandbox.path("results"))
                    .arg(copied)
                    .status()
                    .unwrap()
                    .success()
            );
        }
        let words: Vec<&str> = command.iter().map(String::as_str).collect();
        // Two sizes make neither profile nor surface: that is the answer here, and not a fault of the command.
        let allowed = if ["fit", "predict", "suggest"].contains(&words[0]) {
            vec![0, 5]
        } else {
            vec![0]
        };
        let ran = sandbox.run(&words);
        assert!(
            allowed.contains(&ran.code),
            "isoflop {}: {}",
            words.join(" "),
            ran.err
        );
    }
}

#[test]
fn make_targets_exist() {
    for document in ["README.md", "CONTRIBUTING.md"] {
        let commands = commands(&read(document), "make");
        assert!(!commands.is_empty());
        for command in commands {
            let output = Command::new("make")
                .arg("-n")
                .arg(&command[0])
                .current_dir(root(""))
                .output()
                .unwrap();
            assert!(
                output.status.success(),
                "make {}: {}",
                command[0],
                String::from_utf8_lossy(&output.stderr)
            );
        }
    }
}

/// The study that is committed reads with nothing but its folder, and each of its profiles has measured
/// sizes on both sides of its minimum, for both arms.
#[test]
fn the_committed_study_is_whole() {
    let sandbox = Sandbox::new();
    let copied = Command::new("cp")
        .arg("-r")
        .arg(root("results"))
        .arg(sandbox.path("results"))
        .status()
        .unwrap();
    assert!(copied.success());
    let status = sandbox.ok(&["status", "example"]).out;
    assert!(status.contains("108 of 108 runs finished"), "{status}");
    let fits = sandbox.json(&["fit", "example"]);
    for arm in fits["arms"].as_array().unwrap() {
        for profile in arm["profiles"].as_array().unwrap() {
            assert_eq!(
                profile["vertex"]["status"], "interior",
                "{} at {}",
                arm["arm"], profile["budget"]
            );
        }
    }
    let committed: serde_json::Value =
        serde_json::from_str(&read("results/example/fit.json")).unwrap();
    alike(&fits, &committed, "fit.json");
}

/// Every field of fit.json is in the schema, with what it is.
#[test]
fn the_schema_of_fits_describes_every_field() {
    let schema: serde_json::Value =
        serde_json::from_str(&Sandbox::new().ok(&["schema", "fit"]).out).unwrap();
    let committed: serde_json::Value =
        serde_json::from_str(&read("results/example/fit.json")).unwrap();
    let described = |kind: &serde_json::Value, value: &serde_json::Value| {
        for (key, _) in value.as_object().unwrap() {
            let text = kind["properties"][key]["description"]
                .as_str()
                .unwrap_or_default();
            assert!(!text.is_empty(), "`{key}` is not described");
        }
    };
    described(&schema, &committed);
    for (name, place) in [
        ("ArmFit", &committed["arms"][0]),
        ("Profile", &committed["arms"][0]["profiles"][0]),
        ("Vertex", &committed["arms"][0]["profiles"][0]["vertex"]),
        ("Frontier", &committed["arms"][0]["frontier"]),
        ("ArmSurface", &committed["arms"][0]["surface"]),
        ("Comparison", &committed["comparisons"][0]),
        (
            "MultiplierPoint",
            &committed["comparisons"][0]["multiplier"][0],
        ),
    ] {
        described(&schema["$defs"][name], place);
    }
}

/// Equal but for the last digits, which another machine's logarithms may change.
fn alike(one: &serde_json::Value, other: &serde_json::Value, place: &str) {
    use serde_json::Value::{Array, Number, Object};
    match (one, other) {
        (Number(a), Number(b)) => {
            let (a, b) = (a.as_f64().unwrap(), b.as_f64().unwrap());
            // A p is a share of draws, of which one or two may fall on the other side.
            let slack = if place.ends_with("p_value") {
                2e-3
            } else {
                1e-4 * a.abs().max(b.abs())
            };
            assert!((a - b).abs() <= slack, "{place}: {a} now, {b} committed");
        }
        (Array(a), Array(b)) => {
            assert_eq!(a.len(), b.len(), "{place}");
            a.iter()
                .zip(b)
                .enumerate()
                .for_each(|(i, (a, b))| alike(a, b, &format!("{place}[{i}]")));
        }
        (Object(a), Object(b)) => {
            assert!(a.keys().eq(b.keys()), "{place}");
            a.iter()
                .for_each(|(key, value)| alike(value, &b[key], &format!("{place}.{key}")));
        }
        _ => assert_eq!(one, other, "{place}"),
    }
}
