//! What a sweep looks like while it runs: bars on a terminal, plain lines elsewhere.

use std::collections::HashMap;
use std::io::IsTerminal;
use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use super::output;
use isoflop_app::Session;
use isoflop_core::metrics::LOSS_VAL;
use isoflop_core::run::{Ending, Event, EventKind, Outcome, RunId};
use isoflop_core::units::{bytes, duration, si};
use isoflop_dispatch::coordinator::{Branch, DiskRoom, Observer};
use isoflop_dispatch::store::{Failure, FailureClass, Record, RunState};
use isoflop_sweep::PlannedRun;

/// Most runs that have a line on a terminal; a queue may hold hundreds.
const MOST_LINES: usize = 16;

/// Between two plain lines of progress.
pub(super) const PLAIN_EVERY: Duration = Duration::from_secs(10);

/// Progress of one drive.
pub(super) struct Progress {
    total: usize,
    done: usize,
    /// Expected seconds of each run, by the plan's place; corrected by what was seen.
    costs: Vec<f64>,
    /// Steps of each run that another has made.
    shared: Vec<u64>,
    places: HashMap<RunId, usize>,
    spent_cost: f64,
    left_cost: f64,
    began: Instant,
    slots: Vec<Option<Running>>,
    view: View,
}

/// A run in a slot.
#[derive(Default)]
struct Running {
    cost: f64,
    /// The step it began at.
    first_step: u64,
    share: f64,
    loss: Option<f64>,
    /// The last step that was heard of, and when, seconds of the attempt.
    last: Option<(u64, f64)>,
    /// Tokens a second.
    pace: Option<f64>,
    line: String,
}

impl Running {
    /// The pace since the last step that was heard of; the last one known where none was made, as during an evaluation.
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

enum View {
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
        let costs = options.costs.iter().zip(&session.taken_up.resumed.done);
        let left = costs.filter(|(_, done)| !**done).map(|(cost, _)| cost);
        let steps = |branch: &Option<Branch>| branch.map_or(0, |branch| branch.steps);
        let runs = plan.runs.iter().enumerate();
        let view = if std::io::stderr().is_terminal() {
            bars(total, done, slots.min(MOST_LINES))
        } else {
            View::Lines {
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
        if let View::Bars { all, .. } = &self.view {
            output::above(None);
            // The lines below say it all; a terminal that is gone needs none.
            let _ = all.clear();
        }
    }

    fn cost(&self, run: &PlannedRun) -> f64 {
        let place = self.places.get(&run.id);
        place.map_or(0.0, |place| self.costs[*place])
    }

    /// Seconds left: the cost that is left, at the pace seen so far.
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

/// What bars look like.
pub(super) fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template)
        .unwrap_or_else(|_| ProgressStyle::default_bar())
        .progress_chars("━╸ ")
}

fn bars(total: usize, done: usize, slots: usize) -> View {
    let all = MultiProgress::new();
    output::above(Some(all.clone()));
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
    View::Bars {
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
        self.slots[slot] = Some(Running {
            cost,
            first_step,
            line,
            ..Running::default()
        });
    }

    fn began(&mut self, slot: usize, run: &PlannedRun) {
        if let Some(running) = &mut self.slots[slot] {
            running.line = format!("starting {}", run.label());
        }
    }

    fn advanced(&mut self, slot: usize, run: &PlannedRun, event: &Event) {
        let (step, loss) = match &event.kind {
            EventKind::Started { .. } => (0, None),
            EventKind::Heartbeat { step, loss_train } => (*step, *loss_train),
            EventKind::Evaluated(point) => (point.step, Some(point.scores.loss_val)),
        };
        if let Some(running) = &mut self.slots[slot] {
            running.loss = loss;
            let made = step.saturating_sub(running.first_step);
            running.share = made as f64 / (run.spec.steps - running.first_step) as f64;
            // The numbers first: what a narrow terminal cuts off is the end of the name.
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
            Ending::Finished { scores, .. } => {
                format!("loss {:.4} {}", scores.loss_val, LOSS_VAL.unit)
            }
            Ending::Diverged { step, .. } => format!("diverged at step {step}"),
        };
        let (done, total, label) = (self.done, self.total, run.label());
        let time = duration(outcome.wall_seconds);
        output::note(format!("{done:>4}/{total} {label}: {end}, {time}"));
    }

    fn failed(&mut self, slot: usize, run: &PlannedRun, failure: &Failure, record: &Record) {
        self.slots[slot] = None;
        let then = match &record.state {
            RunState::Queued { .. } if record.split => {
                "; it will be tried again, in smaller passes"
            }
            // It says itself that it goes on.
            RunState::Queued { .. }
                if matches!(
                    failure.class,
                    FailureClass::Preempted | FailureClass::Refused
                ) =>
            {
                ""
            }
            RunState::Queued { .. } => "; it will be tried again",
            RunState::Quarantined { .. } => "; it crashed too often and is quarantined",
            RunState::Cancelled => "; it is cancelled",
            _ => "",
        };
        output::note(format!("{}: {}{then}", run.label(), failure.message));
    }

    fn changed(&mut self, run: &PlannedRun, record: &Record) {
        let (label, state) = (run.label(), record.state.name());
        output::note(format!("{label}: now {state}, as was asked for"));
    }

    fn disk(&mut self, room: DiskRoom) {
        let (free, reserve) = (bytes(room.free), bytes(room.reserve));
        output::note(if room.is_low() {
            format!(
                "little room on the disk: {free} are free, no run is started below {reserve}; those under way go on"
            )
        } else {
            format!("room on the disk again: {free} are free")
        });
    }

    fn trouble(&mut self, engine: &str, words: &str, _is_over: bool) {
        output::note(format!("{engine}: {words}"));
    }

    fn tick(&mut self) {
        let line = self.total_line();
        match &mut self.view {
            View::Bars { total, slots, .. } => {
                total.set_position(self.done as u64);
                total.set_message(line);
                show_slots(slots, &self.slots);
            }
            View::Lines { last } if last.elapsed() >= PLAIN_EVERY => {
                *last = Instant::now();
                let losses = self
                    .slots
                    .iter()
                    .flatten()
                    .filter_map(|running| running.loss);
                let losses: Vec<String> = losses.map(|loss| format!("{loss:.2}")).collect();
                output::note(format!("     {line}; losses now: {}", losses.join(" ")));
            }
            View::Lines { .. } => {}
        }
    }

    fn interrupted(&mut self, again: bool) {
        output::note(if again {
            "stopping at once: runs under way go on from their last checkpoint"
        } else {
            "stopping: runs under way write a checkpoint, finished runs are kept; once more stops at once"
        });
    }
}

/// Shows the slots in the bars; where there are more of them, those that train.
fn show_slots(bars: &[ProgressBar], slots: &[Option<Running>]) {
    let many = slots.len() > bars.len();
    let mut shown: Vec<&Option<Running>> = slots
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
