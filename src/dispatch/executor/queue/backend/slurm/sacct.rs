//! Parser of `sacct`, for jobs that have ended. The state takes precedence over the exit code: a
//! time limit shows as TIMEOUT with 0:0.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use super::batches::ArrayTask;
use super::fields::fields;
use isoflop_core::run::TerminationReason;

/// Fields of each task: name of its array, number, state, exit code with signal.
pub(super) const FORMAT: &str = "--format=JobName,JobID,State,ExitCode";

/// Parses the termination reasons of tasks. Of two records of a task, the later one counts.
pub(super) fn fates(answer: &str) -> BTreeMap<ArrayTask, TerminationReason> {
    let mut fates = BTreeMap::new();
    for line in answer.lines() {
        let Some([name, id, state, exit]) = fields(line) else {
            continue;
        };
        let Some(fate) = fate(state, exit) else {
            continue;
        };
        for task in tasks(id).into_iter().flatten() {
            fates.insert((name.to_owned(), task), fate.clone());
        }
    }
    fates
}

/// Termination reason for a state and an exit code. `None` for a job that is not over.
fn fate(state: &str, exit: &str) -> Option<TerminationReason> {
    // "CANCELLED by 1000", "CANCELLED+"
    let word = state.split([' ', '+']).next()?;
    Some(match word {
        "TIMEOUT" => TerminationReason::TimeLimit,
        "OUT_OF_MEMORY" => TerminationReason::OutOfMemory,
        "PREEMPTED" => TerminationReason::Preempted,
        "REQUEUED" | "REQUEUE_HOLD" | "REQUEUE_FED" | "SPECIAL_EXIT" => TerminationReason::Requeued,
        "NODE_FAIL" => TerminationReason::NodeFailed,
        "BOOT_FAIL" | "LAUNCH_FAILED" | "RECONFIG_FAIL" => TerminationReason::BootFailed,
        "DEADLINE" => TerminationReason::Deadline,
        "CANCELLED" => TerminationReason::Cancelled,
        "REVOKED" => TerminationReason::Revoked,
        "COMPLETED" => TerminationReason::Completed,
        "FAILED" => {
            let (code, signal) = exit.split_once(':')?;
            TerminationReason::Failed {
                code: code.parse().ok()?,
                signal: signal.parse().ok()?,
            }
        }
        _ => return None,
    })
}

/// Tasks of a job number: `3_1`, or `3_[0-2,5%4]` for one record of tasks that never started.
fn tasks(id: &str) -> Vec<RangeInclusive<usize>> {
    let Some((_, tasks)) = id.split_once('_') else {
        return Vec::new();
    };
    let list = tasks.trim_start_matches('[').trim_end_matches(']');
    let list = list.split('%').next().unwrap_or(list);
    list.split(',').filter_map(range).collect()
}

fn range(text: &str) -> Option<RangeInclusive<usize>> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let (first, last): (usize, usize) = (first.parse().ok()?, last.parse().ok()?);
    // No array is that large, so the line is damaged.
    (last < 10_000_000 && last - first.min(last) < 100_000).then_some(first..=last)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::fields::recorded;
    use super::*;

    fn of(text: &str) -> String {
        let fates = fates(&recorded(text))
            .into_iter()
            .map(|((name, task), fate)| format!("{name} {task}: {fate:?}\n"));
        fates.collect()
    }

    #[test]
    fn recorded_accounts_are_understood() {
        insta::assert_snapshot!(
            "slurm-20.11.4",
            of(include_str!("recorded/sacct-20.11.4.txt"))
        );
        insta::assert_snapshot!(
            "slurm-22.05.8",
            of(include_str!("recorded/sacct-22.05.8.txt"))
        );
        insta::assert_snapshot!(
            "slurm-24.11.5",
            of(include_str!("recorded/sacct-24.11.5.txt"))
        );
        insta::assert_snapshot!(
            "slurm-composed",
            of(include_str!("recorded/sacct-composed.txt"))
        );
    }

    #[test]
    fn a_state_is_read_before_an_exit_code() {
        assert_eq!(fate("TIMEOUT", "0:0"), Some(TerminationReason::TimeLimit));
        assert_eq!(
            fate("OUT_OF_MEMORY", "0:125"),
            Some(TerminationReason::OutOfMemory)
        );
        assert_eq!(
            fate("CANCELLED by 1000", "0:0"),
            Some(TerminationReason::Cancelled)
        );
        assert_eq!(
            fate("FAILED", "99:0"),
            Some(TerminationReason::Failed {
                code: 99,
                signal: 0
            })
        );
        for state in [
            "RUNNING",
            "PENDING",
            "SUSPENDED",
            "COMPLETING",
            "RESIZING",
            "",
            "WHATEVER",
        ] {
            assert_eq!(fate(state, "0:0"), None, "{state}");
        }
    }

    #[test]
    fn tasks_that_never_began_have_one_record() {
        let of = |id| tasks(id).into_iter().flatten().collect::<Vec<_>>();
        assert_eq!(of("3_[0-2,5%4]"), [0, 1, 2, 5]);
        assert_eq!(of("3_7"), [7]);
        assert!(
            ["3", "3_", "3_x", "3_[", "3_[2-1]", "3_0-99999999999"]
                .into_iter()
                .all(|id| of(id).is_empty())
        );
    }

    proptest! {
        #[test]
        fn no_words_are_too_much(words in "(\\PC{0,30}\\|[0-9]{1,4}_\\[?[0-9,%-]{0,12}\\]?\\|[A-Z_]{0,14}\\|[0-9:]{0,6}\n){0,5}") {
            let _ = fates(&words);
        }

        #[test]
        fn names_with_bars_are_names(name in "[^\n\r]{0,20}", task in 0_usize..1000) {
            let found = fates(&format!("{name}|3_{task}|PREEMPTED|0:0\n"));
            prop_assert_eq!(found.get(&(name, task)), Some(&TerminationReason::Preempted));
        }
    }
}
