//! Log events: to standard error, as `-v` and `ISOFLOP_LOG` select, and to the coordinator's log.

use std::env::VarError;
use std::io;

use isoflop_app::AppError;
use isoflop_dispatch::coordinator::{CoordinatorLogWriter, redacted};
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::{EnvFilter, Targets};
use tracing_subscriber::fmt;
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::registry;

use super::output;

const VARIABLE: &str = "ISOFLOP_LOG";

/// Prefix of the targets of isoflop's events.
const OURS: &str = "isoflop";

/// Installs the log subscriber; `verbose` is the number of times that `-v` was given.
pub(super) fn set_up(verbose: u8) -> Result<(), AppError> {
    let filter = match std::env::var(VARIABLE) {
        Err(VarError::NotPresent) => filter_of(verbose),
        Ok(text) if text.trim().is_empty() => filter_of(verbose),
        Ok(text) => parsed(&text)?,
        Err(VarError::NotUnicode(text)) => {
            return Err(refused(&text.to_string_lossy(), "it is not UTF-8"));
        }
    };
    let seen = fmt::layer()
        .with_ansi(false)
        .with_writer(|| EventWriter)
        .with_filter(filter);
    // The log has every decision, regardless of the filter, and no events of other crates.
    let logged = fmt::layer()
        .with_ansi(false)
        .with_target(false)
        .with_writer(|| CoordinatorLogWriter)
        .with_filter(Targets::new().with_target(OURS, LevelFilter::INFO));
    tracing::subscriber::set_global_default(registry().with(seen).with(logged))
        .map_err(|e| AppError::bug(e, ""))
}

fn filter_of(verbose: u8) -> EnvFilter {
    let level = match verbose {
        0 => "warn",
        1 => "info",
        2 => "debug",
        _ => "trace",
    };
    EnvFilter::new(format!("{OURS}={level}"))
}

/// Parses a filter. A single word must be a level. Otherwise a misspelt level would count as a
/// target, and no events would be shown.
fn parsed(text: &str) -> Result<EnvFilter, AppError> {
    let mut words = text.split(',').map(str::trim);
    let alone = |word: &&str| word.chars().all(char::is_alphanumeric) && !word.is_empty();
    if let Some(word) = words.find(|word| alone(word) && word.parse::<LevelFilter>().is_err()) {
        return Err(refused(text, format!("unknown level `{word}`")));
    }
    EnvFilter::builder()
        .parse(text)
        .map_err(|e| refused(text, e))
}

fn refused(text: &str, reason: impl std::fmt::Display) -> AppError {
    AppError::usage(
        format!("invalid filter `{text}` in `{VARIABLE}`: {reason}"),
        "give a level (`error`, `warn`, `info`, `debug`, `trace`), or one for a target: `isoflop_dispatch=debug`",
    )
}

/// Writes events to standard error, one per line, above the progress bars.
struct EventWriter;

impl io::Write for EventWriter {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(line);
        output::log_line(&redacted(text.trim_end()));
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use isoflop_app::ErrorKind;

    use super::*;

    #[test]
    fn filters_are_those_of_tracing_and_levels_are_spelt() {
        for text in [
            "debug",
            "WARN",
            "off",
            "isoflop_dispatch=debug,hyper=info",
            "isoflop_dispatch[run{id=ab}]=trace",
        ] {
            assert!(parsed(text).is_ok(), "{text}");
        }
        for text in [
            "debg",
            "isoflop=loud",
            "info,dispatch",
            "info, hyper=off",
            "[=",
        ] {
            let failed = parsed(text).expect_err(text);
            assert_eq!(failed.kind, ErrorKind::Usage);
            assert!(failed.message.contains(text), "{}", failed.message);
        }
    }
}
