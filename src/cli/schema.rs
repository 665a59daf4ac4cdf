//! `isoflop schema`

use super::args::{SchemaArgs, SchemaOf};
use super::{ExitReason, output};
use isoflop_app::AppError;

pub(super) fn main(args: &SchemaArgs) -> Result<ExitReason, AppError> {
    match args.of {
        SchemaOf::Sweep => output::json(&isoflop_sweep::schema())?,
        SchemaOf::Fit => output::json(&schemars::schema_for!(isoflop_fit::StudyFits))?,
    }
    Ok(ExitReason::Ok)
}
