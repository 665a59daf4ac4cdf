//! What every command takes that asks of a study: which, where, and how many draws.

use clap::Args;

use super::common_args::Folders;
use isoflop_app::StudySource;
use isoflop_fit::Settings;

#[derive(Debug, Args)]
pub(super) struct StudyArgs {
    /// Sweep file, name of a sweep that has results, or a table of runs that others measured (.csv, .tsv, .parquet)
    #[arg(value_name = "SWEEP|TABLE")]
    pub(super) sweep: String,
    /// Which column of a table is what, where its name does not say: `params=N,tokens=D,loss=val_loss,arch=model`
    #[arg(long, value_name = "ROLE=COLUMN,...", value_delimiter = ',', value_parser = role_and_column)]
    pub(super) map: Vec<(String, String)>,
    /// Keep the runs of a table that look diverged
    #[arg(long)]
    pub(super) keep_suspects: bool,
    /// Print JSON
    #[arg(long)]
    pub(super) json: bool,
    /// Bootstrap replicates
    #[arg(long, default_value_t = Settings::new("").replicates, value_parser = clap::value_parser!(u32).range(100..=1_000_000))]
    pub(super) replicates: u32,
    /// Seed of the bootstrap
    #[arg(long, default_value_t = 0)]
    pub(super) seed: u64,
    #[command(flatten)]
    pub(super) folders: Folders,
}

impl StudyArgs {
    /// Where the runs are.
    pub(super) fn source(&self) -> StudySource {
        StudySource {
            name: self.sweep.clone(),
            map: self.map.clone(),
            keep_suspects: self.keep_suspects,
            results: self.folders.results.clone(),
        }
    }

    /// The usual settings, with these draws.
    pub(super) fn settings(&self, baseline: &str) -> Settings {
        Settings {
            replicates: self.replicates,
            seed: self.seed,
            ..Settings::new(baseline)
        }
    }
}

/// `params=N`, of which a list is made.
fn role_and_column(text: &str) -> Result<(String, String), String> {
    let (role, column) = text.split_once('=').ok_or("write it as `params=COLUMN`")?;
    match (role.trim(), column.trim()) {
        ("", _) | (_, "") => Err("write it as `params=COLUMN`".to_owned()),
        (role, column) => Ok((role.to_owned(), column.to_owned())),
    }
}
