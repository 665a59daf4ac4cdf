//! What must hold of a sweep's folder and processes, whatever happened to it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::sandbox::Sandbox;

/// Live processes that were started in the sandbox. A dead one that nobody has waited for has no working directory.
pub(super) fn processes_in(sandbox: &Sandbox) -> Vec<i32> {
    let root = sandbox.path("").canonicalize().unwrap();
    let pids = fs::read_dir("/proc")
        .unwrap()
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    pids.filter(|pid: &i32| fs::read_link(format!("/proc/{pid}/cwd")).is_ok_and(|cwd| cwd == root))
        .collect()
}

pub(super) fn run_of(outcome: &Path) -> String {
    outcome
        .parent()
        .unwrap()
        .file_name()
        .unwrap()
        .to_str()
        .unwrap()
        .to_owned()
}

/// The folders of a run's attempts, by the path of its outcome.
pub(super) fn attempts(outcome: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(outcome.with_file_name("attempts"))
        .into_iter()
        .flatten()
        .flatten();
    entries.map(|entry| entry.path()).collect()
}

fn read_json(path: &Path) -> Option<Value> {
    serde_json::from_slice(&fs::read(path).ok()?).ok()
}

/// What each run ended with: a run, one result. Nothing in it is measured by the clock.
pub(super) fn results(sandbox: &Sandbox) -> BTreeMap<String, Value> {
    let status = sandbox.json(&["status", "sweep"]);
    let mut results = BTreeMap::new();
    for row in status.as_array().unwrap() {
        let id = row["id"].as_str().unwrap().to_owned();
        let path = sandbox.path(&format!("results/sweep/runs/{id}/outcome.json"));
        let outcome = read_json(&path).unwrap_or_else(|| panic!("the run {id} has no outcome"));
        let result = [
            &row["loss_val"],
            &outcome["ending"],
            &outcome["steps"],
            &outcome["tokens"],
            &outcome["flops"],
        ];
        assert_eq!(
            results.insert(id, json!(result)),
            None,
            "a run has two results"
        );
    }
    assert_eq!(results.len(), sandbox.outcomes().len());
    results
}

/// Each outcome is of the attempt that it names, and no two attempts ever had the same fencing token.
pub(super) fn fences_are_right(sandbox: &Sandbox) {
    let mut fences = BTreeSet::new();
    for (path, outcome) in sandbox.outcomes() {
        let outcome: Value = serde_json::from_slice(&outcome).unwrap();
        for attempt in attempts(&path) {
            // A launch file may be what was damaged.
            let Some(launch) = read_json(&attempt.join("launch.json")) else {
                continue;
            };
            if launch["attempt"] == outcome["attempt"] {
                assert_eq!(launch["fence"], outcome["fence"], "{}", attempt.display());
            }
            assert!(
                fences.insert(launch["fence"].to_string()),
                "{} has a used token",
                attempt.display()
            );
        }
    }
}

pub(super) fn nothing_is_left_over(sandbox: &Sandbox) {
    for folder in ["results", "reports"] {
        let files = files_under(&sandbox.path(folder));
        let temporary = files.iter().find(|file| {
            let name = file.file_name().unwrap().to_string_lossy();
            name.contains(".tmp.") || name.contains(".new")
        });
        assert!(temporary.is_none(), "{temporary:?} is left over");
    }
    for log in files_under(&sandbox.path("results"))
        .iter()
        .filter(|file| file.ends_with("log.txt"))
    {
        let said = fs::read_to_string(log).unwrap();
        assert!(!said.contains("panicked at"), "{said}");
    }
}

/// All files under a folder, in order.
pub(super) fn files_under(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry.path().is_dir() {
            files.extend(files_under(&entry.path()));
        } else {
            files.push(entry.path());
        }
    }
    files.sort();
    files
}
