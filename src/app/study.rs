//! The runs that laws are fitted to.

use std::path::{Path, PathBuf};

use super::sizes::further;
use super::sweep::recorded;
use super::{AppError, ErrorKind, Listener, table};
use isoflop_core::run::SweepDir;
use isoflop_fit::{OfferedSize, Study};
use isoflop_sweep::nearest;
use isoflop_table::{collect, is_table};

/// Where the runs of a study are.
#[derive(Clone, Debug, Default)]
pub struct StudySource {
    /// Sweep file, name of a sweep that has results, or path of a table of runs that others measured.
    pub name: String,
    /// Columns of a table by their roles, as (role, column), where a column's name does not say it.
    pub map: Vec<(String, String)>,
    /// Keep the runs of a table that look diverged.
    pub keep_suspects: bool,
    /// Folder of results.
    pub results: PathBuf,
}

/// A study under a name, with the arm that others are compared with.
#[derive(Clone, Debug)]
pub struct Studied {
    /// What the user called it.
    pub name: String,
    /// Its runs.
    pub study: Study,
    /// The arms, those without a finished run among them.
    pub arms: Vec<String>,
    /// The arm that others are compared with, unless another is asked for.
    pub baseline: String,
    /// Where its runs come from.
    pub origin: Origin,
}

/// Where the runs of a study come from.
#[derive(Clone, Debug)]
pub enum Origin {
    /// A sweep with results.
    Sweep {
        /// Its results.
        dir: SweepDir,
        /// Sizes that could be trained beside its own.
        sizes: Vec<OfferedSize>,
    },
    /// A table.
    Table,
}

/// Reads the runs of a sweep that has results, or of a table.
///
/// # Errors
/// [`AppError`] where there is none, or it is not usable.
pub fn study(source: &StudySource, listener: &mut dyn Listener) -> Result<Studied, AppError> {
    let path = Path::new(&source.name);
    // What is said of a table alone says that it is one.
    let is_said = !source.map.is_empty() || source.keep_suspects;
    if is_said || is_table(path) || table::is_no_sweep(path) {
        let study = table::read(path, &source.map, source.keep_suspects, listener)?;
        let arms = study.arms();
        return Ok(Studied {
            name: source.name.clone(),
            study,
            baseline: arms.first().cloned().unwrap_or_default(),
            arms,
            origin: Origin::Table,
        });
    }
    let (dir, plan) = recorded(&source.name, &source.results)?;
    let mut arms: Vec<String> = plan.runs.iter().map(|run| run.arm.clone()).collect();
    arms.dedup();
    Ok(Studied {
        study: collect(&dir, &plan).study(),
        arms,
        origin: Origin::Sweep {
            sizes: further(&plan),
            dir,
        },
        name: plan.name,
        baseline: plan.baseline,
    })
}

impl Studied {
    /// Refuses an arm that has no finished runs.
    pub(crate) fn check_arm(&self, arm: &str) -> Result<(), AppError> {
        let arms = self.study.arms();
        if arms.is_empty() {
            let message = format!(
                "no run of `{}` is finished, so that nothing can be fitted",
                self.name
            );
            return Err(AppError::new(
                ErrorKind::FitImpossible,
                message,
                "finish runs with `isoflop run`",
            ));
        }
        if arms.iter().any(|name| name == arm) {
            return Ok(());
        }
        let names: Vec<&str> = arms.iter().map(String::as_str).collect();
        let message = format!(
            "`{arm}` is none of the arms with finished runs: `{}`",
            names.join("`, `")
        );
        Err(AppError::usage(message, nearest(arm, &names, "arm")))
    }

    /// Refuses a baseline that is none of the arms.
    ///
    /// # Errors
    /// [`AppError`], which names the arms.
    pub(crate) fn check_baseline(&self, baseline: &str) -> Result<(), AppError> {
        if self.arms.iter().any(|arm| arm == baseline) {
            return Ok(());
        }
        let whose = match self.origin {
            Origin::Sweep { .. } => "sweep",
            Origin::Table => "table",
        };
        let message = format!(
            "`{baseline}` is none of the {whose}'s architectures: `{}`",
            self.arms.join("`, `")
        );
        Err(AppError::usage(
            message,
            "name one of them with `--baseline`",
        ))
    }
}
