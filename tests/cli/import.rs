//! `isoflop import`: runs that were trained elsewhere.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use nix::sys::signal::Signal;

use crate::faults::strike;
use crate::messages::said;
use crate::sandbox::{Sandbox, skipped};

const ARMS: &str = "[transformer, primer_ez]";

/// Half of [`crate::sandbox::SWEEP`] is trained in `one`, half in `other`; the file is whole again.
fn halves() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.edit(ARMS, "[transformer]");
    sandbox.ok(&["run", "sweep.yaml", "--results", "one"]);
    sandbox.edit("[transformer]", "[primer_ez]");
    sandbox.ok(&["run", "sweep.yaml", "--results", "other"]);
    sandbox.edit("[primer_ez]", ARMS);
    sandbox
}

/// The folders of runs, whatever is in them.
fn runs(sandbox: &Sandbox, sweep: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(sandbox.path(sweep).join("runs"))
        .into_iter()
        .flatten()
        .flatten();
    let mut runs: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
    runs.sort();
    runs
}

/// Two halves are the whole: its losses, its fits, and its report but for the time that was measured.
#[test]
fn two_halves_make_the_whole() {
    let (sandbox, whole) = (halves(), Sandbox::new());
    whole.ok(&["run", "sweep.yaml"]);
    let first = sandbox.ok(&["import", "one/sweep"]);
    assert!(
        first
            .out
            .contains("sweep: 4 runs imported from `one/sweep`"),
        "{}",
        first.out
    );
    assert!(
        sandbox
            .ok(&["status", "sweep"])
            .out
            .contains("4 of 4 runs finished")
    );
    let second = sandbox.ok(&["import", "other/sweep"]);
    assert!(
        second.err.contains("4 runs not in the plan of sweep"),
        "{}",
        second.err
    );
    assert!(!sandbox.path("results/sweep/importing").exists());

    let plan = sandbox.plan();
    assert_eq!(
        (&plan["changes"]["kept"], &plan["changes"]["kept_done"]),
        (&8.into(), &8.into()),
        "{}",
        plan["changes"]
    );
    let trainer = sandbox.broken_trainer("exit 9");
    sandbox.ok(&["run", "sweep.yaml", "--trainer", trainer.to_str().unwrap()]);
    assert!(
        sandbox
            .ok(&["status", "sweep"])
            .out
            .contains("8 of 8 runs finished")
    );
    assert_eq!(sandbox.losses("results"), whole.losses("results"));
    let read = |sandbox: &Sandbox, file: &str| fs::read_to_string(sandbox.path(file)).unwrap();
    let fits = |sandbox: &Sandbox| {
        let text = read(sandbox, "results/sweep/fit.json");
        let mut fits: serde_json::Value = serde_json::from_str(&text).unwrap();
        for comparison in fits["comparisons"].as_array_mut().unwrap() {
            // What took how long differs from one time to the next.
            let alternatives = comparison["alternatives"].as_array_mut().unwrap();
            alternatives.retain(|other| other["choice"] != "cost in device-seconds");
        }
        fits
    };
    assert_eq!(fits(&sandbox), fits(&whole));
    let report = |sandbox: &Sandbox| {
        let text = read(sandbox, "reports/sweep/report.md");
        text.lines()
            .filter(|line| !line.contains("of device time"))
            .collect::<Vec<_>>()
            .join("\n")
    };
    assert_eq!(report(&sandbox), report(&whole));
    let outcomes = |results: &str| {
        sandbox
            .outcomes_in(results)
            .into_iter()
            .map(|(_, bytes)| bytes)
            .collect::<Vec<_>>()
    };
    let mut both = [outcomes("one"), outcomes("other")].concat();
    let mut imported = outcomes("results");
    both.sort();
    imported.sort();
    assert!(both == imported, "an outcome was changed on its way");
}

/// A sweep that is taken over whole can be gone on with.
#[test]
fn a_whole_sweep_is_taken_over() {
    let sandbox = halves();
    fs::remove_dir_all(runs(&sandbox, "one/sweep").remove(0)).unwrap();
    let imported = sandbox.json(&["import", "one/sweep", "--into", "again"]);
    assert_eq!(
        (
            imported["imported"].as_array().unwrap().len(),
            &imported["new_sweep"]
        ),
        (3, &true.into())
    );
    for file in ["sweep.yaml", "train.txt", "val.txt"] {
        fs::remove_file(sandbox.path(file)).unwrap();
    }
    let ran = sandbox.ok(&["resume", "again"]);
    assert!(
        ran.err.contains("4 runs, 3 of them already done"),
        "{}",
        ran.err
    );
    assert!(ran.out.contains("reports/again/report.md"), "{}", ran.out);
}

/// What is said where the folders overlap and one is in a bad way.
#[test]
fn overlaps_and_damage_are_told() {
    let sandbox = halves();
    sandbox.ok(&["import", "one/sweep"]);
    let folders = runs(&sandbox, "one/sweep");
    let alter = |file: PathBuf, from: &str, to: &str| {
        let text = fs::read_to_string(&file).unwrap();
        assert!(text.contains(from), "{file:?} has no `{from}`");
        fs::write(file, text.replacen(from, to, 1)).unwrap();
    };
    alter(
        folders[0].join("outcome.json"),
        "\"loss_val\": ",
        "\"loss_val\": 1",
    );
    alter(
        folders[0].join("outcome.json"),
        "\"host\": \"",
        "\"host\": \"not-",
    );
    let folders = runs(&sandbox, "other/sweep");
    alter(folders[0].join("outcome.json"), "}", "");
    alter(folders[1].join("attempts/1/metrics.jsonl"), "loss", "lass");
    alter(folders[2].join("spec.json"), "\"seed\": 1", "\"seed\": 2");
    fs::remove_file(folders[3].join("outcome.json")).unwrap();

    let mut told = String::new();
    for from in ["one/sweep", "other/sweep"] {
        let ran = sandbox.ok(&["import", from]);
        told += &format!("## {from}\n{}{}\n", ran.out, ran.stderr);
        let json = serde_json::to_string_pretty(&sandbox.json(&["import", from])).unwrap();
        told += &format!("{json}\n\n");
    }
    // What differs between machines.
    let outcome: serde_json::Value = serde_json::from_slice(&sandbox.outcomes()[0].1).unwrap();
    for name in ["host", "hardware"] {
        told = told.replace(
            outcome["provenance"][name].as_str().unwrap(),
            &name.to_uppercase(),
        );
    }
    let spec = fs::read_to_string(folders[2].join("spec.json")).unwrap();
    assert!(spec.contains("\"seed\": 2"));
    insta::with_settings!({filters => vec![(r"\b1?\d\.\d{4,}", "LOSS"), (r"[\d.]+e\d nats", "DIFFERENCE nats")]}, {
        insta::assert_snapshot!(told);
    });
}

/// A run that was begun here and not ended takes the result, as an attempt after ours.
#[test]
fn an_unfinished_run_takes_the_result() {
    let sandbox = halves();
    sandbox.ok(&["import", "one/sweep"]);
    let run = runs(&sandbox, "results/sweep").remove(0);
    fs::remove_file(run.join("outcome.json")).unwrap();
    fs::write(run.join("attempts/1/metrics.jsonl"), "ours").unwrap();
    fs::create_dir_all(run.join("checkpoints/5")).unwrap();
    let imported = sandbox.json(&["import", "one/sweep"]);
    assert_eq!(
        imported["imported"].as_array().unwrap().len(),
        1,
        "{imported}"
    );
    assert_eq!(
        fs::read_to_string(run.join("attempts/1/metrics.jsonl")).unwrap(),
        "ours"
    );
    for outcome in ["outcome.json", "attempts/2/outcome.json"] {
        let outcome: serde_json::Value =
            serde_json::from_slice(&fs::read(run.join(outcome)).unwrap()).unwrap();
        assert_eq!(outcome["attempt"], 2);
    }
    assert!(!run.join("checkpoints/5").exists());
    assert!(
        sandbox
            .ok(&["status", "sweep"])
            .out
            .contains("4 of 4 runs finished")
    );
}

/// Killed wherever it is, it leaves whole runs or none, and goes on when it is run again.
#[test]
fn a_killed_import_goes_on() {
    let sandbox = halves();
    for delay in 0..12 {
        let mut import = sandbox
            .command(&["import", "one/sweep"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        // Not a wait for anything: a moment within it that differs from round to round.
        std::thread::sleep(std::time::Duration::from_millis(3 * delay));
        strike(&import, Signal::SIGKILL);
        import.wait().unwrap();
        for run in runs(&sandbox, "results/sweep") {
            assert!(run.join("outcome.json").exists(), "{run:?} is half there");
        }
    }
    // A copy that was under way.
    fs::create_dir_all(sandbox.path("results/sweep/importing/0123456789abcdef/attempts")).unwrap();
    sandbox.ok(&["import", "one/sweep"]);
    assert!(!sandbox.path("results/sweep/importing").exists());
    assert!(
        sandbox
            .ok(&["status", "sweep"])
            .out
            .contains("4 of 4 runs finished")
    );
}

#[test]
fn what_cannot_be_imported() {
    let sandbox = Sandbox::new();
    sandbox.edit("[d12-l2, d16-l2]", "[d12-l2]");
    sandbox.edit("[2e8, 4e8]", "[2e8]");
    sandbox.ok(&["run", "sweep.yaml"]);
    fs::create_dir_all(sandbox.path("bare/sweep/runs")).unwrap();
    let mut said_of = String::new();
    for (name, arguments) in [
        ("nothing", vec!["import", "nowhere"]),
        ("a folder of several sweeps", vec!["import", "results"]),
        ("a file", vec!["import", "sweep.yaml"]),
        ("the sweep itself", vec!["import", "results/sweep"]),
        (
            "a folder without a plan, into nothing",
            vec!["import", "bare/sweep", "--into", "new"],
        ),
        (
            "a name that is no folder's",
            vec!["import", "results/sweep", "--into", "../elsewhere"],
        ),
        ("the folder that one is in", vec!["import", "."]),
    ] {
        said_of += &format!("## {name}\n{}\n\n", said(&sandbox, &arguments));
    }
    fs::create_dir_all(sandbox.path("busy/sweep")).unwrap();
    let lock = fs::File::create(sandbox.path("busy/sweep/lock")).unwrap();
    lock.lock().unwrap();
    said_of += &format!(
        "## a sweep in use\n{}\n\n",
        said(&sandbox, &["import", "results/sweep", "--results", "busy"])
    );
    sandbox.write("results/sweep/plan.json", "{");
    let arguments = ["import", "bare/sweep", "--into", "sweep"];
    said_of += &format!(
        "## into a sweep whose plan is damaged\n{}\n",
        said(&sandbox, &arguments)
    );
    insta::assert_snapshot!(said_of);
}

/// A disk that fills up keeps what was imported; with space again the rest follows.
#[test]
fn a_full_disk_stops_an_import() {
    let sandbox = halves();
    let disk = sandbox.path("disk");
    fs::create_dir(&disk).unwrap();
    let mount = |options: &str| {
        let mut mount = Command::new("mount");
        mount
            .args(["-t", "tmpfs", "-o", options, "tmpfs"])
            .arg(&disk)
            .stderr(Stdio::null());
        mount.status().is_ok_and(|status| status.success())
    };
    if !mount("size=2m") {
        skipped("this user may not mount a small disk");
        return;
    }
    let text: u64 = ["train.txt", "val.txt"]
        .iter()
        .map(|name| fs::metadata(sandbox.path(name)).unwrap().len())
        .sum();
    let filler = disk.join("filler");
    fs::write(&filler, vec![0; (2 << 20) - text as usize - (90 << 10)]).unwrap();
    let import = ["import", "one/sweep", "--results", "disk"];
    let full = sandbox.run(&import);
    let (kept, begun) = (
        sandbox.outcomes_in("disk").len(),
        runs(&sandbox, "disk/sweep").len(),
    );
    fs::remove_file(&filler).unwrap();
    let again = sandbox.run(&import);
    let all = sandbox.outcomes_in("disk").len();
    assert!(
        Command::new("umount")
            .arg(&disk)
            .status()
            .unwrap()
            .success()
    );

    assert_eq!(full.code, 1, "{}", full.err);
    assert!(
        full.err.contains("No space left on device") && full.err.contains("hint: free space"),
        "{}",
        full.err
    );
    assert!(
        (1..4).contains(&kept) && begun == kept,
        "{kept} whole, {begun} begun"
    );
    assert_eq!((again.code, all), (0, 4), "{}", again.err);
}
