//! Arguments of `sbatch`.

use isoflop_core::run::BatchDir;
use isoflop_sweep::SlurmExecutor;

/// Options that replace `--gpus`.
const GPU_OPTIONS: [&str; 4] = [
    "--gres",
    "--gpus-per-node",
    "--gpus-per-task",
    "--gpus-per-socket",
];

/// Arguments for every job of a sweep.
pub(super) fn of(wanted: &SlurmExecutor) -> Vec<String> {
    let mut arguments = vec!["--quiet".to_owned(), "--no-requeue".to_owned()];
    let words = [
        ("partition", &wanted.partition),
        ("account", &wanted.account),
        ("qos", &wanted.qos),
    ];
    let words = words.into_iter();
    arguments.extend(
        words.filter_map(|(name, word)| Some(format!("--{name}={}", word.as_ref()?.value))),
    );
    arguments.push(format!("--time={}", wanted.time.value));
    // Only to the batch script (`B:`), which has executed isoflop by then. isoflop forwards the
    // signal to the trainer.
    arguments.push(format!("--signal=B:USR1@{}", wanted.signal_seconds.value.0));
    let threads = wanted.threads_per_run.value.0;
    arguments.push(format!("--cpus-per-task={threads}"));
    if let Some(memory) = &wanted.memory {
        arguments.push(format!("--mem={}", memory.value.0));
    }
    let asks = |option: &str| GPU_OPTIONS.contains(&option.split('=').next().unwrap_or(option));
    if wanted.gpus.value.0 > 0 && !wanted.options.iter().any(|option| asks(&option.value)) {
        arguments.push(format!("--gpus={}", wanted.gpus.value.0));
    }
    arguments.extend(wanted.options.iter().map(|option| option.value.clone()));
    arguments
}

/// Further arguments for an array of `tasks` tasks. Their output goes to `folder`, if they share it
/// with this machine.
pub(super) fn of_array(name: &str, tasks: usize, folder: Option<&BatchDir>) -> Vec<String> {
    let output = folder.map_or_else(
        || "/dev/null".to_owned(),
        |folder| {
            // Slurm replaces patterns that begin with a percent sign, so it is doubled.
            let whole = folder.root().display().to_string().replace('%', "%%");
            let output = folder.task_output("%a");
            let name = output.file_name().unwrap_or_default().display();
            format!("{whole}/{name}")
        },
    );
    vec![
        format!("--job-name={name}"),
        format!("--array=0-{}", tasks.saturating_sub(1)),
        format!("--output={output}"),
    ]
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use isoflop_core::run::SweepDir;
    use isoflop_sweep::{LocatedValue, SlurmMemory, SlurmTime, WholeNumber};

    fn wanted() -> SlurmExecutor {
        let count = |n| LocatedValue::without_location(WholeNumber(n));
        SlurmExecutor {
            partition: None,
            account: None,
            qos: None,
            time: LocatedValue::without_location(SlurmTime(3600)),
            signal_seconds: count(120),
            gpus: count(0),
            memory: None,
            options: Vec::new(),
            threads_per_run: count(2),
            storage: None,
            max_pending: count(100),
        }
    }

    #[test]
    fn all_that_is_wanted_is_asked_for() {
        let word = |word: &str| LocatedValue::without_location(word.to_owned());
        let least = "--quiet --no-requeue --time=0-01:00:00 --signal=B:USR1@120 --cpus-per-task=2";
        assert_eq!(of(&wanted()).join(" "), least);
        let all = SlurmExecutor {
            partition: Some(word("gpu,long")),
            account: Some(word("us")),
            qos: Some(word("low")),
            gpus: LocatedValue::without_location(WholeNumber(1)),
            memory: Some(LocatedValue::without_location(SlurmMemory("4G".to_owned()))),
            options: vec![word("--constraint=a100")],
            ..wanted()
        };
        let said = of(&all).join(" ");
        assert_eq!(
            said,
            "--quiet --no-requeue --partition=gpu,long --account=us --qos=low --time=0-01:00:00 --signal=B:USR1@120 \
             --cpus-per-task=2 --mem=4G --gpus=1 --constraint=a100"
        );
        let gres = SlurmExecutor {
            options: vec![word("--gres=gpu:a100:1")],
            ..all
        };
        assert!(!of(&gres).contains(&"--gpus=1".to_owned()));
    }

    #[test]
    fn a_folder_is_no_pattern() {
        let folder = SweepDir::at(Path::new("/results/50%a")).batch("isoflop-1");
        let said = of_array("isoflop-1", 3, Some(&folder));
        assert_eq!(
            said,
            [
                "--job-name=isoflop-1",
                "--array=0-2",
                "--output=/results/50%%a/batches/isoflop-1/%a.txt"
            ]
        );
    }
}
