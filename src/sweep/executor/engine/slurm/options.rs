//! More options of `sbatch`.

use crate::At;
use crate::error::Fault;

/// Options that isoflop gives by itself, or that keep it from finding its jobs again, with what to do instead.
const OURS: [(&str, &str); 27] = [
    ("account", "write `account:` beside `options`"),
    ("array", FOLLOWS),
    ("batch", FOLLOWS),
    ("chdir", FOLLOWS),
    (
        "clusters",
        "name the cluster in `SLURM_CLUSTERS` where isoflop is started: all commands of Slurm take it from there",
    ),
    ("cpus-per-task", "write `threads_per_run:` beside `options`"),
    ("error", OUTPUT),
    ("gpus", "write `gpus: 1` beside `options`"),
    ("help", FOLLOWS),
    ("job-name", FOLLOWS),
    ("mem", "write `memory:` beside `options`"),
    ("no-requeue", FOLLOWS),
    ("open-mode", OUTPUT),
    ("output", OUTPUT),
    ("parsable", FOLLOWS),
    ("partition", "write `partition:` beside `options`"),
    ("qos", "write `qos:` beside `options`"),
    ("quiet", FOLLOWS),
    (
        "requeue",
        "leave it out: a run whose job was preempted goes on in a job of its own",
    ),
    ("signal", "write `signal_seconds:` beside `options`"),
    ("test-only", FOLLOWS),
    ("time", "write `time:` beside `options`"),
    ("usage", FOLLOWS),
    ("verbose", FOLLOWS),
    ("version", FOLLOWS),
    ("wait", FOLLOWS),
    ("wrap", FOLLOWS),
];

const FOLLOWS: &str = "leave it out: isoflop submits, names and follows jobs by itself";
const OUTPUT: &str = "leave it out: what a job prints is kept with the results";

/// Refuses an option that is isoflop's to give, or none.
pub(super) fn check(option: &At<String>) -> Result<(), Fault> {
    let words = &option.value;
    let name = words
        .strip_prefix("--")
        .map(|rest| rest.split('=').next().unwrap_or(rest))
        .filter(|name| is_a_name(name) && !words.contains(char::is_whitespace));
    let Some(name) = name else {
        let message = format!("`{words}` is not one long option of sbatch");
        let hint = "write each as one word, such as `--constraint=a100` or `--exclusive`";
        return Err(option.fault(message, hint));
    };
    match OURS.iter().find(|(ours, _)| means(name, ours)) {
        Some((ours, hint)) => Err(option.fault(format!("`--{ours}` is isoflop's to give"), *hint)),
        None => Ok(()),
    }
}

fn is_a_name(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_alphanumeric())
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

/// Whether sbatch takes a name for this option: it may be cut short.
fn means(name: &str, option: &str) -> bool {
    option.starts_with(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_refused(option: &str) -> bool {
        check(&At::nowhere(option.to_owned())).is_err()
    }

    #[test]
    fn what_isoflop_gives_is_refused_however_it_is_written() {
        for option in [
            "--job-name=a",
            "--job=a",
            "--array",
            "--output=/dev/null",
            "--requeue",
            "--mem=4G",
            "--ti=5",
        ] {
            assert!(is_refused(option), "{option}");
        }
        for option in [
            "-p",
            "--",
            "---",
            "--constraint=a b",
            "constraint",
            "--=a",
            "",
            "--gres=gpu:1 --time=1",
        ] {
            assert!(is_refused(option), "{option}");
        }
        for option in [
            "--constraint=a100&nvme",
            "--exclusive",
            "--mem-per-cpu=2G",
            "--time-min=5",
            "--gres=gpu:a100:1",
        ] {
            assert!(!is_refused(option), "{option}");
        }
    }
}
