//! The documents say what the programs do.

use std::collections::BTreeSet;
use std::fs;

use isoflop_core::arch::Preset;
use isoflop_core::run::{DataSpec, Tokenizer};
use isoflop_sweep::{Corpora, load};

use crate::book::{commands, copy_into, read, root};
use crate::sandbox::Sandbox;

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
    let readme = read("docs/sweep-reference.md");
    for key in found {
        let explained = readme.contains(&format!("`{key}`"))
            || readme.contains(&format!("{key}:"))
            || readme.contains(&format!("{key},"))
            || readme.contains(&format!("{key} }}"));
        assert!(
            explained,
            "docs/sweep-reference.md does not explain `{key}`"
        );
    }
    for name in Preset::names() {
        assert!(
            readme.contains(&format!("`{name}`")),
            "docs/sweep-reference.md does not name the preset `{name}`"
        );
    }
    for rung in isoflop_core::arch::named_rungs() {
        assert!(
            readme.contains(&format!("`{rung}`")),
            "docs/sweep-reference.md does not name the rung `{rung}`"
        );
    }
}

/// The tables of docs/results.md are written by the declarations of rows and metrics; one that differs is replaced here.
#[test]
fn every_column_is_explained() {
    let readme = read("docs/results.md");
    let mut current = readme.clone();
    let mut columns = 0;
    for (heading, table) in isoflop_table::documentation() {
        let heading = format!("\n## {heading}\n");
        let (before, section) = current
            .split_once(&heading)
            .unwrap_or_else(|| panic!("docs/results.md has no `{}`", heading.trim()));
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
        fs::write(root("docs/results.md"), current).unwrap();
        panic!("docs/results.md was not up to date, and is now: commit it");
    }
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

/// The study that is committed reads with nothing but its folder, and each of its profiles has measured
/// sizes on both sides of its minimum, for both arms.
#[test]
fn the_committed_study_is_whole() {
    let sandbox = Sandbox::new();
    copy_into(&sandbox, &["results"]);
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
