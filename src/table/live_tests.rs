//! Tests of tables during a sweep, on a copy of the committed study.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use isoflop_core::run::{Outcome, RunId, SweepDir};
use isoflop_sweep::Plan;
use tempfile::TempDir;

use super::live::{follow, follow_every};
use super::{RunStatus, collect};

/// Longest wait for a condition before a test fails.
const TIMEOUT: Duration = Duration::from_secs(60);

/// The committed study without its tables, in a temporary folder.
struct Study {
    _folder: TempDir,
    dir: SweepDir,
    plan: Plan,
}

fn committed() -> SweepDir {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    SweepDir::new(&root.join("results"), "example")
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).unwrap();
        }
    }
}

impl Study {
    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let dir = SweepDir::new(folder.path(), "example");
        copy(&committed().runs(), &dir.runs());
        let plan = Plan::read(&committed().plan()).unwrap();
        Self {
            _folder: folder,
            dir,
            plan,
        }
    }

    /// Removes the outcome of a run and returns it, so that it can be committed again.
    fn remove_outcome(&self, place: usize) -> (RunId, Outcome, PathBuf) {
        let run = &self.plan.runs[place];
        let folder = self.dir.run(&run.id);
        let outcome = Outcome::read_committed(&folder, &run.id, &run.spec).unwrap();
        fs::remove_file(folder.outcome()).unwrap();
        (run.id.clone(), outcome, folder.outcome())
    }

    fn tables(&self) -> [Vec<u8>; 2] {
        [self.dir.runs_table(), self.dir.curves_table()]
            .map(|table| fs::read(table).unwrap_or_default())
    }
}

fn committed_tables() -> [Vec<u8>; 2] {
    [committed().runs_table(), committed().curves_table()].map(|table| fs::read(table).unwrap())
}

#[test]
fn rows_that_came_one_by_one_make_the_same_tables() {
    let study = Study::new();
    let taken: Vec<_> = [0, 50, 107].map(|place| study.remove_outcome(place)).into();
    let (sender, ended) = mpsc::channel();
    for (run, outcome, path) in taken {
        isoflop_core::run::write_json(&path, &outcome).unwrap();
        sender.send((run, outcome)).unwrap();
    }
    drop(sender);
    let tables = follow(&study.dir, &study.plan, &ended).unwrap();
    assert!(tables == collect(&study.dir, &study.plan));
    assert!(study.tables() == committed_tables());
}

#[test]
fn tables_are_up_to_date_while_the_sweep_runs() {
    let study = Study::new();
    let (run, outcome, _) = study.remove_outcome(3);
    let (sender, ended) = mpsc::channel();
    thread::scope(|scope| {
        let following =
            scope.spawn(|| follow_every(&study.dir, &study.plan, &{ ended }, Duration::ZERO));
        let until = |holds: &dyn Fn() -> bool| {
            let began = Instant::now();
            while !holds() {
                assert!(
                    began.elapsed() < TIMEOUT,
                    "the condition was not met in time"
                );
                thread::sleep(Duration::from_millis(10));
            }
        };
        until(&|| study.tables().iter().all(|table| !table.is_empty()));
        assert!(study.tables() != committed_tables());
        sender.send((run, outcome)).unwrap();
        until(&|| study.tables() == committed_tables());
        drop(sender);
        let tables = following.join().unwrap().unwrap();
        assert!(
            tables
                .runs
                .iter()
                .all(|run| run.status == RunStatus::Finished)
        );
    });
}

#[test]
fn a_sweep_without_outcomes_has_no_tables() {
    let mut study = Study::new();
    study.plan.runs.truncate(2);
    study.remove_outcome(0);
    study.remove_outcome(1);
    let (sender, ended) = mpsc::channel();
    drop(sender);
    let tables = follow(&study.dir, &study.plan, &ended).unwrap();
    assert_eq!(tables.runs.len(), 2);
    assert!(study.tables().iter().all(Vec::is_empty));
}
