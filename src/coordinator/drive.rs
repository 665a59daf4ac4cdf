//! Carrying out what the schedule decides: processes, files, and the clock.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;
use tokio::sync::watch;

use super::commit::{CommitError, commit, last_attempt};
use super::kills::Kills;
use super::schedule::{Command, Event, FailedRun, Failure, RunIndex, SlotIndex, State, step};
use super::trunks::{Branch, followers, with_followers};
use crate::executor::{AttemptEnd, Slot, SpawnError, Trainer, error_line, kills_for_memory};
use crate::run::{
    AttemptDir, Event as RunEvent, EventTail, Launch, Outcome, SweepDir, TrainerExit, remove_checkpoints, write_json,
};
use crate::sweep::{Plan, PlannedRun};

/// How often running attempts are looked at.
const LOOK: Duration = Duration::from_millis(200);

/// What the coordinator is told beside the plan.
#[derive(Clone, Debug)]
pub struct Options {
    /// The trainer.
    pub trainer: Trainer,
    /// Where runs go.
    pub slots: Vec<Slot>,
    /// Attempts before a run that crashes is given up.
    pub max_attempts: u32,
    /// Silence after which an attempt is stopped as hung.
    pub stall: Duration,
    /// Seconds between checkpoints of a run.
    pub checkpoint_seconds: f64,
    /// Expected seconds of each run of the plan: the dearest start first.
    pub costs: Vec<f64>,
    /// Memory that each run of the plan is expected to hold, bytes.
    pub memory: Vec<u64>,
    /// Where each run of the plan goes on from.
    pub branches: Vec<Option<Branch>>,
}

/// Told what happens, to show it.
pub trait Observer {
    /// A run was started in a slot.
    fn started(&mut self, slot: SlotIndex, run: &PlannedRun);
    /// A running attempt said something new.
    fn advanced(&mut self, slot: SlotIndex, run: &PlannedRun, event: &RunEvent);
    /// An outcome was committed.
    fn committed(&mut self, slot: SlotIndex, run: &PlannedRun, outcome: &Outcome);
    /// An attempt failed; `again` if another will be made.
    fn failed(&mut self, slot: SlotIndex, run: &PlannedRun, failure: &Failure, again: bool);
    /// Time passed.
    fn tick(&mut self);
    /// Stopping on the user's wish; `again` if it was wished before, and nothing is waited for any more.
    fn interrupted(&mut self, again: bool);
}

/// How a drive ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    /// Runs of the plan with an outcome.
    pub done: usize,
    /// Runs given up.
    pub failed: Vec<FailedRun>,
    /// The user stopped it.
    pub interrupted: bool,
}

/// The coordinator itself cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum DriveError {
    /// No runtime or signal handler.
    #[error("the coordinator cannot start: {0}")]
    Runtime(#[from] io::Error),
}

/// Carries out a plan: every run that is not `done` is trained and committed.
///
/// # Errors
/// [`DriveError`]. A run's failure is no error: it stands in the summary.
pub fn drive(
    sweep: &SweepDir,
    plan: &Plan,
    done: &[bool],
    options: Options,
    observer: &mut dyn Observer,
) -> Result<Summary, DriveError> {
    // One thread: a trainer dies with the thread that started it, and this one lives as long as the process.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let after = options.branches.iter().map(|branch| branch.map(|branch| branch.from)).collect();
    let worth = with_followers(&options.costs, &options.branches);
    let state = State::new(done, &worth, after, options.slots.len(), options.max_attempts);
    runtime.block_on(Driver::new(sweep, plan, options, observer).run(state))
}

/// What an attempt's process is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Asked {
    Nothing,
    /// To write a checkpoint and end.
    Stop,
    /// To end without a checkpoint.
    EndNow,
}

/// Waits until as much is asked for.
async fn heard(hears: &mut watch::Receiver<Asked>, least: Asked) {
    while *hears.borrow_and_update() < least {
        if hears.changed().await.is_err() {
            // Nobody is left to ask.
            std::future::pending::<()>().await;
        }
    }
}

/// An attempt in a slot.
struct Active {
    run: RunIndex,
    attempt: AttemptDir,
    fence: String,
    asked: watch::Sender<Asked>,
    events: EventTail,
    /// When it last said something.
    fresh: Instant,
    stalled: bool,
    /// Kills for memory that the kernel had counted when it began.
    kills: Option<u64>,
}

type Ended = (SlotIndex, io::Result<AttemptEnd>);

struct Driver<'a> {
    sweep: &'a SweepDir,
    plan: &'a Plan,
    options: Options,
    observer: &'a mut dyn Observer,
    /// For each run, the one that goes on from its trunk.
    followers: Vec<Option<RunIndex>>,
    active: HashMap<SlotIndex, Active>,
    kills: Kills,
    ended: (mpsc::UnboundedSender<Ended>, mpsc::UnboundedReceiver<Ended>),
}

impl<'a> Driver<'a> {
    fn new(sweep: &'a SweepDir, plan: &'a Plan, options: Options, observer: &'a mut dyn Observer) -> Self {
        let (followers, ended) = (followers(&options.branches), mpsc::unbounded_channel());
        let (active, kills) = (HashMap::new(), Kills::default());
        Self { sweep, plan, options, observer, followers, active, kills, ended }
    }

    async fn run(mut self, state: State) -> Result<Summary, DriveError> {
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut terminate = signal(SignalKind::terminate())?;
        let mut look = tokio::time::interval(LOOK);
        let mut interrupted = false;
        (0..state.runs.len()).for_each(|run| self.drop_trunk(run, &state));
        let (mut state, mut finished) = self.carry_out(state, Event::Begin);
        while !finished {
            let event = tokio::select! {
                Some((slot, end)) = self.ended.1.recv() => Some(self.attempt_ended(slot, end)),
                _ = interrupt.recv() => Some(Event::Interrupted),
                _ = terminate.recv() => Some(Event::Interrupted),
                _ = look.tick() => { self.look(); None }
            };
            if event == Some(Event::Interrupted) {
                self.observer.interrupted(interrupted);
                if interrupted {
                    for active in self.active.values() {
                        active.asked.send_replace(Asked::EndNow);
                    }
                }
                interrupted = true;
            }
            if let Some(event) = event {
                (state, finished) = self.carry_out(state, event);
            }
        }
        Ok(Summary { done: state.done(), failed: state.failed(), interrupted })
    }

    /// Steps the schedule until it asks for nothing more that fails at once.
    fn carry_out(&mut self, state: State, event: Event) -> (State, bool) {
        let mut events = vec![event];
        let (mut state, mut finished) = (state, false);
        while let Some(event) = events.pop() {
            let failure = match &event {
                Event::Failed(slot, failure) => Some((*slot, failure.clone())),
                _ => None,
            };
            let ended = match &event {
                Event::Committed(slot) | Event::Failed(slot, _) => self.active.remove(slot).map(|active| active.run),
                Event::Begin | Event::Interrupted => None,
            };
            let commands;
            (state, commands) = step(state, event);
            match (ended, failure) {
                (Some(run), Some((slot, failure))) => {
                    let again = !matches!(state.runs[run], super::RunState::Failed { .. });
                    self.observer.failed(slot, &self.plan.runs[run], &failure, again);
                }
                (Some(run), None) => {
                    if let Some(branch) = self.options.branches[run] {
                        self.drop_trunk(branch.from, &state);
                    }
                }
                (None, _) => {}
            }
            for command in commands {
                match command {
                    Command::Start { run, slot } => {
                        events.extend(self.start(run, slot, &state).err().map(|failure| Event::Failed(slot, failure)))
                    }
                    Command::Stop(slot) => self.stop(slot),
                    Command::Finish => finished = true,
                }
            }
        }
        (state, finished)
    }

    fn start(&mut self, run: RunIndex, slot: SlotIndex, state: &State) -> Result<(), Failure> {
        let planned = &self.plan.runs[run];
        let number = last_attempt(self.sweep, planned).unwrap_or(0) + 1;
        let attempt = self.sweep.run(&planned.id).attempt(number);
        let place = self.options.slots[slot];
        let launch = self.launch(run, number, slot, state);
        let (asked, mut hears) = watch::channel(Asked::Nothing);
        let fence = launch.fence.clone();
        // Known before it is started, so that a failure to start is an attempt that failed.
        let events = EventTail::new(attempt.metrics());
        let active = Active {
            run,
            attempt: attempt.clone(),
            fence,
            asked,
            events,
            fresh: Instant::now(),
            stalled: false,
            kills: kills_for_memory(),
        };
        self.active.insert(slot, active);
        write_attempt(self.sweep, planned, &attempt, &launch)?;
        let mut process = self.options.trainer.start(&attempt, place.threads).map_err(|e| cannot_start(&e))?;
        let ended = self.ended.0.clone();
        tokio::spawn(async move {
            let end = tokio::select! {
                end = process.wait() => end,
                () = heard(&mut hears, Asked::Stop) => process.stop(heard(&mut hears, Asked::EndNow)).await,
            };
            // The receiver lives as long as the driver.
            let _ = ended.send((slot, end));
        });
        self.observer.started(slot, planned);
        Ok(())
    }

    fn launch(&self, run: RunIndex, attempt: u32, slot: SlotIndex, state: &State) -> Launch {
        let (sweep, planned, place) = (self.sweep, &self.plan.runs[run], self.options.slots[slot]);
        let nanos = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos());
        Launch {
            run: planned.id.clone(),
            attempt,
            fence: format!("{}-{nanos}-{attempt}", std::process::id()),
            parent_pid: Some(std::process::id()),
            train: sweep.tokens(&planned.spec.data.train_digest),
            validation: sweep.tokens(&planned.spec.data.validation_digest),
            device: place.device,
            threads: place.threads,
            run_folder: sweep.run(&planned.id).root().to_owned(),
            checkpoint_seconds: self.options.checkpoint_seconds,
            take_trunk: self.trunk_for(run),
            keep_trunk: self.is_awaited(run, state),
            memory_bytes_estimate: Some(self.options.memory[run]),
            spec: planned.spec.clone(),
        }
    }

    /// The folder of the nearest run before this one that has left its trunk.
    fn trunk_for(&self, run: RunIndex) -> Option<PathBuf> {
        let before = |run: &RunIndex| Some(self.options.branches[*run]?.from);
        let mut earlier =
            std::iter::successors(before(&run), before).map(|run| self.sweep.run(&self.plan.runs[run].id));
        Some(earlier.find(|dir| dir.trunk().root().is_dir())?.root().to_owned())
    }

    /// Whether a run that has no outcome goes on from this one.
    fn is_awaited(&self, run: RunIndex, state: &State) -> bool {
        self.followers[run].is_some_and(|follower| state.runs[follower] != super::RunState::Done)
    }

    /// Removes the trunk of a run that nobody waits for any more; what cannot be removed costs only space.
    fn drop_trunk(&self, run: RunIndex, state: &State) {
        if !self.is_awaited(run, state) {
            let _ = remove_checkpoints(&self.sweep.run(&self.plan.runs[run].id).trunk());
        }
    }

    fn stop(&mut self, slot: SlotIndex) {
        if let Some(active) = self.active.get(&slot) {
            active.asked.send_if_modified(|asked| {
                let first = *asked == Asked::Nothing;
                if first {
                    *asked = Asked::Stop;
                }
                first
            });
        }
    }

    fn attempt_ended(&mut self, slot: SlotIndex, end: io::Result<AttemptEnd>) -> Event {
        let Some(active) = self.active.get(&slot) else { return Event::Begin };
        let planned = &self.plan.runs[active.run];
        let end = end.map(|end| self.kills.explain(end, active.kills, kills_for_memory()));
        match judge(self.sweep, planned, active, end, &self.options) {
            Ok(outcome) => {
                self.observer.committed(slot, planned, &outcome);
                Event::Committed(slot)
            }
            Err(failure) => Event::Failed(slot, failure),
        }
    }

    /// Shows what attempts have said, and stops those that are silent for too long.
    fn look(&mut self) {
        let mut hung = Vec::new();
        for (slot, active) in &mut self.active {
            // The file appears when the trainer has read its data.
            let events = active.events.read_new().unwrap_or_default();
            if let Some(event) = events.last() {
                active.fresh = Instant::now();
                self.observer.advanced(*slot, &self.plan.runs[active.run], event);
            } else if active.fresh.elapsed() > self.options.stall && !active.stalled {
                active.stalled = true;
                hung.push(*slot);
            }
        }
        hung.into_iter().for_each(|slot| self.stop(slot));
        self.observer.tick();
    }
}

fn write_attempt(sweep: &SweepDir, planned: &PlannedRun, attempt: &AttemptDir, launch: &Launch) -> Result<(), Failure> {
    let spec = sweep.run(&planned.id).spec();
    fs::create_dir_all(attempt.root()).map_err(|e| cannot_write(attempt.root(), &e))?;
    write_json(&spec, &planned.spec).map_err(|e| cannot_write(&spec, &e))?;
    write_json(&attempt.launch(), launch).map_err(|e| cannot_write(&attempt.launch(), &e))
}

/// Every run writes to the same place: a failure to write stops the sweep.
fn cannot_write(path: &Path, error: &io::Error) -> Failure {
    Failure { message: format!("cannot write `{}`: {error}", path.display()), retry: false, stops_sweep: true }
}

fn cannot_start(error: &SpawnError) -> Failure {
    Failure { message: error.to_string(), retry: false, stops_sweep: true }
}

/// Commits what an attempt brought, or says why there is nothing to commit.
fn judge(
    sweep: &SweepDir,
    planned: &PlannedRun,
    active: &Active,
    end: io::Result<AttemptEnd>,
    options: &Options,
) -> Result<Outcome, Failure> {
    let again = |message: String| Failure { message, retry: true, stops_sweep: false };
    if active.stalled {
        return Err(again(format!(
            "the trainer said nothing for {} and was stopped",
            crate::units::duration(options.stall.as_secs_f64())
        )));
    }
    let end = end.map_err(|e| again(format!("the trainer cannot be waited for: {e}")))?;
    if let AttemptEnd::Exit(TrainerExit::Outcome, _) = end {
        return commit(sweep, planned, &active.attempt, &active.fence).map_err(|e| match e {
            CommitError::Unwritable { .. } => Failure { message: e.to_string(), retry: false, stops_sweep: true },
            CommitError::Invalid(reason) => again(format!("{}, but {reason}", end.words())),
        });
    }
    let said = error_line(&active.attempt).map_or_else(String::new, |line| format!(": {line}"));
    let message = format!("{}{said}", end.words());
    Err(match end {
        AttemptEnd::Exit(TrainerExit::BadLaunch | TrainerExit::NoDevice | TrainerExit::OutOfMemory, _) => {
            Failure { message, retry: false, stops_sweep: false }
        }
        AttemptEnd::Exit(TrainerExit::CannotWrite, _) => Failure { message, retry: false, stops_sweep: true },
        AttemptEnd::KilledForMemory { .. } => {
            again(format!("{message}; estimated {}", crate::units::bytes(options.memory[active.run])))
        }
        AttemptEnd::Exit(..) | AttemptEnd::Signal(_) => again(message),
    })
}
