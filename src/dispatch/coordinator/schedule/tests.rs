mod model;

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;
use crate::store::{Failure, FailureClass, Record, RequestKind, RunState};
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

fn failure(class: FailureClass) -> Failure {
    Failure::new(class, "it failed")
}

/// A sweep, a machine and a policy.
#[derive(Clone, Debug)]
struct Setting {
    records: Vec<Record>,
    facts: Vec<Facts>,
    machine: Machine,
    policy: Policy,
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
            let facts = runs.iter().enumerate().map(|(i, run)| Facts {
                worth: f64::from(run.1),
                memory: run.2,
                // After one before it, or none.
                after: Some(run.3.index(2 * i + 1)).filter(|before| *before < i),
                priority: run.4,
                splits: run.5,
                jitter: run.6,
            });
            let facts = facts.collect();
            let records = runs
                .into_iter()
                .map(|run| Record {
                    state: run.0,
                    ..Record::default()
                })
                .collect();
            let (order, max_crashes, max_runs, retry_after) = policy;
            let policy = Policy {
                order,
                max_crashes,
                max_runs,
                retry_after,
            };
            Setting {
                records,
                facts,
                machine: Machine { slots, memory },
                policy,
            }
        },
    )
}

impl Setting {
    /// As a coordinator finds it whose engine still has what an earlier one gave to it: the first runs that wait hold slots.
    fn with_kept_leases(mut self) -> Self {
        let waiting = self
            .records
            .iter_mut()
            .filter(|record| !record.state.has_ended());
        for (slot, record) in waiting.take(self.machine.slots.len()).enumerate() {
            *record = Record {
                state: RunState::leased(1, slot),
                attempts: 1,
                ..Record::default()
            };
        }
        self
    }

    fn state(&self) -> State {
        State::new(
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

/// Anything that may arrive, about attempts that are, were or never will be.
fn event(
    runs: usize,
    kind: u8,
    run: prop::sample::Index,
    attempt: u32,
    class: prop::sample::Index,
) -> Event {
    let run = run.index(runs);
    let claim = Claim { run, attempt };
    match kind {
        0..5 => Event::Started(claim, Some(1)),
        5..10 => Event::Delivered(claim),
        10..14 => Event::Committed(claim, RunState::Done),
        14 => Event::Committed(claim, RunState::Diverged),
        15..19 => Event::Failed(claim, failure(CLASSES[class.index(CLASSES.len() - 1)])),
        19 => Event::Failed(claim, failure(FailureClass::Unwritable)),
        20 => Event::Asked(RequestKind::Cancel, run),
        21..23 => Event::Asked(RequestKind::Retry, run),
        23 => Event::DiskLow,
        24..26 => Event::DiskFree,
        26 => Event::Interrupted,
        _ => Event::Tick,
    }
}

/// Runs whose record is another by a decision.
fn changed(decision: &Decision) -> Vec<RunIndex> {
    let verdicts = decision.verdicts.iter();
    verdicts.filter_map(Verdict::changed).collect()
}

/// What is to be done by a decision.
fn commands(decision: &Decision) -> Vec<Command> {
    let command = |verdict: &Verdict| match (verdict.subject, &verdict.choice) {
        (Subject::Attempt(claim), Choice::Lease { slot, .. }) => {
            Some(Command::Start { claim, slot: *slot })
        }
        (Subject::Attempt(claim), Choice::Commit) => Some(Command::Commit(claim)),
        (Subject::Attempt(claim), Choice::Stop(_)) => Some(Command::Stop(claim)),
        _ => None,
    };
    let finish = decision.state.is_finished().then_some(Command::Finish);
    let verdicts = decision.verdicts.iter();
    verdicts.filter_map(command).chain(finish).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(20_000))]

    /// Whatever arrives, in whatever order and however often: the schedule decides what the slow model decides, and a
    /// message about an attempt that does not hold its run changes nothing.
    #[test]
    fn it_decides_as_the_slow_model_does(
        setting in prop_oneof![settings(), settings().prop_map(Setting::with_kept_leases)],
        events in proptest::collection::vec((0u8..32, any::<prop::sample::Index>(), 1u32..4, any::<prop::sample::Index>(), 0u64..1500), 0..80),
    ) {
        let (mut state, mut model, mut now) = (setting.state(), setting.model(), Moment(0));
        let mut all = vec![(Event::Tick, 0)];
        all.extend(events.into_iter().map(|(kind, run, attempt, class, later)| (event(setting.facts.len(), kind, run, attempt, class), later)));
        for (event, later) in all {
            now = Moment(now.0 + later);
            let claim = match &event {
                Event::Started(claim, _) | Event::Delivered(claim) | Event::Committed(claim, _) | Event::Failed(claim, _) => Some(*claim),
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
            // What is to be written down is what has changed, and no more is said to be decided than was.
            for (run, (old, new)) in before.iter().zip(&decision.state.records).enumerate() {
                prop_assert_eq!(old != new, changed(&decision).contains(&run), "run {} by {:?}", run, event);
            }
            state = decision.state;
        }
    }

    /// Whatever trainers do: no slot and no device is given to more than it can hold, no run with an outcome is started, none
    /// before what it waits for, none more often than its failures allow; and the sweep ends.
    #[test]
    fn every_run_ends_and_none_is_repeated(
        setting in settings(),
        answers in proptest::collection::vec((0u8..12, any::<prop::sample::Index>()), 0..200),
    ) {
        let mut answers = answers.into_iter().map(|(answer, pick)| (answer, Some(pick))).chain(std::iter::repeat((0, None)));
        let mut busy: BTreeMap<SlotIndex, Claim> = BTreeMap::new();
        let mut starts = vec![0; setting.facts.len()];
        let mut free_failures = vec![0; setting.facts.len()];
        let (mut now, mut event) = (Moment(0), Event::Tick);
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
                // One that is too large for its device is on the one that has the most memory.
                let more = setting.machine.slots.iter().any(|other| setting.machine.memory[*other] > room);
                prop_assert!(!more || held.iter().sum::<u64>() <= room);
            }
            if finished {
                prop_assert!(busy.is_empty());
                break;
            }
            let (answer, pick) = answers.next().unwrap();
            let Some(slot) = busy.keys().nth(pick.map_or(0, |pick| pick.index(busy.len().max(1)))).copied() else {
                // Nothing runs: a back-off is waited out.
                now = state.next_moment().expect("nothing runs and nothing is waited for");
                event = Event::Tick;
                continue;
            };
            let claim = busy[&slot];
            let committing = matches!(state.record(claim.run).state, RunState::Committing { .. });
            event = match answer {
                8 => Event::Failed(claim, failure(FailureClass::Crash)),
                9 => Event::Failed(claim, failure(FailureClass::OutOfMemory)),
                10 => Event::Failed(claim, failure(FailureClass::UserError)),
                11 => Event::Failed(claim, failure(FailureClass::Preempted)),
                7 => Event::Tick,
                _ if committing => Event::Committed(claim, RunState::Done),
                _ => Event::Delivered(claim),
            };
            if matches!(event, Event::Committed(..) | Event::Failed(..)) {
                busy.remove(&slot);
            }
            if let Event::Failed(_, Failure { class: FailureClass::Preempted | FailureClass::OutOfMemory, .. }) = event {
                free_failures[claim.run] += 1;
            }
            now = Moment(now.0 + 10);
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

fn of(runs: usize, slots: usize) -> State {
    let facts = Facts {
        worth: 1.0,
        memory: 1,
        after: None,
        priority: 0,
        splits: true,
        jitter: 7,
    };
    let policy = Policy {
        order: RunOrder::AsListed,
        max_crashes: 3,
        max_runs: None,
        retry_after: 1000,
    };
    let machine = Machine {
        slots: vec![0; slots],
        memory: vec![u64::MAX],
    };
    State::new(
        vec![Record::default(); runs],
        vec![facts; runs],
        machine,
        policy,
    )
}

fn claim(run: RunIndex, attempt: u32) -> Claim {
    Claim { run, attempt }
}

fn after(state: State, events: impl IntoIterator<Item = Event>) -> (State, Vec<Command>) {
    events
        .into_iter()
        .fold((state, Vec::new()), |(state, _), event| {
            let decision = step(state, Moment(0), event);
            let commands = commands(&decision);
            (decision.state, commands)
        })
}

#[test]
fn nothing_to_do_is_done_at_once() {
    assert_eq!(after(of(0, 2), [Event::Tick]).1, [Command::Finish]);
}

#[test]
fn an_outcome_is_committed_once() {
    let first = claim(0, 1);
    let (state, commands) = after(
        of(2, 1),
        [
            Event::Tick,
            Event::Started(first, Some(5)),
            Event::Delivered(first),
        ],
    );
    assert_eq!(commands, [Command::Commit(first)]);
    let (state, commands) = after(state, [Event::Delivered(first)]);
    assert_eq!(commands, [], "a second delivery");
    let (state, commands) = after(state, [Event::Committed(first, RunState::Done)]);
    assert_eq!(
        commands,
        [Command::Start {
            claim: claim(1, 1),
            slot: 0
        }]
    );
    for late in [
        Event::Delivered(first),
        Event::Failed(first, failure(FailureClass::Crash)),
        Event::Started(first, Some(5)),
    ] {
        assert_eq!(after(state.clone(), [late]), (state.clone(), vec![]));
    }
}

#[test]
fn an_interrupted_run_waits_for_the_next_time() {
    let (state, commands) = after(of(2, 1), [Event::Tick, Event::Interrupted]);
    assert_eq!(commands, [Command::Stop(claim(0, 1))]);
    let (state, commands) = after(
        state,
        [Event::Failed(claim(0, 1), failure(FailureClass::Preempted))],
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
            Event::Tick,
            Event::Failed(claim(0, 1), failure(FailureClass::Unwritable)),
        ],
    );
    assert_eq!(commands, [Command::Stop(claim(1, 1))]);
    let (state, commands) = after(
        state,
        [Event::Failed(claim(1, 1), failure(FailureClass::Preempted))],
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
            Event::Tick,
            Event::DiskLow,
            Event::Failed(claim(0, 1), failure(FailureClass::UserError)),
        ],
    );
    assert_eq!(commands, [], "it waits for room");
    let (_, commands) = after(state, [Event::DiskFree]);
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
    let mut state = after(of(2, 1), [Event::Tick]).0;
    for attempt in 1..=3 {
        let crash = Event::Failed(claim(0, attempt), failure(FailureClass::Crash));
        state = after(state, [crash, Event::Started(claim(1, attempt), Some(1))]).0;
        state = step(
            state,
            Moment(1_000_000),
            Event::Failed(claim(1, attempt), failure(FailureClass::Preempted)),
        )
        .state;
    }
    assert_eq!(state.record(0).state.name(), "quarantined");
    assert_eq!(state.record(0).crashes, 3);
    assert_ne!(state.record(1).state.name(), "quarantined");
    let (state, _) = after(state, [Event::Asked(RequestKind::Retry, 0)]);
    assert_eq!(
        (state.record(0).crashes, state.record(0).state.name()),
        (0, "leased"),
        "the user asked for it"
    );
}

#[test]
fn want_of_memory_is_tried_once_more_in_parts() {
    let memory = || failure(FailureClass::OutOfMemory);
    let (state, _) = after(
        of(1, 1),
        [Event::Tick, Event::Failed(claim(0, 1), memory())],
    );
    assert!(state.record(0).split);
    let decision = step(state, Moment(10_000), Event::Tick);
    assert_eq!(
        commands(&decision),
        [Command::Start {
            claim: claim(0, 2),
            slot: 0
        }]
    );
    let (state, commands) = after(decision.state, [Event::Failed(claim(0, 2), memory())]);
    assert_eq!(
        (state.record(0).state.name(), commands),
        ("failed", vec![Command::Finish])
    );
}

#[test]
fn small_runs_share_a_device_and_large_ones_do_not() {
    let facts = |memory| Facts {
        worth: 1.0,
        memory,
        after: None,
        priority: 0,
        splits: true,
        jitter: 0,
    };
    let policy = Policy {
        order: RunOrder::AsListed,
        max_crashes: 3,
        max_runs: None,
        retry_after: 0,
    };
    let machine = Machine {
        slots: vec![0, 1, 0, 1],
        memory: vec![10, 10],
    };
    let runs = [9, 4, 4, 4].map(facts).to_vec();
    let (_, commands) = after(
        State::new(vec![Record::default(); 4], runs, machine, policy),
        [Event::Tick],
    );
    let start = |run, slot| Command::Start {
        claim: claim(run, 1),
        slot,
    };
    assert_eq!(
        commands,
        [start(0, 0), start(1, 1), start(2, 3)],
        "the fourth finds no room beside them"
    );
}

/// What is decided about attempts.
fn about_attempts(decision: &Decision) -> Vec<(Claim, Choice)> {
    let verdicts = decision.verdicts.iter();
    let about = |verdict: &Verdict| Some((verdict.subject.claim()?, verdict.choice.clone()));
    verdicts.filter_map(about).collect()
}

#[test]
fn a_retry_says_when_and_a_quarantine_how_often() {
    let crash = || failure(FailureClass::Crash);
    let mut state = after(of(1, 1), [Event::Tick]).0;
    for attempt in 1..=3 {
        let now = Moment(u64::from(attempt) * 1_000_000);
        let failed = step(state, now, Event::Failed(claim(0, attempt), crash()));
        let next = failed.state.next_moment();
        let expected = match next {
            Some(Moment(at)) => Choice::Retry {
                failure: crash(),
                crashes: (attempt, 3),
                splits: false,
                next: Next::In(at - now.0),
            },
            None => Choice::GiveUp {
                failure: crash(),
                reason: GiveUp::Crashes(3),
            },
        };
        assert_eq!(about_attempts(&failed), [(claim(0, attempt), expected)]);
        assert_eq!(next.is_none(), attempt == 3);
        state = next.map_or(failed.state.clone(), |at| {
            step(failed.state, at, Event::Tick).state
        });
    }
}

#[test]
fn an_end_that_is_asked_for_has_its_reason() {
    let running = after(of(3, 2), [Event::Tick]).0;
    let reasons = |event| -> Vec<(Claim, StopReason)> {
        let decision = step(running.clone(), Moment(0), event);
        let stop = |(claim, choice)| match choice {
            Choice::Stop(reason) => Some((claim, reason)),
            _ => None,
        };
        let choices = about_attempts(&decision).into_iter();
        choices.filter_map(stop).collect()
    };
    assert_eq!(
        reasons(Event::Interrupted),
        [0, 1].map(|run| (claim(run, 1), StopReason::Interrupted))
    );
    assert_eq!(
        reasons(Event::Asked(RequestKind::Cancel, 1)),
        [(claim(1, 1), StopReason::Cancelled)]
    );
    let unwritable = Event::Failed(claim(0, 1), failure(FailureClass::Unwritable));
    assert_eq!(reasons(unwritable), [(claim(1, 1), StopReason::Stopped(0))]);
}

#[test]
fn want_of_memory_says_what_is_tried() {
    let memory = || failure(FailureClass::OutOfMemory);
    let first = step(
        after(of(1, 1), [Event::Tick]).0,
        Moment(0),
        Event::Failed(claim(0, 1), memory()),
    );
    assert!(matches!(
        about_attempts(&first)[..],
        [(_, Choice::Retry { splits: true, .. })]
    ));
    let again = step(first.state, Moment(10_000), Event::Tick).state;
    let second = step(again, Moment(10_000), Event::Failed(claim(0, 2), memory()));
    assert_eq!(
        about_attempts(&second),
        [(
            claim(0, 2),
            Choice::GiveUp {
                failure: memory(),
                reason: GiveUp::SplitAlready
            }
        )]
    );
}

#[test]
fn a_slot_that_stays_empty_has_its_reason() {
    let mut state = of(1, 2);
    state = State::new(
        vec![Record::default(); 2],
        vec![
            Facts {
                memory: 7,
                ..state.facts[0].clone()
            };
            2
        ],
        Machine {
            slots: vec![0, 0],
            memory: vec![10],
        },
        state.policy,
    );
    let room = |held| Room { held, all: 10 };
    let lease = Choice::Lease {
        slot: 0,
        needs: 7,
        room: room(0),
    };
    let wait = Choice::Wait {
        slot: 1,
        least: 7,
        room: room(7),
    };
    let verdict = |(subject, choice)| Verdict { subject, choice };
    assert_eq!(
        step(state, Moment(0), Event::Tick).verdicts,
        [
            (Subject::Attempt(claim(0, 1)), lease),
            (Subject::Sweep, wait)
        ]
        .map(verdict)
    );
}
