//! The coordinator's loop: decide on each event, write the decisions to the store, then carry them
//! out.

mod launch;
mod look;
mod verdicts;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, watch};
use tokio::time::sleep_until;
use tracing::{Instrument, Span, debug, info};

use super::active::{ActiveAttempt, Actives};
use super::classify_exit::classify_exit;
use super::observer::{DiskRoom, Observer};
use super::options::{DriveOptions, facts};
use super::run_ledger::RunLedger;
use super::summary::{DriveError, DriveSummary};
use super::trace::attempt_span;
use crate::coordinator::commit::commit;
use crate::coordinator::log::sweep_span;
use crate::coordinator::resume::ResumedSweep;
use crate::coordinator::schedule::{
    AttemptId, Decision, MonotonicTime, RunIndex, ScheduleEvent, ScheduleState, SlotIndex, Verdict,
    VerdictKind, VerdictSubject, step,
};
use crate::exchange::{dropped, runtime};
use crate::executor::{
    Execution, ExecutionError, Outage, Signals, StopRequest, raise_request, request_stop,
};
use crate::store::{
    AttemptFailure, FailureClass, FencingToken, LeaseEnd, RunState, Store, UserRequest,
};
use isoflop_core::run::{AttemptDir, AttemptEnd, SweepDir, remove_checkpoints};
use isoflop_sweep::Plan;

/// Time between two looks at the running attempts.
const LOOK_INTERVAL: Duration = Duration::from_millis(200);

/// Executes a plan: trains and commits every queued run.
///
/// # Errors
/// [`DriveError`]; running attempts were stopped, and left checkpoints. A failed run is not an
/// error: the summary has it.
pub fn drive(
    sweep: &SweepDir,
    plan: &Plan,
    taken_up: ResumedSweep,
    options: DriveOptions,
    observer: &mut dyn Observer,
) -> Result<DriveSummary, DriveError> {
    // Use one thread: a trainer is killed when the thread that started it ends. This one lasts as
    // long as the process.
    let runtime = runtime()?;
    let ResumedSweep {
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
    let state = ScheduleState::new(
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

/// An attempt that has ended, and its end.
type EndedAttempt = (AttemptId, Result<AttemptEnd, ExecutionError>);

struct Driver<'a> {
    sweep: &'a SweepDir,
    plan: &'a Plan,
    options: DriveOptions,
    observer: &'a mut dyn Observer,
    ledger: RunLedger<'a>,
    active: Actives,
    /// Requests that are not answered yet.
    requests: Vec<(UserRequest, RunIndex)>,
    ended: (
        mpsc::UnboundedSender<EndedAttempt>,
        mpsc::UnboundedReceiver<EndedAttempt>,
    ),
    began: Instant,
    looked: Instant,
    /// The disk space at the last look.
    disk: Option<DiskRoom>,
    /// The outage of each engine, as last reported.
    outages: Vec<Option<Outage>>,
    /// The decisions of this turn, with the spans of active attempts.
    verdicts: Vec<(Option<Span>, Verdict)>,
    /// True if empty slots were reported.
    reported_empty_slots: bool,
    interrupted: bool,
}

impl<'a> Driver<'a> {
    fn new(
        sweep: &'a SweepDir,
        plan: &'a Plan,
        store: &'a mut Store,
        leases: BTreeMap<RunIndex, (u32, FencingToken)>,
        options: DriveOptions,
        observer: &'a mut dyn Observer,
    ) -> Self {
        Self {
            sweep,
            plan,
            options,
            observer,
            ledger: RunLedger::new(plan, store, leases),
            active: Actives::new(),
            requests: Vec::new(),
            ended: mpsc::unbounded_channel(),
            began: Instant::now(),
            looked: Instant::now(),
            disk: None,
            outages: Vec::new(),
            verdicts: Vec::new(),
            reported_empty_slots: false,
            interrupted: false,
        }
    }

    async fn run(mut self, state: ScheduleState) -> Result<DriveSummary, DriveError> {
        let mut signals = Signals::with_terminal()?;
        let result = self.go(state, &mut signals).await;
        match &result {
            Ok(summary) => info!(
                done = summary.done(),
                runs = summary.records.len(),
                interrupted = summary.interrupted,
                detached = summary.detached,
                "coordinator finished"
            ),
            Err(error) => {
                info!(reason = error.to_string(), "coordinator failed");
                self.end_all(&mut signals).await;
            }
        }
        result
    }

    async fn go(
        &mut self,
        mut state: ScheduleState,
        signals: &mut Signals,
    ) -> Result<DriveSummary, DriveError> {
        (0..self.plan.runs.len()).for_each(|run| self.drop_trunk(run, &state));
        let mut look = tokio::time::interval(LOOK_INTERVAL);
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
                return Ok(DriveSummary {
                    records: state.records,
                    stopped_by: state.stopped_by,
                    interrupted: self.interrupted,
                    detached,
                });
            }
            let moment = state.next_back_off_end();
            let wake = moment.map(|moment| self.began + Duration::from_millis(moment.0));
            tokio::select! {
                Some(first) = self.ended.1.recv() => {
                    let others = std::iter::from_fn(|| self.ended.1.try_recv().ok());
                    let ended: Vec<EndedAttempt> = std::iter::once(first).chain(others).collect();
                    events.extend(ended.into_iter().map(|ended| self.attempt_ended(ended)));
                }
                () = signals.next() => events.push(self.interrupt()),
                _ = look.tick() => {
                    let seen = self.look()?;
                    state = self.turn(state, seen)?;
                    // Write at once, so that other commands see a state at most one look old.
                    self.ledger.write_all(&state)?;
                }
                () = sleep_until(wake.unwrap_or(self.began).into()), if wake.is_some() => events.push(ScheduleEvent::Tick),
            }
        }
    }

    /// Decides on events and on the events that follow from them, until none are left.
    ///
    /// Decisions are written to the store before they are carried out.
    fn turn(
        &mut self,
        mut state: ScheduleState,
        events: Vec<ScheduleEvent>,
    ) -> Result<ScheduleState, DriveError> {
        let mut events = VecDeque::from(events);
        while !events.is_empty() {
            while let Some(event) = events.pop_front() {
                let (next, committing) = self.decide(state, event);
                state = next;
                // A commit depends on files only, so its consequences can go into the same
                // transaction.
                events.extend(committing.into_iter().map(|claim| self.commit(claim)));
            }
            self.ledger.write(&state)?;
            let verdicts = self.log_verdicts();
            self.answer(&state)?;
            for verdict in verdicts {
                events.extend(self.carry_out(&verdict, &state));
            }
        }
        Ok(state)
    }

    /// Decides on an event. Returns the new state, and the attempts to commit.
    fn decide(
        &mut self,
        state: ScheduleState,
        event: ScheduleEvent,
    ) -> (ScheduleState, Vec<AttemptId>) {
        let now = MonotonicTime(self.began.elapsed().as_millis() as u64);
        let Decision { state, verdicts } = step(state, now, event.clone());
        let end = self.end_of(&event);
        let changed: BTreeSet<RunIndex> = verdicts.iter().filter_map(Verdict::changed).collect();
        for run in changed {
            self.ledger.add_change(&state, run, &end);
        }
        let commits = verdicts
            .iter()
            .filter(|it| it.choice == VerdictKind::Commit);
        let committing = commits.filter_map(|it| it.subject.claim()).collect();
        self.queue_verdicts(verdicts);
        self.notify_observer(&event, &state);
        (state, committing)
    }

    /// The end of the attempt of an event, if the event ends it.
    fn end_of(&self, event: &ScheduleEvent) -> LeaseEnd {
        match event {
            ScheduleEvent::Failed(_, failure) => Err(failure.clone()),
            ScheduleEvent::Committed(claim, _) => {
                Ok(self.active.get(claim).and_then(|active| active.loss))
            }
            _ => Ok(None),
        }
    }

    /// Reports the effect of an event to the observer, and forgets attempts that have ended.
    fn notify_observer(&mut self, event: &ScheduleEvent, state: &ScheduleState) {
        match event {
            ScheduleEvent::Failed(claim, failure) => {
                if let Some(active) = self.active.remove(claim) {
                    let planned = &self.plan.runs[claim.run];
                    self.observer
                        .failed(active.slot, planned, failure, state.record(claim.run));
                }
            }
            ScheduleEvent::Committed(claim, _) => {
                self.active.remove(claim);
                if let Some(branch) = self.options.branches[claim.run] {
                    self.drop_trunk(branch.from, state);
                }
            }
            ScheduleEvent::Requested(_, run) => {
                let record = state.record(*run);
                if record.state.lease().is_none() {
                    self.observer.changed(&self.plan.runs[*run], record);
                }
            }
            _ => {}
        }
    }

    /// Carries out a decision that is in the store.
    fn carry_out(&mut self, verdict: &Verdict, state: &ScheduleState) -> Option<ScheduleEvent> {
        match (verdict.subject, &verdict.choice) {
            (VerdictSubject::Attempt(claim), VerdictKind::Lease { slot, .. }) => {
                let started = self.start(claim, *slot, state);
                Some(started.unwrap_or_else(|failure| ScheduleEvent::Failed(claim, failure)))
            }
            (VerdictSubject::Attempt(claim), VerdictKind::Stop(_)) => {
                if let Some(active) = self.active.get(&claim) {
                    raise_request(&active.asked, StopRequest::Stop);
                }
                None
            }
            // Commits were carried out earlier in the turn. Other decisions need no action.
            _ => None,
        }
    }

    fn start(
        &mut self,
        claim: AttemptId,
        slot: SlotIndex,
        state: &ScheduleState,
    ) -> Result<ScheduleEvent, AttemptFailure> {
        let planned = &self.plan.runs[claim.run];
        let fence = self.ledger.token(claim).ok_or_else(|| {
            AttemptFailure::new(FailureClass::Preempted, "its lease is not in the store")
        })?;
        let launch = self.launch(claim, slot, fence.clone(), state);
        // Register the attempt before starting it, so that a failure to start counts as a failed
        // attempt.
        let (attempt, hears) = self.register(claim, slot, fence);
        self.write_attempt(&attempt, &launch)?;
        let (engines, place) = (&self.options.engines, self.options.slots[slot]);
        let execution = engines
            .begin(&attempt, place, hears)
            .map_err(|e| AttemptFailure::new(FailureClass::Unwritable, e.to_string()))?;
        let pid = execution.pid;
        if let (None, Some(active)) = (pid, self.active.get(&claim)) {
            let engine = engines.name(place.engine);
            info!(parent: &active.span, engine, "submitted to its engine");
        }
        self.await_end(claim, execution);
        self.observer
            .started(slot, planned, claim.attempt, pid.is_none());
        // A queue starts the attempt later: the next looks find out.
        Ok(pid.map_or(ScheduleEvent::Tick, |pid| {
            ScheduleEvent::Started(claim, Some(pid))
        }))
    }

    /// Registers an attempt. The receiver gets the requests to stop it.
    fn register(
        &mut self,
        claim: AttemptId,
        slot: SlotIndex,
        fence: String,
    ) -> (AttemptDir, watch::Receiver<StopRequest>) {
        let run = self.sweep.run(&self.plan.runs[claim.run].id);
        let attempt = run.attempt(claim.attempt);
        let (asked, hears) = watch::channel(StopRequest::Nothing);
        let span = attempt_span(self.plan, claim, &fence);
        let waits = self.options.engines.has_a_queue(self.options.slots[slot]);
        let active = ActiveAttempt::new(slot, attempt.clone(), (fence, span), asked, waits);
        self.active.insert(claim, active);
        (attempt, hears)
    }

    fn await_end(&mut self, claim: AttemptId, Execution { end, taken, .. }: Execution) {
        let mut span = Span::none();
        if let Some(active) = self.active.get_mut(&claim) {
            (active.taken, span) = (taken, active.span.clone());
        }
        let ended = self.ended.0.clone();
        let awaited = async move {
            if ended.send((claim, end.await)).is_err() {
                debug!("an attempt ended after its coordinator");
            }
        };
        tokio::spawn(awaited.instrument(span));
    }

    /// Reports whether detaching was requested and the engine has accepted every attempt.
    fn may_detach(&self, state: &ScheduleState) -> bool {
        let wanted = self.options.detach && !self.interrupted && state.stopped_by.is_none();
        wanted && self.active.values().all(|active| *active.taken.borrow())
    }

    /// Continues the attempts that an earlier coordinator submitted to an engine.
    fn adopt(&mut self, state: &ScheduleState) -> Vec<ScheduleEvent> {
        let held = (0..state.slots.len()).filter_map(|slot| Some((slot, state.holder(slot)?)));
        held.map(|(slot, claim)| self.adopt_one(claim, slot))
            .collect()
    }

    fn adopt_one(&mut self, claim: AttemptId, slot: SlotIndex) -> ScheduleEvent {
        let planned = &self.plan.runs[claim.run];
        let fence = self.ledger.token(claim).unwrap_or_default();
        let (attempt, hears) = self.register(claim, slot, fence);
        let Some(execution) = self.options.engines.adopt(&attempt, hears) else {
            let mut message =
                "the engine that has the attempt is not in the sweep file any more".to_owned();
            if let Err(e) = request_stop(&attempt) {
                message += &format!(", and the attempt cannot be asked to stop: {e}");
            }
            return ScheduleEvent::Failed(
                claim,
                AttemptFailure::new(FailureClass::Preempted, message),
            );
        };
        if let Some(active) = self.active.get(&claim) {
            let reason =
                "an earlier coordinator submitted it to its engine, which may still have it";
            info!(parent: &active.span, slot, reason, "adopted");
        }
        self.await_end(claim, execution);
        self.observer.started(slot, planned, claim.attempt, true);
        ScheduleEvent::Tick
    }

    fn attempt_ended(&mut self, (claim, end): EndedAttempt) -> ScheduleEvent {
        let Some(active) = self.active.get(&claim) else {
            return ScheduleEvent::Tick;
        };
        match classify_exit(claim.run, active, end, &self.options) {
            Ok(()) => ScheduleEvent::Delivered(claim),
            Err(failure) => ScheduleEvent::Failed(claim, failure),
        }
    }

    /// Commits what an attempt delivered as the run's outcome.
    fn commit(&mut self, claim: AttemptId) -> ScheduleEvent {
        let Some(active) = self.active.get_mut(&claim) else {
            return ScheduleEvent::Tick;
        };
        let planned = &self.plan.runs[claim.run];
        match commit(self.sweep, planned, &active.attempt, &active.fence) {
            Ok(outcome) => {
                active.loss = outcome.loss();
                // The receiver is dropped only after a panic, which is raised again at the end.
                let _ = self
                    .options
                    .outcomes
                    .send((planned.id.clone(), outcome.clone()));
                self.observer.committed(active.slot, planned, &outcome);
                ScheduleEvent::Committed(claim, RunState::of(&outcome))
            }
            Err(error) => ScheduleEvent::Failed(claim, error.into()),
        }
    }

    /// Reports whether a run without an outcome continues from this one.
    fn is_awaited(run: RunIndex, state: &ScheduleState) -> bool {
        let mut followers = state.waiting_for(run).iter();
        followers.any(|follower| !state.record(*follower).state.has_outcome())
    }

    /// Removes the trunk of a run that no other run waits for.
    ///
    /// A trunk that cannot be removed costs only disk space.
    fn drop_trunk(&self, run: RunIndex, state: &ScheduleState) {
        if !Self::is_awaited(run, state) {
            let trunk = self.sweep.run(&self.plan.runs[run].id).trunk();
            dropped(remove_checkpoints(&trunk), "failed to remove a trunk");
        }
    }

    fn interrupt(&mut self) -> ScheduleEvent {
        info!(again = self.interrupted, "interrupted");
        self.observer.interrupted(self.interrupted);
        if self.interrupted {
            self.stop_attempts(StopRequest::EndNow);
        }
        self.interrupted = true;
        ScheduleEvent::Interrupted
    }

    /// Stops all attempts after an error of the store.
    ///
    /// Checkpoints and delivered outcomes remain for the next coordinator.
    async fn end_all(&mut self, signals: &mut Signals) {
        self.stop_attempts(StopRequest::Stop);
        while !self.active.is_empty() {
            tokio::select! {
                Some((claim, _)) = self.ended.1.recv() => drop(self.active.remove(&claim)),
                () = signals.next() => self.stop_attempts(StopRequest::EndNow),
            }
        }
    }

    fn stop_attempts(&self, what: StopRequest) {
        let active = self.active.values();
        active.for_each(|active| raise_request(&active.asked, what));
    }
}
