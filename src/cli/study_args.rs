//! Arguments of all commands that read a study.

use clap::Args;

use super::common_args::FolderArgs;
use isoflop_app::StudySource;
use isoflop_fit::FitSettings;

#[derive(Debug, Args)]
pub(super) struct StudyArgs {
    /// Sweep file, name of a sweep with results, or table of other people's runs (.csv, .tsv,
    /// .parquet)
    #[arg(value_name = "SWEEP|TABLE")]
    pub(super) sweep: String,
    /// Roles of the columns of a table whose names do not show them:
    /// `params=N,tokens=D,loss=val_loss,arch=model`
    #[arg(long, value_name = "ROLE=COLUMN,...", value_delimiter = ',', value_parser = role_and_column)]
    pub(super) map: Vec<(String, String)>,
    /// Keep the runs of a table that look diverged
    #[arg(long)]
    pub(super) keep_suspects: bool,
    /// Print JSON
    #[arg(long)]
    pub(super) json: bool,
    /// Bootstrap replicates
    #[arg(long, default_value_t = FitSettings::new("").replicates, value_parser = clap::value_parser!(u32).range(100..=1_000_000))]
    pub(super) replicates: u32,
    /// Seed of the bootstrap
    #[arg(long, default_value_t = 0)]
    pub(super) seed: u64,
    #[command(flatten)]
    pub(super) folders: FolderArgs,
}

impl StudyArgs {
    /// The source of the study.
    pub(super) fn source(&self) -> StudySource {
        StudySource {
            name: self.sweep.clone(),
            map: self.map.clone(),
            keep_suspects: self.keep_suspects,
            results: self.folders.results.clone(),
        }
    }

    /// The default settings of fits, with these replicates and this seed.
    pub(super) fn settings(&self, baseline: &str) -> FitSettings {
        FitSettings {
            replicates: self.replicates,
            seed: self.seed,
            ..FitSettings::new(baseline)
        }
    }
}

/// Parses one element of the list, such as `params=N`.
fn role_and_column(text: &str) -> Result<(String, String), String> {
    let (role, column) = text
        .split_once('=')
        .ok_or("expected `ROLE=COLUMN`, such as `params=N`")?;
    match (role.trim(), column.trim()) {
        ("", _) | (_, "") => Err("expected `ROLE=COLUMN`, such as `params=N`".to_owned()),
        (role, column) => Ok((role.to_owned(), column.to_owned())),
    }
}
