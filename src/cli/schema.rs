//! `isoflop schema`

use super::args::{SchemaArgs, SchemaOf};
use super::{Exit, Failed, output};

pub(super) fn main(args: &SchemaArgs) -> Result<Exit, Failed> {
    match args.of {
        SchemaOf::Sweep => output::json(&isoflop_sweep::schema())?,
        SchemaOf::Fit => output::json(&schemars::schema_for!(isoflop_fit::Fits))?,
    }
    Ok(Exit::Ok)
}
