mod model;

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;
use crate::store::{AttemptFailure, FailureClass, RequestKind, RunRecord, RunState};
use isoflop_sweep::RunOrder;
use model::{Command, Model};

const CLASSES: [FailureClass; 7] = [
    FailureClass::Crash,
    FailureClass::UserError,
    FailureClass::TimeLimit,
    FailureClass::OutOfMemory,
    FailureClass::Preempted,
    FailureClass::Unwritable,
    FailureClass::Refused,
];

fn failure(class: FailureClass) -> AttemptFailure {
    AttemptFailure::new(class, "it failed")
}

/// A sweep, a machine and a policy.
#[derive(Clone, Debug)]
struct Setting {
    records: Vec<RunRecord>,
    facts: Vec<RunFacts>,
    machine: SlotCapacity,
    policy: SchedulePolicy,
}

fn settings() -> impl Strategy<Value = Setting> {
    let record = prop_oneof![
        6 => Just(RunState::default()),
        1 => Just(RunState::Done),
        1 => Just(RunState::Cancelled),
        1 => Just(RunState::Failed { failure: failure(FailureClass::UserError) }),
    ];
    let run = (
        record,
        0u8..4,
        0u64..6,
        any::<prop::sample::Index>(),
        0u64..3,
        any::<bool>(),
        any::<u64>(),
    );
    let order = prop_oneof![
        Just(RunOrder::LongestFirst),
        Just(RunOrder::CheapestFirst),
        Just(RunOrder::AsListed)
    ];
    let policy = (
        order,
        1u32..4,
        proptest::option::weighted(0.2, 0usize..6),
        0u64..2000,
    );
    let machine = (
        proptest::collection::vec(0usize..3, 1..5),
        proptest::collection::vec(0u64..8, 3),
    );
    (proptest::collection::vec(run, 1..12), policy, machine).prop_map(
        |(runs, policy, (slots, memory))| {
            let facts = runs.iter().enumerate().map(|(i, run)| RunFacts {
                worth: f64::from(run.1),
                memory: run.2,
                // It waits for an earlier run, or for none.
                after: Some(run.3.index(2 * i + 1)).filter(|before| *before < i),
                priority: run.4,
                splits: run.5,
                jitter: run.6,
            });
            let facts = facts.collect();
            let records = runs
                .into_iter()
                .map(|run| RunRecord {
                    state: run.0,
                    ..RunRecord::default()
                })
                .collect();
            let (order, max_crashes, max_runs, retry_after) = policy;
            let policy = SchedulePolicy {
                order,
                max_crashes,
                max_runs,
                retry_after,
            };
            Setting {
                records,
                facts,
                machine: SlotCapacity { slots, memory },
                policy,
            }
        },
    )
}

impl Setting {
    /// Gives slots to the first waiting runs, as if an earlier coordinator had submitted them to an
    /// engine.
    fn with_kept_leases(mut self) -> Self {
        let waiting = self
            .records
            .iter_mut()
            .filter(|record| !record.state.has_ended());
        for (slot, record) in waiting.take(self.machine.slots.len()).enumerate() {
            *record = RunRecord {
                state: RunState::leased(1, slot),
                attempts: 1,
                ..RunRecord::default()
            };
        }
        self
    }

    fn state(&self) -> ScheduleState {
        ScheduleState::new(
            self.records.clone(),
            self.facts.clone(),
            self.machine.clone(),
            self.policy,
        )
    }

    fn model(&self) -> Model {
        Model {
            records: self.records.clone(),
            facts: self.facts.clone(),
            machine: self.machine.clone(),
            policy: self.policy,
            asleep_until: BTreeMap::new(),
            cancelling: BTreeSet::new(),
            begun: BTreeSet::new(),
            paused: false,
            stopping: false,
        }
    }
}

/// Any event that can arrive, about past, current and future attempts.
fn event(
    runs: usize,
    kind: u8,
    run: prop::sample::Index,
    attempt: u32,
    class: prop::sample::Index,
) -> ScheduleEvent {
    let run = run.index(runs);
    let claim = AttemptId { run, attempt };
    match kind {
        0..5 => ScheduleEvent::Started(claim, Some(1)),
        5..10 => ScheduleEvent::Delivered(claim),
        10..14 => ScheduleEvent::Committed(claim, RunState::Done),
        14 => ScheduleEvent::Committed(claim, RunState::Diverged),
        15..19 => ScheduleEvent::Failed(claim, failure(CLASSES[class.index(CLASSES.len() - 1)])),
        19 => ScheduleEvent::Failed(claim, failure(FailureClass::Unwritable)),
        20 => ScheduleEvent::Requested(RequestKind::Cancel, run),
        21..23 => ScheduleEvent::Requested(RequestKind::Retry, run),
        23 => ScheduleEvent::DiskLow,
        24..26 => ScheduleEvent::DiskFree,
        26 => ScheduleEvent::Interrupted,
        _ => ScheduleEvent::Tick,
    }
}

/// Runs whose record a decision changed.
fn changed(decision: &Decision) -> Vec<RunIndex> {
    let verdicts = decision.verdicts.iter();
    verdicts.filter_map(Verdict::changed).collect()
}

/// Commands of a decision.
fn commands(decision: &Decision) -> Vec<Command> {
    let command = |verdict: &Verdict| match (verdict.subject, &verdict.choice) {
        (VerdictSubject::Attempt(claim), VerdictKind::Lease { slot, .. }) => {
            Some(Command::Start { claim, slot: *slot })
        }
        (VerdictSubject::Attempt(claim), VerdictKind::Commit) => Some(Command::Commit(claim)),
        (VerdictSubject::Attempt(claim), VerdictKind::Stop(_)) => Some(Command::Stop(claim)),
        _ => None,
    };
    let finish = decision.state.is_finished().then_some(Command::Finish);
    let verdicts = decision.verdicts.iter();
    verdicts.filter_map(command).chain(finish).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(20_000))]

    /// For any events in any order and number, the schedule decides as the slow model does. A
    /// message about an attempt without its run's lease changes nothing.
    #[test]
    fn it_decides_as_the_slow_model_does(
        setting in prop_oneof![settings(), settings().prop_map(Setting::with_kept_leases)],
        events in proptest::collection::vec((0u8..32, any::<prop::sample::Index>(), 1u32..4, any::<prop::sample::Index>(), 0u64..1500), 0..80),
    ) {
        let (mut state, mut model, mut now) = (setting.state(), setting.model(), MonotonicTime(0));
        let mut all = vec![(ScheduleEvent::Tick, 0)];
        all.extend(events.into_iter().map(|(kind, run, attempt, class, later)| (event(setting.facts.len(), kind, run, attempt, class), later)));
        for (event, later) in all {
            now = MonotonicTime(now.0 + later);
            let claim = match &event {
                ScheduleEvent::Started(claim, _) | ScheduleEvent::Delivered(claim) | ScheduleEvent::Committed(claim, _) | ScheduleEvent::Failed(claim, _) => Some(*claim),
                _ => None,
            };
            let stale = claim.is_some_and(|claim| state.lease(claim).is_none());
            let before = state.records.clone();
            let decision = step(state, now, event.clone());
            prop_assert_eq!(commands(&decision), model.step(now, event.clone()), "{:?}", event);
            prop_assert_eq!(&decision.state.records, &model.records, "{:?}", event);
            if let (true, Some(claim)) = (stale, claim) {
                let after = &decision.state.records[claim.run];
                prop_assert!(before[claim.run] == *after || after.attempts > before[claim.run].attempts, "{:?} was stale", event);
            }
            // Verdicts must name exactly the runs whose record has changed.
            for (run, (old, new)) in before.iter().zip(&decision.state.records).enumerate() {
                prop_assert_eq!(old != new, changed(&decision).contains(&run), "run {} by {:?}", run, event);
            }
            state = decision.state;
        }
    }

    /// For any behaviour of the trainers, the sweep ends, and no slot or device gets more runs than
    /// fit.
    ///
    /// No run starts if it has an outcome, before the run that it waits for, or more often than its
    /// failures permit.
    #[test]
    fn every_run_ends_and_none_is_repeated(
        setting in settings(),
        answers in proptest::collection::vec((0u8..12, any::<prop::sample::Index>()), 0..200),
    ) {
        let mut answers = answers.into_iter().map(|(answer, pick)| (answer, Some(pick))).chain(std::iter::repeat((0, None)));
        let mut busy: BTreeMap<SlotIndex, AttemptId> = BTreeMap::new();
        let mut starts = vec![0; setting.facts.len()];
        let mut free_failures = vec![0; setting.facts.len()];
        let (mut now, mut event) = (MonotonicTime(0), ScheduleEvent::Tick);
        let mut state = setting.state();
        loop {
            let decision = step(state, now, event);
            let commands = commands(&decision);
            state = decision.state;
            let mut finished = false;
            for command in commands {
                match command {
                    Command::Start { claim, slot } => {
                        let run = claim.run;
                        prop_assert!(busy.insert(slot, claim).is_none(), "slot {} was given twice", slot);
                        prop_assert!(!setting.records[run].state.has_ended(), "run {} had ended", run);
                        prop_assert!(setting.facts[run].after.is_none_or(|before| state.record(before).state.has_ended()), "run {} came too early", run);
                        starts[run] += 1;
                        prop_assert_eq!(claim.attempt, starts[run]);
                    }
                    Command::Commit(_) | Command::Stop(_) => {}
                    Command::Finish => finished = true,
                }
            }
            for device in 0..3 {
                let on = |slot: &SlotIndex| setting.machine.slots[*slot] == device;
                let held: Vec<u64> = busy.iter().filter(|(slot, _)| on(slot)).map(|(_, claim)| setting.facts[claim.run].memory).collect();
                let room = setting.machine.memory[device];
                prop_assert!(held.len() < 2 || held.iter().sum::<u64>() <= room);
                // A run that is too large for its device must be on the device with the most
                // memory.
                let more = setting.machine.slots.iter().any(|other| setting.machine.memory[*other] > room);
                prop_assert!(!more || held.iter().sum::<u64>() <= room);
            }
            if finished {
                prop_assert!(busy.is_empty());
                break;
            }
            let (answer, pick) = answers.next().unwrap();
            let Some(slot) = busy.keys().nth(pick.map_or(0, |pick| pick.index(busy.len().max(1)))).copied() else {
                // No attempt is active: wait out the back-off.
                now = state.next_back_off_end().expect("no attempt is active and no back-off is pending");
                event = ScheduleEvent::Tick;
                continue;
            };
            let claim = busy[&slot];
            let committing = matches!(state.record(claim.run).state, RunState::Committing { .. });
            event = match answer {
                8 => ScheduleEvent::Failed(claim, failure(FailureClass::Crash)),
                9 => ScheduleEvent::Failed(claim, failure(FailureClass::OutOfMemory)),
                10 => ScheduleEvent::Failed(claim, failure(FailureClass::UserError)),
                11 => ScheduleEvent::Failed(claim, failure(FailureClass::Preempted)),
                7 => ScheduleEvent::Tick,
                _ if committing => ScheduleEvent::Committed(claim, RunState::Done),
                _ => ScheduleEvent::Delivered(claim),
            };
            if matches!(event, ScheduleEvent::Committed(..) | ScheduleEvent::Failed(..)) {
                busy.remove(&slot);
            }
            if let ScheduleEvent::Failed(_, AttemptFailure { class: FailureClass::Preempted | FailureClass::OutOfMemory, .. }) = event {
                free_failures[claim.run] += 1;
            }
            now = MonotonicTime(now.0 + 10);
        }
        let all = setting.policy.max_runs.is_none();
        prop_assert!(!all || state.records.iter().all(|record| record.state.has_ended()));
        if let Some(most) = setting.policy.max_runs {
            prop_assert!(starts.iter().filter(|starts| **starts > 0).count() <= most);
        }
        for (run, starts) in starts.iter().enumerate() {
            prop_assert!(*starts <= setting.policy.max_crashes + free_failures[run], "run {} was started {} times", run, starts);
        }
    }
}

fn of(runs: usize, slots: usize) -> ScheduleState {
    let facts = RunFacts {
        worth: 1.0,
        memory: 1,
        after: None,
        priority: 0,
        splits: true,
        jitter: 7,
    };
    let policy = SchedulePolicy {
        order: RunOrder::AsListed,
        max_crashes: 3,
        max_runs: None,
        retry_after: 1000,
    };
    let machine = SlotCapacity {
        slots: vec![0; slots],
        memory: vec![u64::MAX],
    };
    ScheduleState::new(
        vec![RunRecord::default(); runs],
        vec![facts; runs],
        machine,
        policy,
    )
}

fn claim(run: RunIndex, attempt: u32) -> AttemptId {
    AttemptId { run, attempt }
}

fn after(
    state: ScheduleState,
    events: impl IntoIterator<Item = ScheduleEvent>,
) -> (ScheduleState, Vec<Command>) {
    events
        .into_iter()
        .fold((state, Vec::new()), |(state, _), event| {
            let decision = step(state, MonotonicTime(0), event);
            let commands = commands(&decision);
            (decision.state, commands)
        })
}

#[test]
fn nothing_to_do_is_done_at_once() {
    assert_eq!(after(of(0, 2), [ScheduleEvent::Tick]).1, [Command::Finish]);
}

#[test]
fn an_outcome_is_committed_once() {
    let first = claim(0, 1);
    let (state, commands) = after(
        of(2, 1),
        [
            ScheduleEvent::Tick,
            ScheduleEvent::Started(first, Some(5)),
            ScheduleEvent::Delivered(first),
        ],
    );
    assert_eq!(commands, [Command::Commit(first)]);
    let (state, commands) = after(state, [ScheduleEvent::Delivered(first)]);
    assert_eq!(commands, [], "a second delivery");
    let (state, commands) = after(state, [ScheduleEvent::Committed(first, RunState::Done)]);
    assert_eq!(
        commands,
        [Command::Start {
            claim: claim(1, 1),
            slot: 0
        }]
    );
    for late in [
        ScheduleEvent::Delivered(first),
        ScheduleEvent::Failed(first, failure(FailureClass::Crash)),
        ScheduleEvent::Started(first, Some(5)),
    ] {
        assert_eq!(after(state.clone(), [late]), (state.clone(), vec![]));
    }
}

#[test]
fn an_interrupted_run_waits_for_the_next_time() {
    let (state, commands) = after(of(2, 1), [ScheduleEvent::Tick, ScheduleEvent::Interrupted]);
    assert_eq!(commands, [Command::Stop(claim(0, 1))]);
    let (state, commands) = after(
        state,
        [ScheduleEvent::Failed(
            claim(0, 1),
            failure(FailureClass::Preempted),
        )],
    );
    assert_eq!(commands, [Command::Finish]);
    assert_eq!(state.record(0).state.name(), "queued");
    assert_eq!(state.record(0).attempts, 1);
}

#[test]
fn a_full_disk_stops_the_sweep_and_blames_no_run() {
    let (state, commands) = after(
        of(3, 2),
        [
            ScheduleEvent::Tick,
            ScheduleEvent::Failed(claim(0, 1), failure(FailureClass::Unwritable)),
        ],
    );
    assert_eq!(commands, [Command::Stop(claim(1, 1))]);
    let (state, commands) = after(
        state,
        [ScheduleEvent::Failed(
            claim(1, 1),
            failure(FailureClass::Preempted),
        )],
    );
    assert_eq!(commands, [Command::Finish]);
    assert_eq!(state.stopped_by.as_ref().unwrap().0, 0);
    assert!(
        state
            .records
            .iter()
            .all(|record| record.state.name() == "queued")
    );
}

#[test]
fn little_room_on_the_disk_starts_nothing() {
    let (state, commands) = after(
        of(3, 1),
        [
            ScheduleEvent::Tick,
            ScheduleEvent::DiskLow,
            ScheduleEvent::Failed(claim(0, 1), failure(FailureClass::UserError)),
        ],
    );
    assert_eq!(commands, [], "it waits for disk space");
    let (_, commands) = after(state, [ScheduleEvent::DiskFree]);
    assert_eq!(
        commands,
        [Command::Start {
            claim: claim(1, 1),
            slot: 0
        }]
    );
}

#[test]
fn a_poison_run_is_quarantined_and_the_rest_go_on() {
    let mut state = after(of(2, 1), [ScheduleEvent::Tick]).0;
    for attempt in 1..=3 {
        let crash = ScheduleEvent::Failed(claim(0, attempt), failure(FailureClass::Crash));
        state = after(
            state,
            [crash, ScheduleEvent::Started(claim(1, attempt), Some(1))],
        )
        .0;
        state = step(
            state,
            MonotonicTime(1_000_000),
            ScheduleEvent::Failed(claim(1, attempt), failure(FailureClass::Preempted)),
        )
        .state;
    }
    assert_eq!(state.record(0).state.name(), "quarantined");
    assert_eq!(state.record(0).crashes, 3);
    assert_ne!(state.record(1).state.name(), "quarantined");
    let (state, _) = after(state, [ScheduleEvent::Requested(RequestKind::Retry, 0)]);
    assert_eq!(
        (state.record(0).crashes, state.record(0).state.name()),
        (0, "leased"),
        "requested by the user"
    );
}

#[test]
fn want_of_memory_is_tried_once_more_in_parts() {
    let memory = || failure(FailureClass::OutOfMemory);
    let (state, _) = after(
        of(1, 1),
        [
            ScheduleEvent::Tick,
            ScheduleEvent::Failed(claim(0, 1), memory()),
        ],
    );
    assert!(state.record(0).split);
    let decision = step(state, MonotonicTime(10_000), ScheduleEvent::Tick);
    assert_eq!(
        commands(&decision),
        [Command::Start {
            claim: claim(0, 2),
            slot: 0
        }]
    );
    let (state, commands) = after(
        decision.state,
        [ScheduleEvent::Failed(claim(0, 2), memory())],
    );
    assert_eq!(
        (state.record(0).state.name(), commands),
        ("failed", vec![Command::Finish])
    );
}

#[test]
fn small_runs_share_a_device_and_large_ones_do_not() {
    let facts = |memory| RunFacts {
        worth: 1.0,
        memory,
        after: None,
        priority: 0,
        splits: true,
        jitter: 0,
    };
    let policy = SchedulePolicy {
        order: RunOrder::AsListed,
        max_crashes: 3,
        max_runs: None,
        retry_after: 0,
    };
    let machine = SlotCapacity {
        slots: vec![0, 1, 0, 1],
        memory: vec![10, 10],
    };
    let runs = [9, 4, 4, 4].map(facts).to_vec();
    let (_, commands) = after(
        ScheduleState::new(vec![RunRecord::default(); 4], runs, machine, policy),
        [ScheduleEvent::Tick],
    );
    let start = |run, slot| Command::Start {
        claim: claim(run, 1),
        slot,
    };
    assert_eq!(
        commands,
        [start(0, 0), start(1, 1), start(2, 3)],
        "the fourth does not fit next to them"
    );
}

/// Decisions about attempts.
fn about_attempts(decision: &Decision) -> Vec<(AttemptId, VerdictKind)> {
    let verdicts = decision.verdicts.iter();
    let about = |verdict: &Verdict| Some((verdict.subject.claim()?, verdict.choice.clone()));
    verdicts.filter_map(about).collect()
}

#[test]
fn a_retry_says_when_and_a_quarantine_how_often() {
    let crash = || failure(FailureClass::Crash);
    let mut state = after(of(1, 1), [ScheduleEvent::Tick]).0;
    for attempt in 1..=3 {
        let now = MonotonicTime(u64::from(attempt) * 1_000_000);
        let failed = step(
            state,
            now,
            ScheduleEvent::Failed(claim(0, attempt), crash()),
        );
        let next = failed.state.next_back_off_end();
        let expected = match next {
            Some(MonotonicTime(at)) => VerdictKind::Retry {
                failure: crash(),
                crashes: (attempt, 3),
                splits: false,
                next: RetryTime::In(at - now.0),
            },
            None => VerdictKind::GiveUp {
                failure: crash(),
                reason: GiveUpReason::Crashes(3),
            },
        };
        assert_eq!(about_attempts(&failed), [(claim(0, attempt), expected)]);
        assert_eq!(next.is_none(), attempt == 3);
        state = next.map_or(failed.state.clone(), |at| {
            step(failed.state, at, ScheduleEvent::Tick).state
        });
    }
}

#[test]
fn an_end_that_is_asked_for_has_its_reason() {
    let running = after(of(3, 2), [ScheduleEvent::Tick]).0;
    let reasons = |event| -> Vec<(AttemptId, StopReason)> {
        let decision = step(running.clone(), MonotonicTime(0), event);
        let stop = |(claim, choice)| match choice {
            VerdictKind::Stop(reason) => Some((claim, reason)),
            _ => None,
        };
        let choices = about_attempts(&decision).into_iter();
        choices.filter_map(stop).collect()
    };
    assert_eq!(
        reasons(ScheduleEvent::Interrupted),
        [0, 1].map(|run| (claim(run, 1), StopReason::Interrupted))
    );
    assert_eq!(
        reasons(ScheduleEvent::Requested(RequestKind::Cancel, 1)),
        [(claim(1, 1), StopReason::Cancelled)]
    );
    let unwritable = ScheduleEvent::Failed(claim(0, 1), failure(FailureClass::Unwritable));
    assert_eq!(reasons(unwritable), [(claim(1, 1), StopReason::Stopped(0))]);
}

#[test]
fn want_of_memory_says_what_is_tried() {
    let memory = || failure(FailureClass::OutOfMemory);
    let first = step(
        after(of(1, 1), [ScheduleEvent::Tick]).0,
        MonotonicTime(0),
        ScheduleEvent::Failed(claim(0, 1), memory()),
    );
    assert!(matches!(
        about_attempts(&first)[..],
        [(_, VerdictKind::Retry { splits: true, .. })]
    ));
    let again = step(first.state, MonotonicTime(10_000), ScheduleEvent::Tick).state;
    let second = step(
        again,
        MonotonicTime(10_000),
        ScheduleEvent::Failed(claim(0, 2), memory()),
    );
    assert_eq!(
        about_attempts(&second),
        [(
            claim(0, 2),
            VerdictKind::GiveUp {
                failure: memory(),
                reason: GiveUpReason::SplitAlready
            }
        )]
    );
}

#[test]
fn a_slot_that_stays_empty_has_its_reason() {
    let mut state = of(1, 2);
    state = ScheduleState::new(
        vec![RunRecord::default(); 2],
        vec![
            RunFacts {
                memory: 7,
                ..state.facts[0].clone()
            };
            2
        ],
        SlotCapacity {
            slots: vec![0, 0],
            memory: vec![10],
        },
        state.policy,
    );
    let room = |held| MemoryUse { held, all: 10 };
    let lease = VerdictKind::Lease {
        slot: 0,
        needs: 7,
        room: room(0),
    };
    let wait = VerdictKind::Wait {
        slot: 1,
        least: 7,
        room: room(7),
    };
    let verdict = |(subject, choice)| Verdict { subject, choice };
    assert_eq!(
        step(state, MonotonicTime(0), ScheduleEvent::Tick).verdicts,
        [
            (VerdictSubject::Attempt(claim(0, 1)), lease),
            (VerdictSubject::Sweep, wait)
        ]
        .map(verdict)
    );
}
