//! Parser of `squeue`. Engines differ by version, so parsers are tested on recorded output
//! (docs/executors.md).

use super::batch::is_ours;
use super::fields::fields;

/// Fields of each task: name of its array, number of the array, number of the task.
pub(super) const FORMAT: &str = "--format=%j|%F|%K";

/// A task that waits or runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SqueueRow {
    /// Name of the array.
    pub(super) name: String,
    /// Current number of the array.
    pub(super) array: u64,
    /// Number of the task.
    pub(super) task: usize,
}

/// Parses the tasks of arrays. `None` if a line about one of isoflop's arrays is invalid.
pub(super) fn rows(answer: &str) -> Option<Vec<SqueueRow>> {
    let mut rows = Vec::new();
    for line in answer.lines() {
        let [name, array, task] = fields(line).unwrap_or([line, "", ""]);
        match (array.parse(), task.parse()) {
            (Ok(array), Ok(task)) => rows.push(SqueueRow {
                name: name.to_owned(),
                array,
                task,
            }),
            // A job that is not an array, or not isoflop's.
            _ if task == "N/A" || !is_ours(name) => {}
            _ => return None,
        }
    }
    Some(rows)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::fields::recorded;
    use super::*;

    /// Tasks of isoflop's arrays.
    fn of(text: &str) -> String {
        let rows = rows(&recorded(text)).unwrap().into_iter();
        let ours = rows.filter(|row| is_ours(&row.name));
        ours.map(|SqueueRow { name, array, task }| format!("{name}: task {task} of {array}\n"))
            .collect()
    }

    #[test]
    fn recorded_answers_are_understood() {
        insta::assert_snapshot!(
            "squeue-20.11.4",
            of(include_str!("recorded/squeue-20.11.4.txt"))
        );
        insta::assert_snapshot!(
            "squeue-22.05.8",
            of(include_str!("recorded/squeue-22.05.8.txt"))
        );
        insta::assert_snapshot!(
            "squeue-24.11.5",
            of(include_str!("recorded/squeue-24.11.5.txt"))
        );
        insta::assert_snapshot!(
            "squeue-composed",
            of(include_str!("recorded/squeue-composed.txt"))
        );
    }

    #[test]
    fn what_is_not_understood_is_no_answer() {
        let name = "isoflop-0123456789abcdef01234567";
        assert_eq!(rows(&format!("{name}|3|[1-3]\n")), None);
        assert_eq!(rows(&format!("{name}\n")), None);
        assert_eq!(
            rows(&format!(
                "{name}|3|N/A\nslurm_load_jobs\n\nof others|9|[1-3]\n"
            )),
            Some(Vec::new())
        );
    }

    proptest! {
        #[test]
        fn no_words_are_too_much(words in "\\PC*(\n\\PC*)*") {
            let _ = rows(&words);
        }

        /// Tasks of isoflop are found for any names of other jobs.
        #[test]
        fn names_of_others_do_no_harm(before in "[^\n\r]{0,20}", array in 1_u64..9_999_999, task in 0_usize..1000) {
            prop_assume!(!before.starts_with("isoflop-"));
            let name = "isoflop-0123456789abcdef01234567";
            let found = rows(&format!("{before}|1|N/A\n{name}|{array}|{task}\n")).unwrap();
            prop_assert_eq!(found, vec![SqueueRow { name: name.to_owned(), array, task }]);
        }
    }
}
