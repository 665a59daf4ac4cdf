//! `isoflop schema`

use super::{Exit, Failed, output};

pub(super) fn main() -> Result<Exit, Failed> {
    let text = serde_json::to_string_pretty(&crate::sweep::schema()).map_err(|e| Failed::new(Exit::Bug, e, ""))?;
    output::line(text);
    Ok(Exit::Ok)
}
