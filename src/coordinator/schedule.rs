//! What to do next: a pure function of what is known and what happened.

/// A run by its place in the plan.
pub(super) type RunIndex = usize;
/// A slot by its place in the executor's list.
pub(super) type SlotIndex = usize;

/// How a run stands; the state carries its data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RunState {
    /// Waiting for a slot; how often it was started, and how the last attempt failed.
    Queued {
        /// Attempts so far.
        attempts: u32,
        /// Why it waits again.
        last: Option<Failure>,
    },
    /// In a slot.
    Running {
        /// Attempts so far, this one included.
        attempts: u32,
        /// Where.
        slot: SlotIndex,
    },
    /// It has an outcome.
    Done,
    /// Given up.
    Failed {
        /// Attempts made.
        attempts: u32,
        /// The last failure.
        failure: Failure,
    },
}

/// Why an attempt brought no outcome.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// In words, for people.
    pub message: String,
    /// Whether another attempt may fare better.
    pub retry: bool,
    /// Whether every other run would fail alike, a full disk for one: the sweep stops.
    pub stops_sweep: bool,
}

/// A run that was given up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FailedRun {
    /// Which.
    pub run: RunIndex,
    /// Attempts made.
    pub attempts: u32,
    /// The last failure.
    pub failure: Failure,
}

/// All that a decision rests on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct State {
    /// One for each run of the plan.
    pub runs: Vec<RunState>,
    /// Runs in the order in which they start.
    order: Vec<RunIndex>,
    /// For each run, the one whose end it waits for, however that comes.
    after: Vec<Option<RunIndex>>,
    /// What each slot holds.
    slots: Vec<Option<RunIndex>>,
    max_attempts: u32,
    /// No new run is started.
    stopping: bool,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// Nothing yet: fill the slots.
    Begin,
    /// The outcome of a slot's run was committed.
    Committed(SlotIndex),
    /// A slot's attempt ended without an outcome.
    Failed(SlotIndex, Failure),
    /// The user wants to stop.
    Interrupted,
}

/// What to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Start a run in a slot.
    Start {
        /// Which run.
        run: RunIndex,
        /// Where.
        slot: SlotIndex,
    },
    /// End what a slot runs.
    Stop(SlotIndex),
    /// Nothing runs and nothing will.
    Finish,
}

impl State {
    /// Runs that are not `done` wait, dearest first: the last to start should be short, so that no slot idles long.
    /// A run whose `after` names another does not start before that one has ended.
    pub fn new(done: &[bool], costs: &[f64], after: Vec<Option<RunIndex>>, slots: usize, max_attempts: u32) -> Self {
        let queued = RunState::Queued { attempts: 0, last: None };
        let runs = done.iter().map(|done| if *done { RunState::Done } else { queued.clone() }).collect();
        let mut order: Vec<RunIndex> = (0..done.len()).collect();
        // Stable: equal costs start in the plan's order.
        order.sort_by(|a, b| costs[*b].total_cmp(&costs[*a]));
        Self { runs, order, after, slots: vec![None; slots], max_attempts, stopping: false }
    }

    /// The runs that were given up.
    pub fn failed(&self) -> Vec<FailedRun> {
        let failed = self.runs.iter().enumerate().filter_map(|(run, state)| match state {
            RunState::Failed { attempts, failure } => {
                Some(FailedRun { run, attempts: *attempts, failure: failure.clone() })
            }
            _ => None,
        });
        failed.collect()
    }

    /// Runs with an outcome.
    pub fn done(&self) -> usize {
        self.runs.iter().filter(|state| **state == RunState::Done).count()
    }

    fn next_queued(&self) -> Option<RunIndex> {
        let waits = |run: RunIndex| matches!(self.runs[run], RunState::Queued { .. });
        let ended = |run: RunIndex| matches!(self.runs[run], RunState::Done | RunState::Failed { .. });
        self.order.iter().copied().find(|run| waits(*run) && self.after[*run].is_none_or(ended))
    }

    fn free(&mut self, slot: SlotIndex) -> Option<(RunIndex, u32)> {
        let run = self.slots[slot].take()?;
        match self.runs[run] {
            RunState::Running { attempts, .. } => Some((run, attempts)),
            _ => None,
        }
    }
}

/// Decides. An event for a slot that holds nothing changes nothing.
pub fn step(mut state: State, event: Event) -> (State, Vec<Command>) {
    let mut commands = Vec::new();
    match event {
        Event::Begin => {}
        Event::Committed(slot) => {
            if let Some((run, _)) = state.free(slot) {
                state.runs[run] = RunState::Done;
            }
        }
        Event::Failed(slot, failure) => {
            if let Some((run, attempts)) = state.free(slot) {
                state.stopping |= failure.stops_sweep;
                // Stopped with the sweep: it waits for the next time, and that is no failure of its own.
                let again = state.stopping || (failure.retry && attempts < state.max_attempts);
                state.runs[run] = if again && !failure.stops_sweep {
                    RunState::Queued { attempts, last: Some(failure) }
                } else {
                    RunState::Failed { attempts, failure }
                };
            }
        }
        Event::Interrupted => state.stopping = true,
    }
    if state.stopping {
        commands.extend(
            state.slots.iter().enumerate().filter(|(_, run)| run.is_some()).map(|(slot, _)| Command::Stop(slot)),
        );
    } else {
        start_queued(&mut state, &mut commands);
    }
    if state.slots.iter().all(Option::is_none) {
        commands.push(Command::Finish);
    }
    (state, commands)
}

fn start_queued(state: &mut State, commands: &mut Vec<Command>) {
    for slot in 0..state.slots.len() {
        if state.slots[slot].is_some() {
            continue;
        }
        let Some(run) = state.next_queued() else { return };
        if let RunState::Queued { attempts, .. } = state.runs[run] {
            state.runs[run] = RunState::Running { attempts: attempts + 1, slot };
            state.slots[slot] = Some(run);
            commands.push(Command::Start { run, slot });
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    fn failure(retry: bool, stops_sweep: bool) -> Failure {
        Failure { message: "it failed".into(), retry, stops_sweep }
    }

    /// What the world answers to a started attempt.
    #[derive(Clone, Copy, Debug)]
    enum Answer {
        Commit,
        Crash,
        UserError,
    }

    fn answers() -> impl Strategy<Value = Vec<Answer>> {
        proptest::collection::vec(
            prop_oneof![3 => Just(Answer::Commit), 1 => Just(Answer::Crash), 1 => Just(Answer::UserError)],
            0..200,
        )
    }

    proptest! {
        /// Whatever the trainers do: no slot is given twice, no finished run is started, no run is started more
        /// often than allowed, and the sweep ends with every run done or given up.
        #[test]
        fn every_run_ends_and_none_is_repeated(done in proptest::collection::vec(any::<bool>(), 0..30), slots in 1usize..5, max_attempts in 1u32..4, answers in answers(), picks in proptest::collection::vec(0usize..5, 0..400)) {
            let costs: Vec<f64> = (0..done.len()).map(|i| (i * 7 % 5) as f64).collect();
            // Chains: every third run is free, the others follow one before them.
            let after: Vec<Option<RunIndex>> = (0..done.len()).map(|i| (i % 3 != 0).then(|| i - 1)).collect();
            let mut ended = done.clone();
            let mut answers = answers.into_iter().chain(std::iter::repeat(Answer::Commit));
            let mut picks = picks.into_iter().chain(std::iter::repeat(0));
            let mut busy: BTreeMap<SlotIndex, RunIndex> = BTreeMap::new();
            let mut starts = vec![0; done.len()];
            let (mut state, mut commands) = step(State::new(&done, &costs, after.clone(), slots, max_attempts), Event::Begin);
            loop {
                for command in commands.drain(..) {
                    match command {
                        Command::Start { run, slot } => {
                            prop_assert!(after[run].is_none_or(|before| ended[before]), "run {} was started too early", run);
                            prop_assert!(busy.insert(slot, run).is_none(), "slot {} was given twice", slot);
                            prop_assert!(!done[run], "run {} was finished before", run);
                            starts[run] += 1;
                        }
                        Command::Stop(_) => prop_assert!(false, "nothing asked for a stop"),
                        Command::Finish => prop_assert!(busy.is_empty()),
                    }
                }
                let Some(slot) = busy.keys().nth(picks.next().unwrap() % busy.len().max(1)).copied() else { break };
                let run = busy.remove(&slot);
                let event = match answers.next().unwrap() {
                    Answer::Commit => Event::Committed(slot),
                    Answer::Crash => Event::Failed(slot, failure(true, false)),
                    Answer::UserError => Event::Failed(slot, failure(false, false)),
                };
                (state, commands) = step(state, event);
                if let Some(run) = run {
                    ended[run] = !matches!(state.runs[run], RunState::Queued { .. } | RunState::Running { .. });
                }
            }
            prop_assert!(starts.iter().all(|n| *n <= max_attempts));
            let ended = |run: &RunState| matches!(run, RunState::Done | RunState::Failed { .. });
            prop_assert!(state.runs.iter().all(ended));
        }
    }

    #[test]
    fn the_dearest_run_starts_first() {
        let (_, commands) = step(State::new(&[false; 3], &[1.0, 3.0, 2.0], vec![None; 3], 2, 1), Event::Begin);
        assert_eq!(commands, [Command::Start { run: 1, slot: 0 }, Command::Start { run: 2, slot: 1 }]);
    }

    #[test]
    fn an_interrupted_run_waits_for_the_next_time() {
        let (state, _) = step(State::new(&[false; 2], &[1.0; 2], vec![None; 2], 1, 1), Event::Begin);
        let (state, commands) = step(state, Event::Interrupted);
        assert_eq!(commands, [Command::Stop(0)]);
        let (state, commands) = step(state, Event::Failed(0, failure(true, false)));
        assert_eq!(commands, [Command::Finish]);
        assert!(state.failed().is_empty());
    }

    #[test]
    fn a_full_disk_stops_the_sweep() {
        let (state, _) = step(State::new(&[false; 3], &[1.0; 3], vec![None; 3], 2, 5), Event::Begin);
        let (state, commands) = step(state, Event::Failed(0, failure(false, true)));
        assert_eq!(commands, [Command::Stop(1)]);
        let (state, commands) = step(state, Event::Failed(1, failure(true, false)));
        assert_eq!(commands, [Command::Finish]);
        assert_eq!(state.failed().len(), 1);
    }
}
