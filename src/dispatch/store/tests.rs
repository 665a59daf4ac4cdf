use std::collections::HashMap;

use proptest::prelude::*;
use tempfile::TempDir;

use super::*;
use isoflop_core::run::{Budget, RunId, RunSpec, SweepDir, example_spec};
use isoflop_sweep::PlannedRun;

fn folder() -> (TempDir, SweepDir) {
    let root = TempDir::new().unwrap();
    let sweep = SweepDir::new(root.path(), "sweep");
    std::fs::create_dir_all(sweep.root()).unwrap();
    (root, sweep)
}

fn id(number: usize) -> RunId {
    serde_json::from_str(&format!("\"{number:016x}\"")).unwrap()
}

/// Opens or creates the store, with these runs.
fn opened(sweep: &SweepDir, ids: &[RunId], records: &[RunRecord]) -> Store {
    let planned = |id: &RunId| PlannedRun {
        id: id.clone(),
        arm: "one".to_owned(),
        size: "d12-l2".to_owned(),
        lr_factor: None,
        priority: 0,
        spec: RunSpec {
            budget: Budget::Flops(1e9),
            ..example_spec()
        },
    };
    let runs: Vec<_> = ids.iter().map(planned).collect();
    let opened = OpenStore::of(sweep).unwrap();
    opened
        .adopt(&runs, records, &vec![None; runs.len()])
        .unwrap()
}

fn records(sweep: &SweepDir) -> HashMap<String, RunRecord> {
    StoreReader::open(sweep)
        .unwrap()
        .unwrap()
        .records()
        .unwrap()
}

fn waiting(attempts: u32) -> RunRecord {
    RunRecord {
        attempts,
        ..RunRecord::default()
    }
}

fn leased(attempts: u32) -> RunRecord {
    RunRecord {
        state: RunState::leased(attempts, 0),
        ..waiting(attempts)
    }
}

fn done() -> RunRecord {
    RunRecord {
        state: RunState::Done,
        ..waiting(1)
    }
}

fn changed(run: &RunId, record: &RunRecord, lease: LeaseChange) -> RunChange {
    RunChange {
        run: run.clone(),
        record: record.clone(),
        lease,
    }
}

fn written(store: &mut Store, change: RunChange) -> ChangeResult {
    store.write(&[change]).unwrap()[0]
}

fn lease(store: &mut Store, run: &RunId, attempts: u32) -> ChangeResult {
    written(
        store,
        changed(run, &leased(attempts), LeaseChange::Acquired(0)),
    )
}

/// The token of a new lease.
fn token(written: ChangeResult) -> FencingToken {
    match written {
        ChangeResult::Leased(fence) => fence,
        other => panic!("no lease: {other:?}"),
    }
}

fn ended(store: &mut Store, run: &RunId, fence: FencingToken, record: &RunRecord) -> ChangeResult {
    let end = LeaseChange::Ended(fence, Ok(Some(2.5)));
    written(store, changed(run, record, end))
}

#[test]
fn a_stale_token_changes_nothing() {
    let (_root, sweep) = folder();

    let run = id(7);
    let mut store = opened(&sweep, std::slice::from_ref(&run), &[RunRecord::default()]);
    let first = token(lease(&mut store, &run, 1));
    assert_eq!(
        lease(&mut store, &run, 2),
        ChangeResult::Stale,
        "the run is leased"
    );
    // The first attempt ends, and a second attempt gets the run.
    assert_eq!(
        ended(&mut store, &run, first, &waiting(1)),
        ChangeResult::Yes
    );
    let second = token(lease(&mut store, &run, 2));
    assert!(second > first);
    assert_ne!(store.token(first), store.token(second));

    let before = records(&sweep);
    assert_eq!(
        ended(&mut store, &run, first, &done()),
        ChangeResult::Stale,
        "a late delivery"
    );
    for late in [LeaseChange::Kept(first), LeaseChange::Absent(None)] {
        let late = changed(&run, &done(), late);
        assert_eq!(written(&mut store, late), ChangeResult::Stale);
    }
    assert_eq!(records(&sweep), before);
    assert_eq!(ended(&mut store, &run, second, &done()), ChangeResult::Yes);
    assert_eq!(
        ended(&mut store, &run, second, &done()),
        ChangeResult::Stale,
        "a second delivery"
    );
    assert_eq!(records(&sweep)[run.as_str()], done());
}

/// An engine's attempt outlives its coordinator and keeps its lease: the token is still valid for
/// the next coordinator.
#[test]
fn a_lease_that_is_kept_keeps_its_token() {
    let (_root, sweep) = folder();

    let ids = [id(1), id(2)];
    let mut store = opened(&sweep, &ids, &[RunRecord::default(), RunRecord::default()]);
    let fences = ids.each_ref().map(|run| token(lease(&mut store, run, 1)));
    // The first lease is kept, the second is not.
    let mut store = opened(&sweep, &ids, &[leased(1), waiting(1)]);
    assert_eq!(
        OpenStore::of(&sweep).unwrap().fences().unwrap(),
        [(ids[0].to_string(), fences[0])].into()
    );
    let open = "SELECT count(*) FROM attempts WHERE ended_at IS NULL";
    assert_eq!(store.database.value::<i64>(open, []).unwrap(), 1);
    assert_eq!(
        ended(&mut store, &ids[0], fences[0], &done()),
        ChangeResult::Yes
    );
    assert_eq!(
        ended(&mut store, &ids[1], fences[1], &done()),
        ChangeResult::Stale
    );
}

/// Commands can read while the coordinator writes, and see complete transactions.
#[test]
fn readers_see_whole_transactions() {
    let (_root, sweep) = folder();

    let ids: Vec<RunId> = (0..50).map(id).collect();
    let mut store = opened(&sweep, &ids, &vec![RunRecord::default(); ids.len()]);
    let reading = {
        let sweep = sweep.clone();
        std::thread::spawn(move || {
            let reader = StoreReader::open(&sweep).unwrap().unwrap();
            loop {
                let counts = reader.counts().unwrap();
                assert_eq!(counts.total(), 50);
                assert!([0, 50].contains(&counts.of("leased")), "{counts:?}");
                if counts.of("done") == 50 {
                    return;
                }
            }
        })
    };
    let lease = |run| changed(run, &leased(1), LeaseChange::Acquired(0));
    let leases: Vec<_> = ids.iter().map(lease).collect();
    let tokens = store.write(&leases).unwrap().into_iter().map(token);
    let end = |fence| LeaseChange::Ended(fence, Ok(None));
    let ends = ids.iter().zip(tokens);
    let ends: Vec<_> = ends
        .map(|(run, fence)| changed(run, &done(), end(fence)))
        .collect();
    store.write(&ends).unwrap();
    reading.join().unwrap();
}

#[test]
fn a_run_that_is_no_longer_wanted_is_kept_without_a_place() {
    let (_root, sweep) = folder();

    let [one, two, three] = [1, 2, 3].map(id);
    opened(&sweep, &[one.clone(), two.clone()], &[done(), waiting(0)]);
    opened(
        &sweep,
        &[two.clone(), three.clone()],
        &[waiting(0), waiting(0)],
    );
    let reader = StoreReader::open(&sweep).unwrap().unwrap();
    let wanted: Vec<String> = reader
        .runs()
        .unwrap()
        .into_iter()
        .map(|run| run.id)
        .collect();
    assert_eq!(wanted, [two.to_string(), three.to_string()]);
    assert_eq!(reader.named(one.as_str()).unwrap()[0].record, done());
    assert_eq!(reader.counts().unwrap().total(), 2);
}

#[test]
fn requests_are_carried_out_once() {
    let (_root, sweep) = folder();
    let mut store = opened(&sweep, &[], &[]);
    let mut reader = StoreReader::open(&sweep).unwrap().unwrap();
    let asked = reader
        .ask(RequestKind::Cancel, &["a".into(), "b".into()])
        .unwrap();
    assert_eq!(reader.answer(asked[0]).unwrap(), None);
    let requests = store.requests().unwrap();
    assert_eq!(
        requests
            .iter()
            .map(|request| request.run.as_str())
            .collect::<Vec<_>>(),
        ["a", "b"]
    );
    store.answer(&[(asked[0], "cancelled".into())]).unwrap();
    assert_eq!(
        reader.answer(asked[0]).unwrap().as_deref(),
        Some("cancelled")
    );
    assert_eq!(store.requests().unwrap(), requests[1..]);
}

/// The next coordinator closes attempts that a killed one left open, and their tokens become
/// invalid.
#[test]
fn a_dead_coordinators_leases_are_void() {
    let (_root, sweep) = folder();
    let run = id(7);
    let mut store = opened(&sweep, std::slice::from_ref(&run), &[RunRecord::default()]);
    let fence = token(lease(&mut store, &run, 1));
    drop(store);
    assert_eq!(
        OpenStore::of(&sweep).unwrap().records().unwrap()[run.as_str()],
        leased(1),
        "the attempt was counted"
    );
    let mut store = opened(&sweep, std::slice::from_ref(&run), &[waiting(1)]);
    assert_eq!(ended(&mut store, &run, fence, &done()), ChangeResult::Stale);
    assert!(matches!(lease(&mut store, &run, 2), ChangeResult::Leased(next) if next > fence));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    /// For leases and ends of many runs in any order, with any past token: at most one attempt has
    /// a run, and only its token ends it.
    #[test]
    fn one_attempt_holds_a_run(steps in proptest::collection::vec((0usize..4, any::<bool>(), any::<prop::sample::Index>()), 1..60)) {
        let (_root, sweep) = folder();

        let ids: Vec<RunId> = (0..4).map(id).collect();
        let mut store = opened(&sweep, &ids, &vec![RunRecord::default(); 4]);
        let (mut holders, mut tokens) = ([None; 4], Vec::new());
        for (run, claims, pick) in steps {
            if claims {
                let written = lease(&mut store, &ids[run], 1);
                prop_assert_eq!(matches!(written, ChangeResult::Leased(_)), holders[run].is_none());
                if let ChangeResult::Leased(fence) = written {
                    prop_assert!(tokens.iter().all(|token| *token < fence));
                    holders[run] = Some(fence);
                    tokens.push(fence);
                }
            } else if !tokens.is_empty() {
                let fence = tokens[pick.index(tokens.len())];
                let written = ended(&mut store, &ids[run], fence, &RunRecord::default());
                prop_assert_eq!(written == ChangeResult::Yes, holders[run] == Some(fence));
                if written == ChangeResult::Yes {
                    holders[run] = None;
                }
            }
        }
    }
}

/// Readers do not see a store that is incomplete, even if its coordinator was killed.
#[test]
fn a_reader_sees_no_store_before_it_lists_the_runs() {
    let (_root, sweep) = folder();
    let ids: Vec<RunId> = (0..50).map(id).collect();
    let sees_none = || assert!(StoreReader::open(&sweep).unwrap().is_none());
    sees_none();
    // An earlier version of isoflop, which created its store in place, may have left an empty file.
    std::fs::write(sweep.store(), "").unwrap();
    sees_none();
    let empty = rusqlite::Connection::open(sweep.store()).unwrap();
    empty
        .execute_batch("PRAGMA journal_mode = WAL; PRAGMA user_version = 0;")
        .unwrap();
    sees_none();
    // Simulate a killed coordinator, with the log of another store next to the file.
    std::mem::forget(empty);
    for _ in 0..2 {
        drop(OpenStore::of(&sweep).unwrap());
        sees_none();
    }
    let store = opened(&sweep, &ids, &vec![RunRecord::default(); ids.len()]);
    let reader = StoreReader::open(&sweep).unwrap().unwrap();
    assert_eq!(reader.counts().unwrap().of("queued"), 50);
    store.close().unwrap();
    let left: Vec<_> = std::fs::read_dir(sweep.root()).unwrap().collect();
    assert_eq!(left.len(), 3, "{left:?}");
}

/// Commands that read from the start see no store or a complete one, and do not prevent its
/// creation.
#[test]
fn readers_beside_a_store_in_the_making_see_all_or_none() {
    let ids: Vec<RunId> = (0..50).map(id).collect();
    let records = vec![RunRecord::default(); ids.len()];
    for _ in 0..20 {
        let (_root, sweep) = folder();
        let readers: Vec<_> = (0..2)
            .map(|_| {
                let sweep = sweep.clone();
                std::thread::spawn(move || {
                    loop {
                        if let Some(reader) = StoreReader::open(&sweep).unwrap() {
                            return reader.counts().unwrap().total();
                        }
                    }
                })
            })
            .collect();
        let store = opened(&sweep, &ids, &records);
        for reader in readers {
            assert_eq!(reader.join().unwrap(), 50);
        }
        store.close().unwrap();
    }
}
