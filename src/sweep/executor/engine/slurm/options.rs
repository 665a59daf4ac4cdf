//! More options of `sbatch`.

use crate::LocatedValue;
use crate::error::ValueError;

/// Options that isoflop sets itself, or that prevent it from finding its jobs, with a hint for
/// each.
const RESERVED: [(&str, &str); 27] = [
    ("account", "set the key `account` instead"),
    ("array", REMOVE_QUEUE_OPTION),
    ("batch", REMOVE_QUEUE_OPTION),
    ("chdir", REMOVE_QUEUE_OPTION),
    (
        "clusters",
        "set `SLURM_CLUSTERS` where you start isoflop: all commands of Slurm read it",
    ),
    ("cpus-per-task", "set the key `threads_per_run` instead"),
    ("error", REMOVE_OUTPUT_OPTION),
    ("gpus", "set `gpus: 1` instead"),
    ("help", REMOVE_QUEUE_OPTION),
    ("job-name", REMOVE_QUEUE_OPTION),
    ("mem", "set the key `memory` instead"),
    ("no-requeue", REMOVE_QUEUE_OPTION),
    ("open-mode", REMOVE_OUTPUT_OPTION),
    ("output", REMOVE_OUTPUT_OPTION),
    ("parsable", REMOVE_QUEUE_OPTION),
    ("partition", "set the key `partition` instead"),
    ("qos", "set the key `qos` instead"),
    ("quiet", REMOVE_QUEUE_OPTION),
    (
        "requeue",
        "remove it: a run whose job was preempted continues in another job",
    ),
    ("signal", "set the key `signal_seconds` instead"),
    ("test-only", REMOVE_QUEUE_OPTION),
    ("time", "set the key `time` instead"),
    ("usage", REMOVE_QUEUE_OPTION),
    ("verbose", REMOVE_QUEUE_OPTION),
    ("version", REMOVE_QUEUE_OPTION),
    ("wait", REMOVE_QUEUE_OPTION),
    ("wrap", REMOVE_QUEUE_OPTION),
];

const REMOVE_QUEUE_OPTION: &str = "remove it: isoflop submits, names and follows its jobs itself";
const REMOVE_OUTPUT_OPTION: &str = "remove it: the results contain the output of each job";

/// Checks that an option is one long option, and not one that isoflop sets itself.
pub(super) fn check(option: &LocatedValue<String>) -> Result<(), ValueError> {
    let words = &option.value;
    let name = words
        .strip_prefix("--")
        .map(|rest| rest.split('=').next().unwrap_or(rest))
        .filter(|name| is_a_name(name) && !words.contains(char::is_whitespace));
    let Some(name) = name else {
        let message = format!("invalid option `{words}`: expected one long option of sbatch");
        let hint = "write each option as one word, such as `--constraint=a100` or `--exclusive`";
        return Err(option.error(message, hint));
    };
    match RESERVED
        .iter()
        .find(|(ours, _)| is_abbreviation_of(name, ours))
    {
        Some((ours, hint)) => {
            Err(option.error(format!("invalid option `--{ours}`: isoflop sets it"), *hint))
        }
        None => Ok(()),
    }
}

fn is_a_name(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_alphanumeric())
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

/// Reports whether sbatch reads a name as this option. Names can be abbreviated.
fn is_abbreviation_of(name: &str, option: &str) -> bool {
    option.starts_with(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_refused(option: &str) -> bool {
        check(&LocatedValue::without_location(option.to_owned())).is_err()
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
