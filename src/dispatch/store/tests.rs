use std::collections::HashMap;

use proptest::prelude::*;
use tempfile::TempDir;

use super::*;
use isoflop_core::run::{Budget, RunId, RunSpec, SweepDir, example};
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

/// The store, opened or made, with these runs.
fn opened(sweep: &SweepDir, ids: &[RunId], records: &[Record]) -> Store {
    let planned = |id: &RunId| PlannedRun {
        id: id.clone(),
        arm: "one".to_owned(),
        size: "d12-l2".to_owned(),
        lr_factor: None,
        priority: 0,
        spec: RunSpec {
            budget: Budget::Flops(1e9),
            ..example()
        },
    };
    let runs: Vec<_> = ids.iter().map(planned).collect();
    let opened = Opened::of(sweep).unwrap();
    opened
        .adopt(&runs, records, &vec![None; runs.len()])
        .unwrap()
}

fn records(sweep: &SweepDir) -> HashMap<String, Record> {
    Reader::open(sweep).unwrap().unwrap().records().unwrap()
}

fn waiting(attempts: u32) -> Record {
    Record {
        attempts,
        ..Record::default()
    }
}

fn leased(attempts: u32) -> Record {
    Record {
        state: RunState::leased(attempts, 0),
        ..waiting(attempts)
    }
}

fn done() -> Record {
    Record {
        state: RunState::Done,
        ..waiting(1)
    }
}

fn changed(run: &RunId, record: &Record, lease: LeaseChange) -> Change {
    Change {
        run: run.clone(),
        record: record.clone(),
        lease,
    }
}

fn written(store: &mut Store, change: Change) -> Written {
    store.write(&[change]).unwrap()[0]
}

fn lease(store: &mut Store, run: &RunId, attempts: u32) -> Written {
    written(store, changed(run, &leased(attempts), LeaseChange::Made(0)))
}

/// The token of a lease that is had.
fn token(written: Written) -> Fence {
    match written {
        Written::Leased(fence) => fence,
        other => panic!("no lease: {other:?}"),
    }
}

fn ended(store: &mut Store, run: &RunId, fence: Fence, record: &Record) -> Written {
    let end = LeaseChange::Ended(fence, Ok(Some(2.5)));
    written(store, changed(run, record, end))
}

#[test]
fn a_stale_token_changes_nothing() {
    let (_root, sweep) = folder();

    let run = id(7);
    let mut store = opened(&sweep, std::slice::from_ref(&run), &[Record::default()]);
    let first = token(lease(&mut store, &run, 1));
    assert_eq!(lease(&mut store, &run, 2), Written::Stale, "it is held");
    // The first attempt is given up, and the run is given to a second.
    assert_eq!(ended(&mut store, &run, first, &waiting(1)), Written::Yes);
    let second = token(lease(&mut store, &run, 2));
    assert!(second > first);
    assert_ne!(store.token(first), store.token(second));

    let before = records(&sweep);
    assert_eq!(
        ended(&mut store, &run, first, &done()),
        Written::Stale,
        "a late delivery"
    );
    for late in [LeaseChange::Kept(first), LeaseChange::Absent(None)] {
        let late = changed(&run, &done(), late);
        assert_eq!(written(&mut store, late), Written::Stale);
    }
    assert_eq!(records(&sweep), before);
    assert_eq!(ended(&mut store, &run, second, &done()), Written::Yes);
    assert_eq!(
        ended(&mut store, &run, second, &done()),
        Written::Stale,
        "a second delivery"
    );
    assert_eq!(records(&sweep)[run.as_str()], done());
}

/// An engine's attempt outlives its coordinator: the next one finds it holding its run, by the same token.
#[test]
fn a_lease_that_is_kept_keeps_its_token() {
    let (_root, sweep) = folder();

    let ids = [id(1), id(2)];
    let mut store = opened(&sweep, &ids, &[Record::default(), Record::default()]);
    let fences = ids.each_ref().map(|run| token(lease(&mut store, run, 1)));
    // The first is kept, the second is not.
    let mut store = opened(&sweep, &ids, &[leased(1), waiting(1)]);
    assert_eq!(
        Opened::of(&sweep).unwrap().fences().unwrap(),
        [(ids[0].to_string(), fences[0])].into()
    );
    let open = "SELECT count(*) FROM attempts WHERE ended_at IS NULL";
    assert_eq!(store.database.value::<i64>(open, []).unwrap(), 1);
    assert_eq!(ended(&mut store, &ids[0], fences[0], &done()), Written::Yes);
    assert_eq!(
        ended(&mut store, &ids[1], fences[1], &done()),
        Written::Stale
    );
}

/// Any command reads while the coordinator writes; what it sees is a whole transaction.
#[test]
fn readers_see_whole_transactions() {
    let (_root, sweep) = folder();

    let ids: Vec<RunId> = (0..50).map(id).collect();
    let mut store = opened(&sweep, &ids, &vec![Record::default(); ids.len()]);
    let reading = {
        let sweep = sweep.clone();
        std::thread::spawn(move || {
            let reader = Reader::open(&sweep).unwrap().unwrap();
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
    let lease = |run| changed(run, &leased(1), LeaseChange::Made(0));
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
    let reader = Reader::open(&sweep).unwrap().unwrap();
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
    let mut reader = Reader::open(&sweep).unwrap().unwrap();
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

/// Attempts that a dead coordinator left open are closed when the next one begins, and their tokens are no use any more.
#[test]
fn a_dead_coordinators_leases_are_void() {
    let (_root, sweep) = folder();
    let run = id(7);
    let mut store = opened(&sweep, std::slice::from_ref(&run), &[Record::default()]);
    let fence = token(lease(&mut store, &run, 1));
    drop(store);
    assert_eq!(
        Opened::of(&sweep).unwrap().records().unwrap()[run.as_str()],
        leased(1),
        "it was counted"
    );
    let mut store = opened(&sweep, std::slice::from_ref(&run), &[waiting(1)]);
    assert_eq!(ended(&mut store, &run, fence, &done()), Written::Stale);
    assert!(matches!(lease(&mut store, &run, 2), Written::Leased(next) if next > fence));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    /// Leases and ends of many runs in any order, with any token that ever was: at most one attempt holds a run, and only its
    /// token ends it.
    #[test]
    fn one_attempt_holds_a_run(steps in proptest::collection::vec((0usize..4, any::<bool>(), any::<prop::sample::Index>()), 1..60)) {
        let (_root, sweep) = folder();

        let ids: Vec<RunId> = (0..4).map(id).collect();
        let mut store = opened(&sweep, &ids, &vec![Record::default(); 4]);
        let (mut holders, mut tokens) = ([None; 4], Vec::new());
        for (run, claims, pick) in steps {
            if claims {
                let written = lease(&mut store, &ids[run], 1);
                prop_assert_eq!(matches!(written, Written::Leased(_)), holders[run].is_none());
                if let Written::Leased(fence) = written {
                    prop_assert!(tokens.iter().all(|token| *token < fence));
                    holders[run] = Some(fence);
                    tokens.push(fence);
                }
            } else if !tokens.is_empty() {
                let fence = tokens[pick.index(tokens.len())];
                let written = ended(&mut store, &ids[run], fence, &Record::default());
                prop_assert_eq!(written == Written::Yes, holders[run] == Some(fence));
                if written == Written::Yes {
                    holders[run] = None;
                }
            }
        }
    }
}

/// A store that is in the making, or was when its coordinator died, is none yet.
#[test]
fn a_reader_sees_no_store_before_it_lists_the_runs() {
    let (_root, sweep) = folder();
    let ids: Vec<RunId> = (0..50).map(id).collect();
    let sees_none = || assert!(Reader::open(&sweep).unwrap().is_none());
    sees_none();
    // What an isoflop that made its store in place may have left.
    std::fs::write(sweep.store(), "").unwrap();
    sees_none();
    let empty = rusqlite::Connection::open(sweep.store()).unwrap();
    empty
        .execute_batch("PRAGMA journal_mode = WAL; PRAGMA user_version = 0;")
        .unwrap();
    sees_none();
    // As a death leaves it, with the log of another store beside it.
    std::mem::forget(empty);
    for _ in 0..2 {
        drop(Opened::of(&sweep).unwrap());
        sees_none();
    }
    let store = opened(&sweep, &ids, &vec![Record::default(); ids.len()]);
    let reader = Reader::open(&sweep).unwrap().unwrap();
    assert_eq!(reader.counts().unwrap().of("queued"), 50);
    store.close().unwrap();
    let left: Vec<_> = std::fs::read_dir(sweep.root()).unwrap().collect();
    assert_eq!(left.len(), 3, "{left:?}");
}

/// Commands read from the first moment on: they see no store, or all of it, and keep nobody from making it.
#[test]
fn readers_beside_a_store_in_the_making_see_all_or_none() {
    let ids: Vec<RunId> = (0..50).map(id).collect();
    let records = vec![Record::default(); ids.len()];
    for _ in 0..20 {
        let (_root, sweep) = folder();
        let readers: Vec<_> = (0..2)
            .map(|_| {
                let sweep = sweep.clone();
                std::thread::spawn(move || {
                    loop {
                        if let Some(reader) = Reader::open(&sweep).unwrap() {
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
