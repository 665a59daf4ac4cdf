//! `isoflop schema`

use super::args::{SchemaArgs, SchemaOf};
use super::{Exit, output};
use isoflop_app::AppError;

pub(super) fn main(args: &SchemaArgs) -> Result<Exit, AppError> {
    match args.of {
        SchemaOf::Sweep => output::json(&isoflop_sweep::schema())?,
        SchemaOf::Fit => output::json(&schemars::schema_for!(isoflop_fit::Fits))?,
    }
    Ok(Exit::Ok)
}
