//! `isoflop resume`: what a results folder is worth by itself.

use std::fs;

use nix::sys::signal::Signal;

use crate::faults::{slow, start, strike, while_others_train};
use crate::messages::said;
use crate::sandbox::Sandbox;

/// An interrupted sweep is moved, its file and text are lost: it ends with the bits of one that was left alone.
#[test]
fn a_sweep_goes_on_from_its_results_alone() {
    let (sandbox, untouched) = (slow(), slow());
    untouched.ok(&["run", "sweep.yaml"]);
    let mut coordinator = start(&sandbox);
    // Two runs may come to their ends.
    while_others_train(&sandbox, 1..6, || strike(&coordinator, Signal::SIGINT));
    coordinator.wait().unwrap();
    for file in ["sweep.yaml", "train.txt", "val.txt"] {
        fs::remove_file(sandbox.path(file)).unwrap();
    }
    fs::rename(sandbox.path("results"), sandbox.path("moved")).unwrap();
    let before = sandbox.outcomes_in("moved");
    assert!((1..8).contains(&before.len()), "{}", before.len());

    let ran = sandbox.ok(&["resume", "sweep", "--results", "moved"]);
    assert!(
        ran.err.contains(&format!(
            "8 runs, {} of them already done, 2 side by side",
            before.len()
        )),
        "{}",
        ran.err
    );
    assert!(ran.err.contains("8 of 8 runs are done"), "{}", ran.err);
    assert!(
        ran.out.contains("report: reports/sweep/report.md"),
        "{}",
        ran.out
    );
    assert!(
        before
            .iter()
            .all(|outcome| sandbox.outcomes_in("moved").contains(outcome)),
        "a finished run was repeated"
    );
    assert_eq!(sandbox.losses("moved"), untouched.losses("results"));
}

/// The copy is the file that the plan was made from, word for word.
#[test]
fn the_sweep_file_lies_with_its_results() {
    let sandbox = Sandbox::new();
    sandbox.edit("[d12-l2, d16-l2]", "[d12-l2]  # one size");
    sandbox.ok(&["run", "sweep.yaml"]);
    let copies = || {
        (
            fs::read(sandbox.path("sweep.yaml")).unwrap(),
            fs::read(sandbox.path("results/sweep/sweep.yaml")).unwrap(),
        )
    };
    let (file, copy) = copies();
    assert_eq!(file, copy);
    sandbox.edit("one size", "still one");
    sandbox.ok(&["run", "sweep.yaml"]);
    let (file, copy) = copies();
    assert_eq!(file, copy);
}

#[test]
fn what_cannot_be_resumed() {
    let sandbox = Sandbox::new();
    sandbox.edit("[d12-l2, d16-l2]", "[d12-l2]");
    sandbox.edit("[2e8, 4e8]", "[2e8]");
    sandbox.ok(&["run", "sweep.yaml"]);
    let (plan, file) = ("results/sweep/plan.json", "results/sweep/sweep.yaml");
    let read = |name: &str| fs::read_to_string(sandbox.path(name)).unwrap();
    let digest = serde_json::from_str::<serde_json::Value>(&read(plan)).unwrap()["runs"][0]["spec"]
        ["data"]["train_digest"]
        .as_str()
        .unwrap()
        .to_owned();
    let tokens = format!("results/sweep/data/{digest}.tokens");
    let lost = |name: &str| {
        fs::rename(sandbox.path(name), sandbox.path("lost")).unwrap();
        let said = said(&sandbox, &["resume", "sweep"]);
        fs::rename(sandbox.path("lost"), sandbox.path(name)).unwrap();
        said
    };
    let altered = |name: &str, from: &str, to: &str| {
        let text = read(name);
        assert!(text.contains(from), "{name} has no `{from}`");
        sandbox.write(name, text.replacen(from, to, 1));
        let said = said(&sandbox, &["resume", "sweep"]);
        sandbox.write(name, text);
        said
    };
    let mut said_of = String::new();
    for (name, said) in [
        ("no results", said(&sandbox, &["resume", "nothing"])),
        ("results of an older isoflop", lost(file)),
        (
            "runs of another version",
            altered(plan, "\"version\":3", "\"version\":2"),
        ),
        ("a plan cut short", altered(plan, "}\n]\n}", "}")),
        (
            "a copy that is no sweep file",
            altered(file, "seeds:", "seed:"),
        ),
        (
            "a copy with settings that make no sense",
            altered(file, "slots: 2", "slots: 0"),
        ),
        (
            "a copy of the form before `policy`",
            altered(file, "slots: 2", "slots: 2\n    max_attempts: 3"),
        ),
        ("tokens that are missing", lost(&tokens)),
        (
            "tokens that are altered",
            altered(&tokens, "river", "RIVER"),
        ),
        (
            "no trainer",
            said(&sandbox, &["resume", "sweep", "--trainer", "nowhere"]),
        ),
    ] {
        said_of += &format!("## {name}\n{said}\n\n");
    }
    insta::assert_snapshot!(said_of.replace(&digest, "DIGEST"));
}
