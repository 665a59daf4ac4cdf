//! `isoflop schema`

use super::{Exit, Failed, output};

pub(super) fn main() -> Result<Exit, Failed> {
    output::json(&crate::sweep::schema())?;
    Ok(Exit::Ok)
}
