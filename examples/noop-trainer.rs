//! A trainer that trains nothing: it takes `isoflop-trainer`'s place where a coordinator is what is looked at.
//!
//! It starts within a few milliseconds, so that faults can be tried by the hundred and what dispatch costs can be measured.
//! Its losses follow from the run's spec alone: however a sweep was disturbed, they can be compared. It writes what the real one
//! writes, in the same order, and dies with its parent alike.
//!
//! | variable | meaning |
//! |---|---|
//! | `NOOP_SECONDS` | how long a run takes; 0 where it is not given |
//! | `NOOP_FAULTS` | for each attempt at a run its fault, separated by commas; those beyond have none |
//!
//! The faults: `crash`; `hang`; `late`, a process that escapes, and delivers when the next attempt runs; `idle`, an end that claims
//! an outcome and has written none; `none`.

use std::fs::File;
use std::io::{self, Write};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, ExitCode, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use isoflop_core::metrics::Scores;
use isoflop_core::run::{
    AttemptDir, CurvePoint, EventKind, Launch, Outcome, Provenance, RunDir, RunEnding, RunSpec,
    TimeSpent, TrainerEvent, TrainerExit, write_json,
};
use nix::sys::prctl;
use nix::sys::signal::Signal;
use nix::unistd::{gethostname, getppid};

/// Between two signs of life: well under any `stall_seconds` that a test asks for.
const HEARTBEAT: Duration = Duration::from_millis(100);

/// How often an escaped process looks whether its time has come, and how often at most.
const LOOK: Duration = Duration::from_millis(5);
const LOOKS: usize = 12_000;

/// How the process ends, and what it says.
type Failure = (TrainerExit, String);

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let ended = match words.as_slice() {
        ["run", folder] => run(&AttemptDir::at(PathBuf::from(folder))),
        ["late", folder] => late(&AttemptDir::at(PathBuf::from(folder))),
        ["calibrate"] => Err((
            TrainerExit::BadLaunch,
            "this trainer trains nothing: there is nothing to time".to_owned(),
        )),
        _ => Err((
            TrainerExit::BadLaunch,
            "usage: noop-trainer run ATTEMPT_DIR".to_owned(),
        )),
    };
    let Err((exit, message)) = ended else {
        return ExitCode::SUCCESS;
    };
    // Standard error is the attempt's log; if even that cannot be written, the exit code tells.
    let _ = writeln!(io::stderr(), "error: {message}");
    ExitCode::from(exit as u8)
}

fn run(attempt: &AttemptDir) -> Result<(), Failure> {
    let launch = read_launch(attempt)?;
    die_with_parent(launch.parent_pid)?;
    let seconds = std::env::var("NOOP_SECONDS")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(0.0);
    match fault(launch.attempt).as_deref() {
        None | Some("none") => deliver(attempt, &launch, seconds),
        Some("crash") => Err((TrainerExit::Crash, "a crash was asked for".to_owned())),
        Some("hang") => loop {
            sleep(Duration::from_secs(60));
        },
        Some("late") => {
            leave_behind(attempt).map_err(|e| {
                (
                    TrainerExit::Crash,
                    format!("cannot leave a process behind: {e}"),
                )
            })?;
            Err((TrainerExit::Crash, "a process was left behind".to_owned()))
        }
        Some("idle") => write_metrics(
            attempt,
            &launch.spec,
            point(&launch.spec, seconds),
            Instant::now(),
        )
        .map(drop)
        .map_err(|e| cannot_write(&e)),
        Some(other) => Err((
            TrainerExit::BadLaunch,
            format!("`NOOP_FAULTS` has `{other}`, which is none of them"),
        )),
    }
}

fn fault(attempt: u32) -> Option<String> {
    let faults = std::env::var("NOOP_FAULTS").ok()?;
    faults
        .split(',')
        .nth(attempt as usize - 1)
        .map(str::to_owned)
}

fn read_launch(attempt: &AttemptDir) -> Result<Launch, Failure> {
    let unusable = |e: io::Error| {
        (
            TrainerExit::BadLaunch,
            format!("cannot use `{}`: {e}", attempt.launch().display()),
        )
    };
    let bytes = std::fs::read(attempt.launch()).map_err(unusable)?;
    serde_json::from_slice(&bytes).map_err(|e| unusable(e.into()))
}

/// As the real one does.
fn die_with_parent(parent: Option<u32>) -> Result<(), Failure> {
    let Some(parent) = parent else { return Ok(()) };
    let orphaned = |message: String| (TrainerExit::Orphaned, message);
    prctl::set_pdeathsig(Signal::SIGKILL)
        .map_err(|e| orphaned(format!("cannot bind to the coordinator: {e}")))?;
    if getppid().as_raw() as u32 == parent {
        Ok(())
    } else {
        Err(orphaned(format!(
            "the coordinator, process {parent}, is gone"
        )))
    }
}

/// Starts a process that neither the coordinator's signals nor its death reach.
fn leave_behind(attempt: &AttemptDir) -> io::Result<()> {
    let mut command = Command::new(std::env::current_exe()?);
    // Out of the group at once: the coordinator ends what a trainer leaves in it.
    command.arg("late").arg(attempt.root()).process_group(0);
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .map(drop)
}

/// An attempt that was given up long ago and delivers after all: into its own folder, and into that of its successor.
fn late(attempt: &AttemptDir) -> Result<(), Failure> {
    let launch = read_launch(attempt)?;
    let next = RunDir::at(launch.run_folder.clone()).attempt(launch.attempt + 1);
    for _ in 0..LOOKS {
        if next.metrics().is_file() {
            deliver(attempt, &launch, 0.0)?;
            let copied = std::fs::copy(attempt.outcome(), next.outcome());
            return copied.map(drop).map_err(|e| cannot_write(&e));
        }
        sleep(LOOK);
    }
    Err((
        TrainerExit::Crash,
        "there was no further attempt".to_owned(),
    ))
}

fn cannot_write(error: &io::Error) -> Failure {
    (TrainerExit::CannotWrite, format!("cannot write: {error}"))
}

/// Metrics, then the outcome, whole.
fn deliver(attempt: &AttemptDir, launch: &Launch, seconds: f64) -> Result<(), Failure> {
    let began = Instant::now();
    let point = point(&launch.spec, seconds);
    let metrics_digest =
        write_metrics(attempt, &launch.spec, point, began).map_err(|e| cannot_write(&e))?;
    let outcome = outcome(launch, metrics_digest, point, began);
    write_json(&attempt.outcome(), &outcome).map_err(|e| cannot_write(&e))
}

/// Writes the events as time passes, and gives their digest.
fn write_metrics(
    attempt: &AttemptDir,
    spec: &RunSpec,
    point: CurvePoint,
    began: Instant,
) -> io::Result<String> {
    let (mut file, mut hasher) = (File::create(attempt.metrics())?, blake3::Hasher::new());
    let mut write = |kind: EventKind| -> io::Result<()> {
        let event = TrainerEvent {
            seconds: began.elapsed().as_secs_f64(),
            kind,
        };
        let line = format!("{}\n", serde_json::to_string(&event)?);
        hasher.update(line.as_bytes());
        file.write_all(line.as_bytes())
    };
    write(EventKind::Started { steps: spec.steps })?;
    let whole = Duration::from_secs_f64(point.train_seconds);
    while let Some(left) = whole
        .checked_sub(began.elapsed())
        .filter(|left| !left.is_zero())
    {
        sleep(left.min(HEARTBEAT));
        write(EventKind::Heartbeat {
            step: 0,
            loss_train: None,
        })?;
    }
    write(EventKind::Evaluated(point))?;
    file.sync_all()?;
    Ok(hasher.finalize().to_hex().to_string())
}

/// The end of the curve: a law of the size and the tokens, with a little that is the run's own.
fn point(spec: &RunSpec, train_seconds: f64) -> CurvePoint {
    let (params, tokens) = (spec.params_total().0 as f64, spec.tokens().0 as f64);
    let own = u32::from_str_radix(&spec.id().as_str()[..6], 16)
        .map_or(0.0, |digits| f64::from(digits) * 1e-9);
    let loss = 1.7 + 400.0 / params.powf(0.34) + 410.0 / tokens.powf(0.28) + own;
    CurvePoint {
        step: spec.steps,
        tokens: spec.tokens().0,
        flops: spec.flops().0,
        loss_train: Some(loss),
        scores: Scores::new(loss, loss / std::f64::consts::LN_2),
        learning_rate: spec.learning_rate,
        grad_norm: None,
        update_norm: None,
        train_seconds,
    }
}

fn outcome(launch: &Launch, metrics_digest: String, point: CurvePoint, began: Instant) -> Outcome {
    let eval_tokens = launch.spec.evaluation.tokens;
    let wall_seconds = began.elapsed().as_secs_f64();
    Outcome {
        run: launch.run.clone(),
        attempt: launch.attempt,
        fence: launch.fence.clone(),
        metrics_digest,
        ending: RunEnding::Finished {
            scores: point.scores,
            loss_train: point.scores.loss_val,
            eval_tokens,
        },
        steps: point.step,
        tokens: point.tokens,
        flops: point.flops,
        split_for_memory: launch.split_for_memory,
        trunk: None,
        resumed_from_step: None,
        wall_seconds,
        startup_seconds: 0.0,
        seconds: TimeSpent {
            train: point.train_seconds,
            ..TimeSpent::default()
        },
        loss_spikes: 0,
        matrix_flops_per_second: 1e9,
        peak_memory_bytes: 1 << 20,
        device: launch.device,
        threads: launch.threads,
        provenance: provenance(),
    }
}

fn provenance() -> Provenance {
    let host = gethostname().map_or_else(
        |_| "unknown".to_owned(),
        |host| host.to_string_lossy().into_owned(),
    );
    Provenance {
        isoflop: env!("CARGO_PKG_VERSION").to_owned(),
        git: "unknown".to_owned(),
        libtorch: "none".to_owned(),
        host,
        hardware: "none".to_owned(),
        started_at: SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |since| since.as_secs()),
    }
}
