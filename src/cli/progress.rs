//! Progress of a drive: bars on a terminal, plain lines elsewhere.

use std::collections::HashMap;
use std::io::IsTerminal;
use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use super::output;
use isoflop_app::Session;
use isoflop_core::metrics::LOSS_VAL;
use isoflop_core::run::{EventKind, Outcome, RunEnding, RunId, TrainerEvent};
use isoflop_core::units::{bytes, duration, si};
use isoflop_dispatch::coordinator::{DiskRoom, Observer, TrunkBranch};
use isoflop_dispatch::store::{AttemptFailure, FailureClass, RunRecord, RunState};
use isoflop_sweep::PlannedRun;

/// Most runs that have a line on a terminal. A queue can have hundreds.
const MOST_LINES: usize = 16;

/// Interval between two plain lines of progress.
pub(super) const PLAIN_EVERY: Duration = Duration::from_secs(10);

/// Progress of one drive.
pub(super) struct Progress {
    total: usize,
    done: usize,
    /// Expected seconds of each run, in the order of the plan. The time left is estimated from
    /// their ratios.
    costs: Vec<f64>,
    /// Steps of each run that its trunk has made.
    shared: Vec<u64>,
    places: HashMap<RunId, usize>,
    spent_cost: f64,
    left_cost: f64,
    began: Instant,
    slots: Vec<Option<SlotProgress>>,
    view: ProgressView,
}

/// A run in a slot.
#[derive(Default)]
struct SlotProgress {
    cost: f64,
    /// The step that it started from.
    first_step: u64,
    share: f64,
    loss: Option<f64>,
    /// The last reported step, and its time, seconds of the attempt.
    last: Option<(u64, f64)>,
    /// Tokens per second.
    pace: Option<f64>,
    line: String,
}

impl SlotProgress {
    /// Formats the pace since the last reported step. If no step was made since, as during an
    /// evaluation, the last known pace.
    fn tokens_per_second(&mut self, run: &PlannedRun, step: u64, seconds: f64) -> String {
        let before = self.last.replace((step, seconds));
        if let Some((earlier, then)) =
            before.filter(|(earlier, then)| step > *earlier && seconds > *then)
        {
            let tokens = (step - earlier) * run.spec.batch_tokens().0;
            self.pace = Some(tokens as f64 / (seconds - then));
        }
        format!("{} tokens/s", output::or_dash(self.pace, si))
    }
}

enum ProgressView {
    Bars {
        all: MultiProgress,
        total: ProgressBar,
        slots: Vec<ProgressBar>,
    },
    Lines {
        last: Instant,
    },
}

impl Progress {
    pub(super) fn new(session: &Session) -> Self {
        let Session { plan, options, .. } = session;
        let (total, done) = (plan.runs.len(), session.done());
        let slots = options.slots.len();
        let costs = options
            .costs
            .iter()
            .zip(&session.resumed_sweep.resumed.done);
        let left = costs.filter(|(_, done)| !**done).map(|(cost, _)| cost);
        let steps = |branch: &Option<TrunkBranch>| branch.map_or(0, |branch| branch.steps);
        let runs = plan.runs.iter().enumerate();
        let view = if std::io::stderr().is_terminal() {
            bars(total, done, slots.min(MOST_LINES))
        } else {
            ProgressView::Lines {
                last: Instant::now(),
            }
        };
        Self {
            total,
            done,
            costs: options.costs.clone(),
            shared: options.branches.iter().map(steps).collect(),
            places: runs.map(|(place, run)| (run.id.clone(), place)).collect(),
            spent_cost: 0.0,
            left_cost: left.sum(),
            began: Instant::now(),
            slots: (0..slots).map(|_| None).collect(),
            view,
        }
    }

    pub(super) fn finish(&self) {
        if let ProgressView::Bars { all, .. } = &self.view {
            output::set_bars(None);
            // The terminal may be closed. The bars are then gone too.
            let _ = all.clear();
        }
    }

    fn cost(&self, run: &PlannedRun) -> f64 {
        let place = self.places.get(&run.id);
        place.map_or(0.0, |place| self.costs[*place])
    }

    /// Estimates the seconds left: the remaining cost, at the pace so far.
    fn seconds_left(&self) -> Option<f64> {
        let running = self.slots.iter().flatten();
        let running: f64 = running.map(|run| run.cost * run.share).sum();
        let spent = self.spent_cost + running;
        let elapsed = self.began.elapsed().as_secs_f64();
        (spent > 0.0 && elapsed > 2.0)
            .then(|| (self.left_cost - running).max(0.0) / spent * elapsed)
    }

    fn total_line(&self) -> String {
        let left = match self.seconds_left() {
            Some(seconds) => format!("{} left (estimate)", duration(seconds)),
            None => "estimating the time left".to_owned(),
        };
        format!("{}/{} runs, {left}", self.done, self.total)
    }
}

/// Style of the bars.
pub(super) fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template)
        .unwrap_or_else(|_| ProgressStyle::default_bar())
        .progress_chars("━╸ ")
}

fn bars(total: usize, done: usize, slots: usize) -> ProgressView {
    let all = MultiProgress::new();
    output::set_bars(Some(all.clone()));
    let slots = (0..slots)
        .map(|_| {
            let bar = all.add(ProgressBar::new(1000));
            bar.set_style(style("  {bar:6} {wide_msg}"));
            bar
        })
        .collect();
    let bar = all.add(ProgressBar::new(total as u64));
    bar.set_style(style("{bar:14.cyan} {wide_msg}"));
    bar.set_position(done as u64);
    ProgressView::Bars {
        all,
        total: bar,
        slots,
    }
}

impl Observer for Progress {
    fn started(&mut self, slot: usize, run: &PlannedRun, _attempt: u32, waits: bool) {
        let place = self.places.get(&run.id);
        let first_step = place.map_or(0, |place| self.shared[*place]);
        let what = if waits { "waiting" } else { "starting" };
        let (cost, line) = (self.cost(run), format!("{what}  {}", run.label()));
        self.slots[slot] = Some(SlotProgress {
            cost,
            first_step,
            line,
            ..SlotProgress::default()
        });
    }

    fn began(&mut self, slot: usize, run: &PlannedRun) {
        if let Some(running) = &mut self.slots[slot] {
            running.line = format!("starting {}", run.label());
        }
    }

    fn advanced(&mut self, slot: usize, run: &PlannedRun, event: &TrainerEvent) {
        let (step, loss) = match &event.kind {
            EventKind::Started { .. } => (0, None),
            EventKind::Heartbeat { step, loss_train } => (*step, *loss_train),
            EventKind::Evaluated(point) => (point.step, Some(point.scores.loss_val)),
        };
        if let Some(running) = &mut self.slots[slot] {
            running.loss = loss;
            let made = step.saturating_sub(running.first_step);
            running.share = made as f64 / (run.spec.steps - running.first_step) as f64;
            // Numbers come first, so that a narrow terminal cuts off only the end of the label.
            let shown = output::or_dash(loss, |loss| format!("{loss:.3}"));
            let pace = running.tokens_per_second(run, step, event.seconds);
            let percent = 100 * step / run.spec.steps;
            running.line = format!("{percent:>3}% loss {shown} {pace} {}", run.label());
        }
    }

    fn committed(&mut self, slot: usize, run: &PlannedRun, outcome: &Outcome) {
        let cost = self.cost(run);
        self.spent_cost += cost;
        self.left_cost -= cost;
        self.done += 1;
        self.slots[slot] = None;
        let end = match outcome.ending {
            RunEnding::Finished { scores, .. } => {
                format!("loss {:.4} {}", scores.loss_val, LOSS_VAL.unit)
            }
            RunEnding::Diverged { step, .. } => format!("diverged at step {step}"),
        };
        let (done, total, label) = (self.done, self.total, run.label());
        let time = duration(outcome.wall_seconds);
        output::note(format!("{done:>4}/{total} {label}: {end}, {time}"));
    }

    fn failed(
        &mut self,
        slot: usize,
        run: &PlannedRun,
        failure: &AttemptFailure,
        record: &RunRecord,
    ) {
        self.slots[slot] = None;
        let then = match &record.state {
            RunState::Queued { .. } if record.split => "; it will be retried, in smaller passes",
            // The message already includes that the run continues.
            RunState::Queued { .. }
                if matches!(
                    failure.class,
                    FailureClass::Preempted | FailureClass::Refused
                ) =>
            {
                ""
            }
            RunState::Queued { .. } => "; it will be retried",
            RunState::Quarantined { .. } => "; it crashed too often and is quarantined",
            RunState::Cancelled => "; it is cancelled",
            _ => "",
        };
        output::note(format!("{}: {}{then}", run.label(), failure.message));
    }

    fn changed(&mut self, run: &PlannedRun, record: &RunRecord) {
        let (label, state) = (run.label(), record.state.name());
        output::note(format!("{label}: now {state}, as requested"));
    }

    fn disk(&mut self, room: DiskRoom) {
        let (free, reserve) = (bytes(room.free), bytes(room.reserve));
        output::note(if room.is_low() {
            format!(
                "disk space is low: {free} are free, no run is started below {reserve}; running attempts continue"
            )
        } else {
            format!("disk space is sufficient again: {free} are free")
        });
    }

    fn outage(&mut self, engine: &str, words: &str, _is_over: bool) {
        output::note(format!("{engine}: {words}"));
    }

    fn tick(&mut self) {
        let line = self.total_line();
        match &mut self.view {
            ProgressView::Bars { total, slots, .. } => {
                total.set_position(self.done as u64);
                total.set_message(line);
                show_slots(slots, &self.slots);
            }
            ProgressView::Lines { last } if last.elapsed() >= PLAIN_EVERY => {
                *last = Instant::now();
                let losses = self
                    .slots
                    .iter()
                    .flatten()
                    .filter_map(|running| running.loss);
                let losses: Vec<String> = losses.map(|loss| format!("{loss:.2}")).collect();
                output::note(format!("     {line}; losses now: {}", losses.join(" ")));
            }
            ProgressView::Lines { .. } => {}
        }
    }

    fn interrupted(&mut self, again: bool) {
        output::note(if again {
            "stopping at once: running attempts can be resumed from their last checkpoint"
        } else {
            "stopping: running attempts write a checkpoint, finished runs are kept; interrupt again to stop at once"
        });
    }
}

/// Shows the slots in the bars. If there are more slots than bars, those that train come first.
fn show_slots(bars: &[ProgressBar], slots: &[Option<SlotProgress>]) {
    let many = slots.len() > bars.len();
    let mut shown: Vec<&Option<SlotProgress>> = slots
        .iter()
        .filter(|slot| !many || slot.is_some())
        .collect();
    if many {
        shown.sort_by_key(|slot| slot.as_ref().is_none_or(|running| running.last.is_none()));
    }
    for (place, bar) in bars.iter().enumerate() {
        let running = shown.get(place).copied().and_then(Option::as_ref);
        let (share, line) = running.map_or((0.0, ""), |running| (running.share, &running.line));
        bar.set_position((share * 1000.0) as u64);
        bar.set_message(line.to_owned());
    }
}
