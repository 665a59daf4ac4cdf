//! The architecture's invariants, read from the source tree (ARCHITECTURE.md).
#![expect(
    clippy::unwrap_used,
    reason = "a test that unwraps fails where it stands"
)]

mod modules;
mod sources;
mod words;

use std::fs;
use std::path::{Path, PathBuf};

use sources::tree;

/// The crates that hold several modules, and those from the ground up: a module may import those before it. Between crates the
/// compiler keeps that order.
const SHARED: [(&str, &[&str]); 2] = [
    ("core", &["units", "metrics", "arch", "run", "data"]),
    (
        "dispatch",
        &[
            "store",
            "protocol",
            "exchange",
            "executor",
            "worker",
            "coordinator",
        ],
    ),
];

/// The code without its comments.
fn code(text: &str) -> String {
    text.lines()
        .map(|line| line.split("//").next().unwrap_or(""))
        .collect::<Vec<_>>()
        .join("\n")
}

/// The code without comments and without what is compiled for tests only.
fn shipped(text: &str) -> String {
    code(text.split("#[cfg(test)]\nmod tests").next().unwrap_or(text))
}

/// The module of a file: a folder of `src/core` or `src/dispatch`, else its crate.
fn module(file: &str) -> &str {
    let within = SHARED
        .iter()
        .find_map(|(crate_name, _)| file.strip_prefix(&format!("{crate_name}/")));
    within
        .unwrap_or(file)
        .split('/')
        .next()
        .unwrap()
        .trim_end_matches(".rs")
}

/// Whether a word stands in the code, not as the end of a longer one.
fn names(code: &str, word: &str) -> bool {
    code.match_indices(word)
        .any(|(at, _)| !code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_'))
}

/// Which crates may name a dependency in their manifests: the compiler then keeps the others from it.
#[test]
fn every_dependency_has_one_crate() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let manifests = fs::read_dir(root)
        .unwrap()
        .map(|entry| entry.unwrap().path().join("Cargo.toml"));
    let manifests: Vec<PathBuf> = manifests.filter(|path| path.is_file()).collect();
    assert!(manifests.len() > 6, "{manifests:?}");
    for (dependency, homes) in [
        ("tch", &["trainer"][..]),
        ("signal-hook", &["trainer"]),
        ("polars", &["table"]),
        ("csv", &["table"]),
        ("plotters", &["report"]),
        ("clap", &["cli"]),
        ("indicatif", &["cli"]),
        ("comfy-table", &["cli"]),
        ("anstream", &["cli"]),
        ("textwrap", &["cli"]),
        ("tracing-subscriber", &["cli"]),
        ("serde_yaml", &["sweep"]),
        ("tokio", &["dispatch"]),
        ("axum", &["dispatch"]),
        ("reqwest", &["dispatch"]),
        ("rusqlite", &["dispatch"]),
        ("nalgebra", &["fit"]),
        ("rayon", &["fit"]),
        ("memmap2", &["core"]),
        ("nvml-wrapper", &["dispatch", "trainer"]),
    ] {
        for path in &manifests {
            let crate_name = path
                .parent()
                .unwrap()
                .file_name()
                .unwrap()
                .to_str()
                .unwrap();
            let manifest = fs::read_to_string(path).unwrap();
            let named = manifest
                .lines()
                .any(|line| line.starts_with(&format!("{dependency}.workspace")));
            assert_eq!(
                named,
                homes.contains(&crate_name),
                "`{dependency}` in src/{crate_name}/Cargo.toml"
            );
        }
    }
}

/// Within a crate of several modules a dependency has one home too.
#[test]
fn every_dependency_has_one_home() {
    for (word, homes) in [
        (
            "tokio",
            &["coordinator", "exchange", "executor", "worker"][..],
        ),
        ("axum", &["executor"]),
        ("tower_http", &["executor"]),
        ("rcgen", &["executor"]),
        ("reqwest", &["exchange", "executor"]),
        ("object_store", &["exchange"]),
        ("futures_util", &["exchange"]),
        ("rustls::crypto::ring", &["protocol"]),
        ("ring::digest", &["protocol"]),
        ("rusqlite", &["store"]),
        ("nvml_wrapper", &["executor", "trainer"]),
        ("memmap2", &["data"]),
        ("println!", &["cli"]),
        ("IsTerminal", &["cli"]),
    ] {
        for (file, text) in tree() {
            assert!(
                !names(&shipped(&text), word) || homes.contains(&module(&file)),
                "`{word}` stands in {file}, its home is {homes:?}"
            );
        }
    }
}

#[test]
fn imports_go_down_only() {
    for (crate_name, modules) in SHARED {
        let files = tree()
            .into_iter()
            .filter(|(file, _)| file.starts_with(&format!("{crate_name}/")));
        for (file, text) in files.filter(|(file, _)| !file.ends_with("/lib.rs")) {
            let here = module(&file);
            let level = modules
                .iter()
                .position(|module| *module == here)
                .unwrap_or_else(|| panic!("{file} is in no module"));
            for above in &modules[level + 1..] {
                let import = format!("crate::{above}::");
                assert!(
                    !shipped(&text).contains(&import),
                    "{file} imports from {above}, which stands above it"
                );
            }
        }
    }
}

/// Fits and expansion are pure: no files, no clock, no environment, no log.
#[test]
fn fits_and_schedules_are_pure() {
    for (file, text) in tree() {
        let pure = module(&file) == "fit"
            || ["sweep/expand.rs", "dispatch/executor/memory_kills.rs"].contains(&file.as_str())
            || file.starts_with("dispatch/coordinator/schedule/");
        for word in [
            "std::fs",
            "File::",
            "Instant::",
            "SystemTime",
            "std::env",
            "std::process",
            "tracing::",
        ] {
            assert!(
                !pure || !shipped(&text).contains(word),
                "{file} uses {word}"
            );
        }
    }
}

/// The clock on the wall is read for people, and to say when something was: files that decide something do not know it.
#[test]
fn nothing_is_decided_by_the_wall_clock() {
    let readers = [
        "cli/events.rs",
        "cli/status.rs",
        "dispatch/store/write.rs",
        "trainer/host.rs",
    ];
    for (file, text) in tree() {
        assert!(
            readers.contains(&file.as_str()) || !shipped(&text).contains("SystemTime"),
            "{file} reads the wall clock"
        );
    }
}

#[test]
fn paths_have_one_author() {
    for name in [
        "metrics.jsonl",
        "outcome.json",
        "launch.json",
        "spec.json",
        "plan.json",
        "sweep.yaml",
        "runs.parquet",
        "curves.parquet",
        "fit.json",
        "log.txt",
        "log.1.txt",
        "coordinator.log",
        "coordinator.1.log",
        "state.sqlite",
        "manifest.json",
        "state.safetensors",
        "checkpoints",
    ] {
        for (file, text) in tree() {
            let literal = format!("\"{name}\"");
            assert!(
                file == "core/run/directory.rs" || !shipped(&text).contains(&literal),
                "{file} writes the path {literal}"
            );
        }
    }
}

#[test]
fn unsafe_code_stands_where_it_must() {
    for (file, text) in tree() {
        let allowed = [
            "core/data/tokens.rs",
            "trainer/cuda.rs",
            "trainer/fused/mod.rs",
        ]
        .contains(&file.as_str());
        assert!(
            allowed || !code(&text).contains("unsafe {"),
            "{file} holds unsafe code"
        );
    }
}

/// A step on a GPU is queued, not waited for: nothing in it asks the device for a number or moves a tensor.
#[test]
fn steps_do_not_wait_for_the_device() {
    let in_a_step = |file: &str| {
        let made_once = ["positions.rs", "relative.rs", "rotary.rs"]
            .map(|name| format!("trainer/model/{name}"));
        let folders = [
            "trainer/model/",
            "trainer/optimizer/",
            "trainer/training.rs",
        ];
        folders.iter().any(|folder| file.starts_with(folder))
            && !made_once.contains(&file.to_owned())
    };
    let files: Vec<(String, String)> = tree()
        .into_iter()
        .filter(|(file, _)| in_a_step(file))
        .collect();
    assert!(files.len() > 8, "{files:?}");
    for (file, text) in files {
        for word in [
            "double_value",
            "int64_value",
            "try_from(&",
            "copy_data",
            "to_device",
            ".print()",
            "is_nonzero",
            ".nonzero()",
        ] {
            assert!(
                !shipped(&text).contains(word),
                "{file} waits for the device: `{word}`"
            );
        }
    }
}

#[test]
fn files_stay_small() {
    let mut lengths: Vec<(usize, String)> = tree()
        .into_iter()
        .map(|(file, text)| (shipped(&text).lines().count(), file))
        .collect();
    lengths.sort();
    let (longest, file) = lengths.last().unwrap();
    assert!(*longest <= 500, "{file} has {longest} lines");
    assert!(
        lengths[lengths.len() / 2].0 <= 120,
        "the median file has {} lines",
        lengths[lengths.len() / 2].0
    );
}
