//! `isoflop import`

use std::collections::HashMap;
use std::io::{ErrorKind, IsTerminal};
use std::path::Path;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

use super::args::ImportArgs;
use super::sweep::named;
use super::{Exit, Failed, output};
use isoflop_core::run::{Ending, Outcome, SweepDir};
use isoflop_dispatch::coordinator::{
    Difference, ImportError, Imported, SweepLock, import, resume, take_over,
};
use isoflop_sweep::{Plan, is_name};

/// How many runs of a kind are named.
const NAMED: usize = 5;

pub(super) fn main(args: &ImportArgs) -> Result<Exit, Failed> {
    let from = SweepDir::at(&args.from);
    let there = plan_there(&from)?;
    let name = name(args, there.as_ref())?;
    let into = SweepDir::new(&args.folders.results, &name);
    if let (Ok(one), Ok(other)) = (from.root().canonicalize(), into.root().canonicalize())
        && one == other
    {
        let message = format!(
            "`{}` is the sweep that it would be imported into",
            from.root().display()
        );
        return Err(Failed::new(
            Exit::Usage,
            message,
            "name the folder of another sweep, or another sweep with `--into`",
        ));
    }
    let (plan, new) = match (plan_here(&into)?, &there) {
        (Some(plan), _) => (plan, false),
        (None, Some(there)) => (
            Plan {
                name: name.clone(),
                ..there.clone()
            },
            true,
        ),
        (None, None) => return Err(nothing_to_take_over(&from, &name)),
    };
    let _lock = SweepLock::take(&into)?;
    let whole = if new {
        Some(take_over(&from, &into, &plan)?)
    } else {
        None
    };
    let imported = import(&from, &into, &plan, &mut watched())?;
    // The store learns of them as it would at the next start.
    resume(&into, &plan)?.store.close()?;
    let told = Told {
        from: &from,
        name: &name,
        imported: &imported,
        labels: labels(&plan, there.as_ref()),
        whole,
    };
    if args.json {
        output::json(&told.json())?;
    } else {
        told.print();
    }
    Ok(Exit::Ok)
}

/// The plan of the other folder, which need not have one.
fn plan_there(from: &SweepDir) -> Result<Option<Plan>, Failed> {
    if !from.runs().is_dir() {
        let message = format!(
            "`{}` is no sweep's results folder: it has no folder `runs`",
            from.root().display()
        );
        return Err(Failed::new(
            Exit::Usage,
            message,
            "name the folder of one sweep, such as `other/results/quickstart`",
        ));
    }
    // Runs tell by themselves what they are: a damaged plan takes no more than their names.
    Ok(Plan::read(&from.plan()).ok())
}

fn plan_here(into: &SweepDir) -> Result<Option<Plan>, Failed> {
    match Plan::read(&into.plan()) {
        Ok(plan) => Ok(Some(plan)),
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(None),
        Err(e) => Err(Failed::new(
            Exit::Bug,
            format!("`{}` is damaged: {e}", into.plan().display()),
            "run `isoflop run` with its sweep file, then import again",
        )),
    }
}

/// The sweep to import into: the one asked for, or the one of the same name.
fn name(args: &ImportArgs, there: Option<&Plan>) -> Result<String, Failed> {
    let folder = || {
        args.from
            .file_name()
            .map_or_else(String::new, |name| name.to_string_lossy().into_owned())
    };
    let own = || there.map_or_else(folder, |plan| plan.name.clone());
    let name = args.into.as_deref().map_or_else(|| Ok(own()), named)?;
    if is_name(&name) {
        return Ok(name);
    }
    let message =
        format!("`{name}` is no sweep's name: up to 64 letters, digits, `_`, `-` and `.`");
    Err(Failed::new(
        Exit::Usage,
        message,
        "name the sweep with `--into`",
    ))
}

fn nothing_to_take_over(from: &SweepDir, name: &str) -> Failed {
    let message = format!(
        "`{}` has no plan that can be read, and there is no sweep `{name}` yet to import its runs into",
        from.root().display()
    );
    let hint =
        "start the sweep here with `isoflop run`, or name one that has results with `--into`";
    Failed::new(Exit::Usage, message, hint)
}

impl From<ImportError> for Failed {
    fn from(error: ImportError) -> Self {
        let hint = match &error {
            ImportError::Unreadable { .. } => "make it readable, then run the same command again",
            ImportError::Unwritable { .. } => {
                "free space or choose another `--results` folder, then run the same command again: what is imported is kept"
            }
        };
        Self::new(Exit::Bug, error, hint)
    }
}

/// Progress of an import that takes its time: a bar on a terminal, a line now and then elsewhere.
fn watched() -> impl FnMut(usize, usize) {
    const PLAIN_EVERY: Duration = Duration::from_secs(10);
    let bar = std::io::stderr().is_terminal().then(|| {
        let style =
            ProgressStyle::with_template("{bar:14.cyan} {pos}/{len} runs, {eta} left (estimate)");
        let style = style.unwrap_or_else(|_| ProgressStyle::default_bar());
        output::bar(ProgressBar::new(0).with_style(style.progress_chars("━╸ ")))
    });
    let mut last = Instant::now();
    move |done, total| match &bar {
        Some(bar) if done == total => bar.finish_and_clear(),
        Some(bar) => {
            bar.set_length(total as u64);
            bar.set_position(done as u64);
        }
        None if last.elapsed() >= PLAIN_EVERY => {
            last = Instant::now();
            output::note(format!("{done}/{total} runs"));
        }
        None => {}
    }
}

/// Names for people, from either plan.
fn labels(here: &Plan, there: Option<&Plan>) -> HashMap<String, String> {
    let plans = there.into_iter().chain([here]);
    plans
        .flat_map(|plan| &plan.runs)
        .map(|run| (run.id.to_string(), run.label()))
        .collect()
}

/// What is said of an import.
struct Told<'a> {
    from: &'a SweepDir,
    name: &'a str,
    imported: &'a Imported,
    labels: HashMap<String, String>,
    /// Where the sweep is new here: whether all that `isoflop resume` needs was there.
    whole: Option<bool>,
}

impl Told<'_> {
    fn print(&self) {
        let Imported {
            imported,
            there_already,
            differing,
            not_finished,
            damaged,
            not_wanted,
        } = self.imported;
        output::line(format!(
            "{}: {} imported from `{}`",
            self.name,
            runs(imported.len()),
            self.from.root().display()
        ));
        output::line(format!(
            "{there_already} were done here already, {not_finished} are not finished there"
        ));
        if !differing.is_empty() {
            self.differences(differing);
        }
        if !damaged.is_empty() {
            output::warning(format!(
                "{} of it are damaged and left out:",
                runs(damaged.len())
            ));
            few(damaged, |(folder, reason)| {
                output::note(format!("  {folder}: {reason}"))
            });
        }
        if !not_wanted.is_empty() {
            let count = not_wanted.len();
            output::warning(format!(
                "the plan of {} does not ask for {}; they are kept and not used:",
                self.name,
                runs(count)
            ));
            few(not_wanted, |id| {
                output::note(format!("  {}", self.label(id.as_str())))
            });
        }
        match self.whole {
            Some(true) => output::remark(format!(
                "the sweep is new here: `isoflop resume {}` goes on with it",
                self.name
            )),
            Some(false) => output::remark(
                "the sweep is new here, and its text or sweep file was not there: `isoflop run` goes on with it",
            ),
            None => {}
        }
        output::note(format!(
            "`isoflop report {}` makes tables and report with them",
            self.name
        ));
    }

    fn label(&self, id: &str) -> String {
        self.labels
            .get(id)
            .map_or_else(|| id.to_owned(), |label| format!("{label} ({id})"))
    }

    /// The same run, twice trained, with two losses: other hardware or threads, as a rule.
    fn differences(&self, differing: &[Difference]) {
        let largest = differing
            .iter()
            .filter_map(Difference::nats)
            .fold(0.0, f64::max);
        output::warning(format!(
            "{} ended otherwise there; ours are kept, largest difference {largest:.2e} nats/token:",
            runs(differing.len())
        ));
        few(differing, |Difference { run, here, there }| {
            output::note(format!("  {}", self.label(run.as_str())));
            output::note(format!("    here:  {}", origin(here)));
            output::note(format!("    there: {}", origin(there)));
        });
    }

    fn json(&self) -> ImportJson<'_> {
        let Imported {
            imported,
            there_already,
            differing,
            not_finished,
            damaged,
            not_wanted,
        } = self.imported;
        ImportJson {
            sweep: self.name,
            from: self.from.root(),
            imported: imported.iter().map(|id| id.as_str()).collect(),
            there_already: *there_already,
            not_finished: *not_finished,
            differing: differing.iter().map(DifferenceJson::new).collect(),
            largest_difference_nats: differing
                .iter()
                .filter_map(Difference::nats)
                .reduce(f64::max),
            damaged: damaged
                .iter()
                .map(|(run, reason)| DamagedJson { run, reason })
                .collect(),
            not_wanted: not_wanted.iter().map(|id| id.as_str()).collect(),
            new_sweep: self.whole.is_some(),
        }
    }
}

/// The first of a list, and how many more there are.
fn few<T>(items: &[T], mut say: impl FnMut(&T)) {
    items.iter().take(NAMED).for_each(&mut say);
    if items.len() > NAMED {
        output::note(format!("  ... and {} more", items.len() - NAMED));
    }
}

fn runs(count: usize) -> String {
    if count == 1 {
        "1 run".to_owned()
    } else {
        format!("{count} runs")
    }
}

fn origin(outcome: &Outcome) -> String {
    let end = match outcome.ending {
        Ending::Finished { loss_val, .. } => format!("{loss_val:.6} nats/token"),
        Ending::Diverged { step, .. } => format!("diverged at step {step}"),
    };
    let from = &outcome.provenance;
    format!(
        "{end}, on {} ({}, {} threads)",
        from.host, from.hardware, outcome.threads
    )
}

#[derive(Serialize)]
struct ImportJson<'a> {
    sweep: &'a str,
    from: &'a Path,
    imported: Vec<&'a str>,
    there_already: usize,
    not_finished: usize,
    differing: Vec<DifferenceJson<'a>>,
    largest_difference_nats: Option<f64>,
    damaged: Vec<DamagedJson<'a>>,
    not_wanted: Vec<&'a str>,
    new_sweep: bool,
}

#[derive(Serialize)]
struct DamagedJson<'a> {
    run: &'a str,
    reason: &'a str,
}

#[derive(Serialize)]
struct DifferenceJson<'a> {
    id: &'a str,
    difference_nats: Option<f64>,
    here: OriginJson<'a>,
    there: OriginJson<'a>,
}

impl<'a> DifferenceJson<'a> {
    fn new(difference: &'a Difference) -> Self {
        let Difference { run, here, there } = difference;
        let (here, there) = (OriginJson::new(here), OriginJson::new(there));
        Self {
            id: run.as_str(),
            difference_nats: difference.nats(),
            here,
            there,
        }
    }
}

#[derive(Serialize)]
struct OriginJson<'a> {
    /// Absent where the run diverged.
    loss_val: Option<f64>,
    host: &'a str,
    hardware: &'a str,
    threads: u32,
}

impl<'a> OriginJson<'a> {
    fn new(outcome: &'a Outcome) -> Self {
        let loss_val = match outcome.ending {
            Ending::Finished { loss_val, .. } => Some(loss_val),
            Ending::Diverged { .. } => None,
        };
        let from = &outcome.provenance;
        Self {
            loss_val,
            host: &from.host,
            hardware: &from.hardware,
            threads: outcome.threads,
        }
    }
}
