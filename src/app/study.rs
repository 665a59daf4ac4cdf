//! The runs that laws are fitted to.

use std::path::{Path, PathBuf};

use super::sizes::additional_sizes;
use super::sweep::recorded_plan;
use super::{AppError, ErrorKind, Listener, table};
use isoflop_core::run::SweepDir;
use isoflop_fit::{OfferedSize, Study};
use isoflop_sweep::suggestion;
use isoflop_table::{collect, is_table};

/// Location of the runs of a study.
#[derive(Clone, Debug, Default)]
pub struct StudySource {
    /// Sweep file, name of a sweep with results, or path of a table of other people's runs.
    pub name: String,
    /// Columns of a table, as (role, column), for columns whose name does not show their role.
    pub map: Vec<(String, String)>,
    /// True to keep the runs of a table that look diverged.
    pub keep_suspects: bool,
    /// Folder of results.
    pub results: PathBuf,
}

/// A study with its name, its arms and its baseline.
#[derive(Clone, Debug)]
pub struct NamedStudy {
    /// Name that the user gave.
    pub name: String,
    /// Its runs.
    pub study: Study,
    /// All arms, including those without a finished run.
    pub arms: Vec<String>,
    /// Default baseline.
    pub baseline: String,
    /// Origin of its runs.
    pub origin: StudyOrigin,
}

/// Origin of the runs of a study.
#[derive(Clone, Debug)]
pub enum StudyOrigin {
    /// A sweep with results.
    Sweep {
        /// Its results folder.
        dir: SweepDir,
        /// Sizes that could be added to its own.
        sizes: Vec<OfferedSize>,
    },
    /// A table.
    Table,
}

/// Reads the runs of a sweep with results, or of a table.
///
/// # Errors
/// [`AppError`] if the sweep or table does not exist or is not usable.
pub fn study(source: &StudySource, listener: &mut dyn Listener) -> Result<NamedStudy, AppError> {
    let path = Path::new(&source.name);
    // These options exist only for tables.
    let is_said = !source.map.is_empty() || source.keep_suspects;
    if is_said || is_table(path) || table::names_table(path) {
        let study = table::read(path, &source.map, source.keep_suspects, listener)?;
        let arms = study.arms();
        return Ok(NamedStudy {
            name: source.name.clone(),
            study,
            baseline: arms.first().cloned().unwrap_or_default(),
            arms,
            origin: StudyOrigin::Table,
        });
    }
    let (dir, plan) = recorded_plan(&source.name, &source.results)?;
    let mut arms: Vec<String> = plan.runs.iter().map(|run| run.arm.clone()).collect();
    arms.dedup();
    Ok(NamedStudy {
        study: collect(&dir, &plan).study(),
        arms,
        origin: StudyOrigin::Sweep {
            sizes: additional_sizes(&plan),
            dir,
        },
        name: plan.name,
        baseline: plan.baseline,
    })
}

impl NamedStudy {
    /// Checks that an arm has finished runs.
    pub(crate) fn check_arm(&self, arm: &str) -> Result<(), AppError> {
        let arms = self.study.arms();
        if arms.is_empty() {
            let message = format!(
                "no run of `{}` is finished, so there are no runs to fit",
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
            "arm `{arm}` has no finished runs; arms with finished runs: `{}`",
            names.join("`, `")
        );
        Err(AppError::usage(message, suggestion(arm, &names, "arm")))
    }

    /// Checks that a baseline is one of the arms.
    ///
    /// # Errors
    /// [`AppError`] with the names of the arms.
    pub(crate) fn check_baseline(&self, baseline: &str) -> Result<(), AppError> {
        if self.arms.iter().any(|arm| arm == baseline) {
            return Ok(());
        }
        let whose = match self.origin {
            StudyOrigin::Sweep { .. } => "sweep",
            StudyOrigin::Table => "table",
        };
        let message = format!(
            "unknown baseline `{baseline}`: the arms of the {whose} are `{}`",
            self.arms.join("`, `")
        );
        Err(AppError::usage(
            message,
            "name one of them with `--baseline`",
        ))
    }
}
