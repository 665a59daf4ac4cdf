//! `isoflop logs`

use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom};
use std::path::PathBuf;
use std::time::Duration;

use super::args::LogsArgs;
use super::{Exit, output};
use isoflop_app::{AppError, Found, find_run, run_label};
use isoflop_core::metrics::LOSS_VAL;
use isoflop_core::run::{AttemptDir, Event, EventKind, EventTail, RunDir, SweepDir};
use isoflop_core::units::duration;
use isoflop_dispatch::store::Reader;

/// Between two looks at a run that is followed.
const LOOK: Duration = Duration::from_millis(200);

pub(super) fn main(args: &LogsArgs) -> Result<Exit, AppError> {
    let among = &args.among;
    let found = find_run(&args.run, among.sweep.as_deref(), &among.folders.results)?;
    let mut shown: Option<Shown> = None;
    loop {
        // Asked before the files are read: what was said before the end is then read after it.
        let (ended, attempts) = stand(&found.dir, &found.run.id)?;
        turn_to_latest(&mut shown, &found, args.attempt, attempts);
        if let Some(shown) = &mut shown {
            shown.show();
        }
        if !args.follow || ended || args.attempt.is_some_and(|attempt| attempt < attempts) {
            break;
        }
        std::thread::sleep(LOOK);
    }
    shown.map_or_else(|| Err(none(&found, args.attempt)), |_| Ok(Exit::Ok))
}

/// Shows an attempt from its beginning, where it is there and none so late was shown.
fn turn_to_latest(shown: &mut Option<Shown>, found: &Found, asked: Option<u32>, attempts: u32) {
    let dir = found.dir.run_named(&found.run.id);
    let number = asked.unwrap_or_else(|| latest(&dir).max(attempts.min(1)));
    let attempt = dir.attempt(number);
    if shown.as_ref().is_none_or(|shown| shown.number < number) && attempt.root().is_dir() {
        let (label, folder) = (run_label(&found.run), attempt.root().display());
        output::note(format!("{label}, attempt {number}: {folder}"));
        *shown = Some(Shown::new(number, &attempt));
    }
}

fn none(found: &Found, attempt: Option<u32>) -> AppError {
    let what = attempt.map_or_else(String::new, |attempt| format!(" attempt {attempt} of"));
    let (label, state) = (run_label(&found.run), found.run.record.state.name());
    let message = format!("there are no logs of{what} {label}, which is {state}");
    AppError::usage(message, "wait until it was started, or follow it with `-f`")
}

/// Whether a run has ended, and how many attempts there were.
fn stand(dir: &SweepDir, id: &str) -> Result<(bool, u32), AppError> {
    let runs = match Reader::open(dir)? {
        Some(reader) => reader.named(id)?,
        None => Vec::new(),
    };
    Ok(runs.first().map_or((true, 0), |run| {
        (run.record.state.has_ended(), run.record.attempts)
    }))
}

fn latest(dir: &RunDir) -> u32 {
    let entries = fs::read_dir(dir.attempts()).into_iter().flatten().flatten();
    entries
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .max()
        .unwrap_or(0)
}

/// What was shown of an attempt: what it said in events, and what it printed.
struct Shown {
    number: u32,
    older: PathBuf,
    log: PathBuf,
    printed: u64,
    events: EventTail,
    steps: u64,
}

impl Shown {
    fn new(number: u32, attempt: &AttemptDir) -> Self {
        let shown = Self {
            number,
            older: attempt.older_log(),
            log: attempt.log(),
            printed: 0,
            events: EventTail::new(attempt.metrics()),
            steps: 0,
        };
        // The part that was put aside, where there is one.
        shown.print(&fs::read(&shown.older).unwrap_or_default());
        shown
    }

    fn show(&mut self) {
        for event in self.events.read_new().unwrap_or_default() {
            self.say(&event);
        }
        let Ok(mut file) = File::open(&self.log) else {
            return;
        };
        let length = file.metadata().map_or(self.printed, |found| found.len());
        if length < self.printed {
            // It was begun anew: the rest of the old one is beside it.
            let old = fs::read(&self.older).unwrap_or_default();
            self.print(old.get(self.printed as usize..).unwrap_or_default());
            self.printed = 0;
        }
        let mut more = Vec::new();
        let sought = file.seek(SeekFrom::Start(self.printed));
        if sought.and_then(|_| file.read_to_end(&mut more)).is_ok() {
            self.printed += more.len() as u64;
            self.print(&more);
        }
    }

    fn print(&self, bytes: &[u8]) {
        let text = String::from_utf8_lossy(bytes);
        text.lines().for_each(output::line);
    }

    fn say(&mut self, event: &Event) {
        let time = duration(event.seconds);
        let (step, loss) = match &event.kind {
            EventKind::Started { steps } => {
                self.steps = *steps;
                return output::line(format!("{time:>9}  the model stands: {steps} steps"));
            }
            EventKind::Heartbeat { step, loss_train } => {
                (*step, loss_train.map(|loss| (loss, "training")))
            }
            EventKind::Evaluated(point) => {
                (point.step, Some((point.scores.loss_val, "validation")))
            }
        };
        let loss = loss.map_or_else(String::new, |(loss, kind)| {
            format!(", {kind} loss {loss:.4} {}", LOSS_VAL.unit)
        });
        output::line(format!("{time:>9}  step {step}/{}{loss}", self.steps));
    }
}
