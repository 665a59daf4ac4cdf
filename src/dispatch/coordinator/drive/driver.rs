//! The loop: what happens is decided on, written down, carried out.

mod launch;
mod look;
mod verdicts;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, watch};
use tokio::time::sleep_until;
use tracing::{Instrument, Span, debug, info};

use super::active::{Active, Actives};
use super::judge::judge;
use super::ledger::Ledger;
use super::observer::{DiskRoom, Observer};
use super::options::{Options, facts};
use super::summary::{DriveError, Summary};
use super::trace::attempt_span;
use crate::coordinator::commit::commit;
use crate::coordinator::log::sweep_span;
use crate::coordinator::resume::TakenUp;
use crate::coordinator::schedule::{
    Choice, Claim, Decision, Event, Moment, RunIndex, SlotIndex, State, Subject, Verdict, step,
};
use crate::exchange::{dropped, runtime};
use crate::executor::{Asked, Execution, ExecutionError, Signals, Trouble, ask, unwant};
use crate::store::{End, Failure, FailureClass, Fence, Request, RunState, Store};
use isoflop_core::run::{AttemptDir, AttemptEnd, SweepDir, remove_checkpoints};
use isoflop_sweep::Plan;

/// How often running attempts are looked at.
const LOOK: Duration = Duration::from_millis(200);

/// Carries out a plan: every run that waits is trained and committed.
///
/// # Errors
/// [`DriveError`]; what ran was stopped, and left checkpoints. A run's failure is no error: it stands in the summary.
pub fn drive(
    sweep: &SweepDir,
    plan: &Plan,
    taken_up: TakenUp,
    options: Options,
    observer: &mut dyn Observer,
) -> Result<Summary, DriveError> {
    // One thread: a trainer dies with the thread that started it, and this one lives as long as the process.
    let runtime = runtime()?;
    let TakenUp {
        resumed,
        mut store,
        held,
        ..
    } = taken_up;
    let attempt = |run: RunIndex| resumed.records[run].attempts;
    let leases = held
        .into_iter()
        .map(|(run, fence)| (run, (attempt(run), fence)))
        .collect();
    let state = State::new(
        resumed.records,
        facts(plan, &options),
        options.machine.clone(),
        options.policy,
    );
    let driver = Driver::new(sweep, plan, &mut store, leases, options, observer);
    let driven = driver.run(state).instrument(sweep_span(sweep));
    let summary = runtime.block_on(driven)?;
    store.close()?;
    Ok(summary)
}

/// An attempt that has ended, and how.
type Ended = (Claim, Result<AttemptEnd, ExecutionError>);

struct Driver<'a> {
    sweep: &'a SweepDir,
    plan: &'a Plan,
    options: Options,
    observer: &'a mut dyn Observer,
    ledger: Ledger<'a>,
    active: Actives,
    /// Requests that are not answered yet.
    requests: Vec<(Request, RunIndex)>,
    ended: (mpsc::UnboundedSender<Ended>, mpsc::UnboundedReceiver<Ended>),
    began: Instant,
    looked: Instant,
    /// The disk, as it was at the last look.
    disk: Option<DiskRoom>,
    /// What keeps each engine from its attempts, as was told.
    troubles: Vec<Option<Trouble>>,
    /// What was decided in this turn, with the spans that are known.
    verdicts: Vec<(Option<Span>, Verdict)>,
    /// Whether slots stay empty, as was told.
    told_to_wait: bool,
    interrupted: bool,
}

impl<'a> Driver<'a> {
    fn new(
        sweep: &'a SweepDir,
        plan: &'a Plan,
        store: &'a mut Store,
        leases: BTreeMap<RunIndex, (u32, Fence)>,
        options: Options,
        observer: &'a mut dyn Observer,
    ) -> Self {
        Self {
            sweep,
            plan,
            options,
            observer,
            ledger: Ledger::new(plan, store, leases),
            active: Actives::new(),
            requests: Vec::new(),
            ended: mpsc::unbounded_channel(),
            began: Instant::now(),
            looked: Instant::now(),
            disk: None,
            troubles: Vec::new(),
            verdicts: Vec::new(),
            told_to_wait: false,
            interrupted: false,
        }
    }

    async fn run(mut self, state: State) -> Result<Summary, DriveError> {
        let mut signals = Signals::with_terminal()?;
        let result = self.go(state, &mut signals).await;
        match &result {
            Ok(summary) => info!(
                done = summary.done(),
                runs = summary.records.len(),
                interrupted = summary.interrupted,
                detached = summary.detached,
                "the coordinator ends"
            ),
            Err(error) => {
                info!(reason = error.to_string(), "the coordinator cannot go on");
                self.end_all(&mut signals).await;
            }
        }
        result
    }

    async fn go(&mut self, mut state: State, signals: &mut Signals) -> Result<Summary, DriveError> {
        (0..self.plan.runs.len()).for_each(|run| self.drop_trunk(run, &state));
        let mut look = tokio::time::interval(LOOK);
        look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut events = self.adopt(&state);
        self.options.engines.open();
        events.extend(self.look()?);
        loop {
            state = self.turn(state, std::mem::take(&mut events))?;
            let finished = state.is_finished();
            let detached = !finished && self.may_detach(&state);
            if finished || detached {
                self.ledger.write_all(&state)?;
                return Ok(Summary {
                    records: state.records,
                    stopped_by: state.stopped_by,
                    interrupted: self.interrupted,
                    detached,
                });
            }
            let moment = state.next_moment();
            let wake = moment.map(|moment| self.began + Duration::from_millis(moment.0));
            tokio::select! {
                Some(first) = self.ended.1.recv() => {
                    let others = std::iter::from_fn(|| self.ended.1.try_recv().ok());
                    let ended: Vec<Ended> = std::iter::once(first).chain(others).collect();
                    events.extend(ended.into_iter().map(|ended| self.attempt_ended(ended)));
                }
                () = signals.next() => events.push(self.interrupt()),
                _ = look.tick() => {
                    let seen = self.look()?;
                    state = self.turn(state, seen)?;
                    // At once: what other commands show is at most one look behind.
                    self.ledger.write_all(&state)?;
                }
                () = sleep_until(wake.unwrap_or(self.began).into()), if wake.is_some() => events.push(Event::Tick),
            }
        }
    }

    /// Decides on events, and on those that follow at once, until there are none; what must be written down is written
    /// before what rests on it is done.
    fn turn(&mut self, mut state: State, events: Vec<Event>) -> Result<State, DriveError> {
        let mut events = VecDeque::from(events);
        while !events.is_empty() {
            while let Some(event) = events.pop_front() {
                let (next, committing) = self.decide(state, event);
                state = next;
                // A commit rests on files alone: what follows from it goes into the same transaction.
                events.extend(committing.into_iter().map(|claim| self.commit(claim)));
            }
            self.ledger.write(&state)?;
            let verdicts = self.tell_verdicts();
            self.answer(&state)?;
            for verdict in verdicts {
                events.extend(self.carry_out(&verdict, &state));
            }
        }
        Ok(state)
    }

    /// The state after an event, and the attempts that are to be committed.
    fn decide(&mut self, state: State, event: Event) -> (State, Vec<Claim>) {
        let now = Moment(self.began.elapsed().as_millis() as u64);
        let Decision { state, verdicts } = step(state, now, event.clone());
        let end = self.end_of(&event);
        let changed: BTreeSet<RunIndex> = verdicts.iter().filter_map(Verdict::changed).collect();
        for run in changed {
            self.ledger.note(&state, run, &end);
        }
        let commits = verdicts.iter().filter(|it| it.choice == Choice::Commit);
        let committing = commits.filter_map(|it| it.subject.claim()).collect();
        self.note_verdicts(verdicts);
        self.tell(&event, &state);
        (state, committing)
    }

    /// How the attempt ends that an event is about, if it ends by it.
    fn end_of(&self, event: &Event) -> End {
        match event {
            Event::Failed(_, failure) => Err(failure.clone()),
            Event::Committed(claim, _) => Ok(self.active.get(claim).and_then(|active| active.loss)),
            _ => Ok(None),
        }
    }

    /// Shows what came of an event, and forgets attempts that have ended.
    fn tell(&mut self, event: &Event, state: &State) {
        match event {
            Event::Failed(claim, failure) => {
                if let Some(active) = self.active.remove(claim) {
                    let planned = &self.plan.runs[claim.run];
                    self.observer
                        .failed(active.slot, planned, failure, state.record(claim.run));
                }
            }
            Event::Committed(claim, _) => {
                self.active.remove(claim);
                if let Some(branch) = self.options.branches[claim.run] {
                    self.drop_trunk(branch.from, state);
                }
            }
            Event::Asked(_, run) => {
                let record = state.record(*run);
                if record.state.lease().is_none() {
                    self.observer.changed(&self.plan.runs[*run], record);
                }
            }
            _ => {}
        }
    }

    /// Does what a verdict asks for, now that it is written down.
    fn carry_out(&mut self, verdict: &Verdict, state: &State) -> Option<Event> {
        match (verdict.subject, &verdict.choice) {
            (Subject::Attempt(claim), Choice::Lease { slot, .. }) => {
                let started = self.start(claim, *slot, state);
                Some(started.unwrap_or_else(|failure| Event::Failed(claim, failure)))
            }
            (Subject::Attempt(claim), Choice::Stop(_)) => {
                if let Some(active) = self.active.get(&claim) {
                    ask(&active.asked, Asked::Stop);
                }
                None
            }
            // What is committed is so already, within the turn; all else asks for nothing.
            _ => None,
        }
    }

    fn start(&mut self, claim: Claim, slot: SlotIndex, state: &State) -> Result<Event, Failure> {
        let planned = &self.plan.runs[claim.run];
        let fence = self.ledger.token(claim).ok_or_else(|| {
            Failure::new(FailureClass::Preempted, "its lease is not written down")
        })?;
        let launch = self.launch(claim, slot, fence.clone(), state);
        // Known before it is started, so that a failure to start is an attempt that failed.
        let (attempt, hears) = self.watch(claim, slot, fence);
        self.write_attempt(&attempt, &launch)?;
        let (engines, place) = (&self.options.engines, self.options.slots[slot]);
        let execution = engines
            .begin(&attempt, place, hears)
            .map_err(|e| Failure::new(FailureClass::Unwritable, e.to_string()))?;
        let pid = execution.pid;
        if let (None, Some(active)) = (pid, self.active.get(&claim)) {
            let engine = engines.name(place.engine);
            info!(parent: &active.span, engine, "given to its engine");
        }
        self.await_end(claim, execution);
        self.observer
            .started(slot, planned, claim.attempt, pid.is_none());
        // A queue begins it when it likes: that is seen later.
        Ok(pid.map_or(Event::Tick, |pid| Event::Started(claim, Some(pid))))
    }

    /// Knows an attempt from here on; what is asked of it is heard by the receiver.
    fn watch(
        &mut self,
        claim: Claim,
        slot: SlotIndex,
        fence: String,
    ) -> (AttemptDir, watch::Receiver<Asked>) {
        let run = self.sweep.run(&self.plan.runs[claim.run].id);
        let attempt = run.attempt(claim.attempt);
        let (asked, hears) = watch::channel(Asked::Nothing);
        let span = attempt_span(self.plan, claim, &fence);
        let waits = self.options.engines.has_a_queue(self.options.slots[slot]);
        let active = Active::new(slot, attempt.clone(), (fence, span), asked, waits);
        self.active.insert(claim, active);
        (attempt, hears)
    }

    fn await_end(&mut self, claim: Claim, Execution { end, taken, .. }: Execution) {
        let mut span = Span::none();
        if let Some(active) = self.active.get_mut(&claim) {
            (active.taken, span) = (taken, active.span.clone());
        }
        let ended = self.ended.0.clone();
        let awaited = async move {
            if ended.send((claim, end.await)).is_err() {
                debug!("it ended after the coordinator had");
            }
        };
        tokio::spawn(awaited.instrument(span));
    }

    /// Whether the engine has all that can be given to it now, and that was all that was wanted.
    fn may_detach(&self, state: &State) -> bool {
        let wanted = self.options.detach && !self.interrupted && state.stopped_by.is_none();
        wanted && self.active.values().all(|active| *active.taken.borrow())
    }

    /// Goes on with the attempts that an earlier coordinator gave to an engine.
    fn adopt(&mut self, state: &State) -> Vec<Event> {
        let held = (0..state.slots.len()).filter_map(|slot| Some((slot, state.holder(slot)?)));
        held.map(|(slot, claim)| self.adopt_one(claim, slot))
            .collect()
    }

    fn adopt_one(&mut self, claim: Claim, slot: SlotIndex) -> Event {
        let planned = &self.plan.runs[claim.run];
        let fence = self.ledger.token(claim).unwrap_or_default();
        let (attempt, hears) = self.watch(claim, slot, fence);
        let Some(execution) = self.options.engines.adopt(&attempt, hears) else {
            let mut message =
                "it was given to an engine that is not the sweep's any more".to_owned();
            if let Err(e) = unwant(&attempt) {
                message += &format!(", and cannot be told to end: {e}");
            }
            return Event::Failed(claim, Failure::new(FailureClass::Preempted, message));
        };
        if let Some(active) = self.active.get(&claim) {
            let reason = "an earlier coordinator gave it to its engine, which may have it still";
            info!(parent: &active.span, slot, reason, "adopted");
        }
        self.await_end(claim, execution);
        self.observer.started(slot, planned, claim.attempt, true);
        Event::Tick
    }

    fn attempt_ended(&mut self, (claim, end): Ended) -> Event {
        let Some(active) = self.active.get(&claim) else {
            return Event::Tick;
        };
        match judge(claim.run, active, end, &self.options) {
            Ok(()) => Event::Delivered(claim),
            Err(failure) => Event::Failed(claim, failure),
        }
    }

    /// Makes what an attempt delivered the run's outcome.
    fn commit(&mut self, claim: Claim) -> Event {
        let Some(active) = self.active.get_mut(&claim) else {
            return Event::Tick;
        };
        let planned = &self.plan.runs[claim.run];
        match commit(self.sweep, planned, &active.attempt, &active.fence) {
            Ok(outcome) => {
                active.loss = outcome.loss();
                // Whoever listened is gone only after a panic, which is raised again at the end.
                let _ = self
                    .options
                    .outcomes
                    .send((planned.id.clone(), outcome.clone()));
                self.observer.committed(active.slot, planned, &outcome);
                Event::Committed(claim, RunState::of(&outcome))
            }
            Err(error) => Event::Failed(claim, error.into()),
        }
    }

    /// Whether a run that has no outcome goes on from this one.
    fn is_awaited(run: RunIndex, state: &State) -> bool {
        let mut followers = state.waiting_for(run).iter();
        followers.any(|follower| !state.record(*follower).state.has_outcome())
    }

    /// Removes the trunk of a run that nobody waits for any more; what cannot be removed costs only space.
    fn drop_trunk(&self, run: RunIndex, state: &State) {
        if !Self::is_awaited(run, state) {
            let trunk = self.sweep.run(&self.plan.runs[run].id).trunk();
            dropped(remove_checkpoints(&trunk), "a trunk was not removed");
        }
    }

    fn interrupt(&mut self) -> Event {
        info!(again = self.interrupted, "interrupted");
        self.observer.interrupted(self.interrupted);
        if self.interrupted {
            self.ask_all(Asked::EndNow);
        }
        self.interrupted = true;
        Event::Interrupted
    }

    /// Ends what runs, because nothing can be written down any more; checkpoints and delivered outcomes are for the next time.
    async fn end_all(&mut self, signals: &mut Signals) {
        self.ask_all(Asked::Stop);
        while !self.active.is_empty() {
            tokio::select! {
                Some((claim, _)) = self.ended.1.recv() => drop(self.active.remove(&claim)),
                () = signals.next() => self.ask_all(Asked::EndNow),
            }
        }
    }

    fn ask_all(&self, what: Asked) {
        let active = self.active.values();
        active.for_each(|active| ask(&active.asked, what));
    }
}
