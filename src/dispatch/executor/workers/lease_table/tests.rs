use proptest::prelude::*;

use super::*;
use crate::protocol::Digest;
use isoflop_core::run::{RunDir, example_spec};

const LEASE: Duration = Duration::from_secs(30);

fn offer(attempt: u32, threads: u32, gpu: bool) -> Assignment {
    let spec = example_spec();
    Assignment {
        held: AttemptKey {
            run: spec.id(),
            attempt,
            fence: format!("7f-{attempt}"),
        },
        gpu,
        threads,
        checkpoint_seconds: 300.0,
        deliver_checkpoints: false,
        keep_trunk: false,
        memory_bytes_estimate: None,
        split_for_memory: None,
        spec,
        train: Digest::of(b"train"),
        validation: Digest::of(b"validation"),
        checkpoint: None,
        trunk: None,
        beat_seconds: 3.0,
    }
}

fn room(cores: u32, gpus: u32) -> ClaimRequest {
    ClaimRequest {
        cores,
        gpus,
        wait_seconds: 0.0,
    }
}

fn put(office: &mut LeaseTable, offer: Assignment) -> oneshot::Receiver<AttemptEnd> {
    office.put(RunDir::at("run").attempt(offer.held.attempt), offer)
}

#[test]
fn a_run_goes_where_there_is_room() {
    let (mut office, now) = (LeaseTable::new(LEASE), Instant::now());
    let _ends = [
        put(&mut office, offer(1, 4, false)),
        put(&mut office, offer(2, 1, true)),
        put(&mut office, offer(3, 1, false)),
    ];
    let claimed = |office: &mut LeaseTable, cores, gpus| {
        office
            .claim("one", &room(cores, gpus), now)
            .map(|o| o.held.attempt)
    };
    assert_eq!(claimed(&mut office, 2, 0), Some(3));
    assert_eq!(claimed(&mut office, 2, 0), None);
    assert_eq!(claimed(&mut office, 2, 1), Some(2));
    assert_eq!(claimed(&mut office, 4, 0), Some(1));
    assert_eq!(claimed(&mut office, 64, 8), None);
}

/// An expired lease is kept while other workers have other runs.
#[test]
fn a_run_is_given_up_when_another_has_time_for_it() {
    let (mut office, now) = (LeaseTable::new(LEASE), Instant::now());
    let mut first = put(&mut office, offer(1, 1, false));
    let held = office.claim("one", &room(1, 0), now).unwrap().held;
    assert_eq!(
        office.renew(&held, "one", now).unwrap().order,
        AttemptOrder::GoOn
    );
    assert!(
        office.renew(&held, "two", now).is_none(),
        "the lease is another worker's"
    );
    let late = now + LEASE + Duration::from_secs(1);
    let _second = put(&mut office, offer(2, 1, false));
    assert_eq!(
        office.claim("two", &room(1, 0), late).unwrap().held.attempt,
        2
    );
    assert!(first.try_recv().is_err(), "other workers had other runs");
    // The worker comes back in time, and continues.
    assert!(office.renew(&held, "one", late).is_some());
    assert!(office.claim("three", &room(1, 0), late).is_none());
    assert!(first.try_recv().is_err());
    let later = late + LEASE + Duration::from_secs(1);
    assert!(
        office
            .renew(&offer(2, 1, false).held, "two", later)
            .is_some()
    );
    assert!(office.claim("three", &room(1, 0), later).is_none());
    assert_eq!(
        first.try_recv(),
        Ok(AttemptEnd::Lost {
            began: true,
            fate: None
        })
    );
    assert!(
        office.renew(&held, "one", later).is_none(),
        "the lease has ended"
    );
}

/// The response to a claim is lost: no worker has the run, and that is not a failure.
#[test]
fn a_claim_that_is_not_confirmed_is_offered_again() {
    let (mut office, now) = (LeaseTable::new(LEASE), Instant::now());
    let mut end = put(&mut office, offer(1, 1, false));
    let held = office.claim("one", &room(1, 0), now).unwrap().held;
    assert!(office.claim("two", &room(1, 0), now).is_none());
    let late = now + LEASE + Duration::from_secs(1);
    assert_eq!(office.claim("two", &room(1, 0), late).unwrap().held, held);
    assert!(office.renew(&held, "one", late).is_none());
    assert!(office.renew(&held, "two", late).is_some());
    assert!(end.try_recv().is_err());
}

#[test]
fn a_run_that_is_stopped_ends_at_once_or_with_its_worker() {
    let (mut office, now) = (LeaseTable::new(LEASE), Instant::now());
    let (mut waits, mut trains) = (
        put(&mut office, offer(1, 1, false)),
        put(&mut office, offer(2, 1, true)),
    );
    let held = office.claim("one", &room(1, 1), now).unwrap().held;
    assert_eq!(held.attempt, 1);
    let other = office.claim("one", &room(1, 1), now).unwrap().held;
    office.renew(&other, "one", now).unwrap();
    office.stop(&held);
    office.stop(&other);
    assert_eq!(
        waits.try_recv(),
        Ok(AttemptEnd::Lost {
            began: false,
            fate: None
        })
    );
    assert!(trains.try_recv().is_err());
    assert_eq!(
        office.renew(&other, "one", now).unwrap().order,
        AttemptOrder::Stop
    );
    office.end(&other, AttemptEnd::KILLED);
    assert_eq!(trains.try_recv(), Ok(AttemptEnd::KILLED));
}

proptest! {
    /// For any sequence of requests, no attempt has two holders, ends twice, or is lost.
    #[test]
    fn an_attempt_has_one_holder(acts in proptest::collection::vec((0..4u8, 0..3usize, 0..6u32, 0..40u64), 1..200)) {
        let (mut office, mut now) = (LeaseTable::new(LEASE), Instant::now());
        let names = ["one", "two", "three"];
        let mut ends: Vec<(u32, oneshot::Receiver<AttemptEnd>)> = Vec::new();
        let mut ended = std::collections::HashSet::new();
        for (act, worker, which, seconds) in acts {
            now += Duration::from_secs(seconds);
            let held = |attempt: u32| offer(attempt, 1, false).held;
            let latest = ends.len() as u32;
            let chosen = held(latest.saturating_sub(which));
            match act {
                0 => ends.push((latest + 1, put(&mut office, offer(latest + 1, 1, false)))),
                1 => drop(office.claim(names[worker], &room(1, 0), now)),
                2 => {
                    let holders = names.iter().filter(|name| office.renew(&chosen, name, now).is_some()).count();
                    prop_assert!(holders <= 1);
                }
                _ => if office.renew(&chosen, names[worker], now).is_some() {
                    office.end(&chosen, AttemptEnd::KILLED);
                },
            }
            for (attempt, end) in &mut ends {
                if end.try_recv().is_ok() {
                    prop_assert!(ended.insert(*attempt), "attempt {attempt} ended twice");
                    prop_assert!(!office.entries.contains_key(&held(*attempt)));
                }
            }
            let known = office.entries.len();
            prop_assert_eq!(known + ended.len(), ends.len());
            let waiting = office.entries.values().filter(|entry| entry.holder.is_none()).count();
            prop_assert_eq!(waiting, office.waiting.len());
        }
    }
}
