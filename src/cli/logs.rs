//! `isoflop logs`

use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom};
use std::path::PathBuf;
use std::time::Duration;

use super::args::LogsArgs;
use super::{ExitReason, output};
use isoflop_app::{AppError, RunLocation, find_run, run_label};
use isoflop_core::metrics::LOSS_VAL;
use isoflop_core::run::{AttemptDir, EventKind, EventTail, RunDir, SweepDir, TrainerEvent};
use isoflop_core::units::duration;
use isoflop_dispatch::store::StoreReader;

/// Interval between two reads of a run that is followed.
const LOOK: Duration = Duration::from_millis(200);

pub(super) fn main(args: &LogsArgs) -> Result<ExitReason, AppError> {
    let among = &args.filter;
    let found = find_run(&args.run, among.sweep.as_deref(), &among.folders.results)?;
    let mut shown: Option<LogCursor> = None;
    loop {
        // Read the state before the files. Otherwise the last lines of a run that ends in between
        // would be missed.
        let (ended, attempts) = run_progress(&found.dir, &found.run.id)?;
        turn_to_latest(&mut shown, &found, args.attempt, attempts);
        if let Some(shown) = &mut shown {
            shown.show();
        }
        if !args.follow || ended || args.attempt.is_some_and(|attempt| attempt < attempts) {
            break;
        }
        std::thread::sleep(LOOK);
    }
    shown.map_or_else(
        || Err(no_logs(&found, args.attempt)),
        |_| Ok(ExitReason::Ok),
    )
}

/// Switches to the requested or the latest attempt, if it exists and is later than the one shown.
fn turn_to_latest(
    shown: &mut Option<LogCursor>,
    found: &RunLocation,
    asked: Option<u32>,
    attempts: u32,
) {
    let dir = found.dir.run_named(&found.run.id);
    let number = asked.unwrap_or_else(|| latest(&dir).max(attempts.min(1)));
    let attempt = dir.attempt(number);
    if shown.as_ref().is_none_or(|shown| shown.number < number) && attempt.root().is_dir() {
        let (label, folder) = (run_label(&found.run), attempt.root().display());
        output::note(format!("{label}, attempt {number}: {folder}"));
        *shown = Some(LogCursor::new(number, &attempt));
    }
}

fn no_logs(found: &RunLocation, attempt: Option<u32>) -> AppError {
    let what = attempt.map_or_else(String::new, |attempt| format!(" attempt {attempt} of"));
    let (label, state) = (run_label(&found.run), found.run.record.state.name());
    let message = format!("no logs of{what} {label}, which is {state}");
    AppError::usage(message, "wait until it has started, or follow it with `-f`")
}

/// Reads whether a run has ended, and its number of attempts.
fn run_progress(dir: &SweepDir, id: &str) -> Result<(bool, u32), AppError> {
    let runs = match StoreReader::open(dir)? {
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

/// An attempt that is shown, with the positions reached in its events and its output.
struct LogCursor {
    number: u32,
    older: PathBuf,
    log: PathBuf,
    printed: u64,
    events: EventTail,
    steps: u64,
}

impl LogCursor {
    fn new(number: u32, attempt: &AttemptDir) -> Self {
        let shown = Self {
            number,
            older: attempt.older_log(),
            log: attempt.log(),
            printed: 0,
            events: EventTail::new(attempt.metrics()),
            steps: 0,
        };
        // Print the older part of the log, if the log was rotated.
        shown.print(&fs::read(&shown.older).unwrap_or_default());
        shown
    }

    fn show(&mut self) {
        for event in self.events.read_new().unwrap_or_default() {
            self.print_event(&event);
        }
        let Ok(mut file) = File::open(&self.log) else {
            return;
        };
        let length = file.metadata().map_or(self.printed, |found| found.len());
        if length < self.printed {
            // The log was rotated. Print the rest of the older part first.
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

    fn print_event(&mut self, event: &TrainerEvent) {
        let time = duration(event.seconds);
        let (step, loss) = match &event.kind {
            EventKind::Started { steps } => {
                self.steps = *steps;
                return output::line(format!("{time:>9}  model built: {steps} steps"));
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
