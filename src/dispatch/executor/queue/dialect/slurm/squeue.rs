//! What `squeue` says. docs/executors.md: engines differ by version, so parsers are tested on recorded words.

use super::batch::is_ours;
use super::fields::fields;

/// Of each task its array's name and number, and its own.
pub(super) const FORMAT: &str = "--format=%j|%F|%K";

/// A task that waits or runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Row {
    /// The array's name.
    pub(super) name: String,
    /// Its number at this moment.
    pub(super) array: u64,
    /// The task's.
    pub(super) task: usize,
}

/// The tasks of arrays in an answer; nothing if what it says of one of ours is not understood: then it is no answer.
pub(super) fn rows(answer: &str) -> Option<Vec<Row>> {
    let mut rows = Vec::new();
    for line in answer.lines() {
        let [name, array, task] = fields(line).unwrap_or([line, "", ""]);
        match (array.parse(), task.parse()) {
            (Ok(array), Ok(task)) => rows.push(Row {
                name: name.to_owned(),
                array,
                task,
            }),
            // A job that is no array, or another's with whatever name.
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

    /// The tasks of ours in an answer.
    fn of(text: &str) -> String {
        let rows = rows(&recorded(text)).unwrap().into_iter();
        let ours = rows.filter(|row| is_ours(&row.name));
        ours.map(|Row { name, array, task }| format!("{name}: task {task} of {array}\n"))
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

        /// Whatever others call their jobs, ours are found.
        #[test]
        fn names_of_others_do_no_harm(before in "[^\n\r]{0,20}", array in 1_u64..9_999_999, task in 0_usize..1000) {
            prop_assume!(!before.starts_with("isoflop-"));
            let name = "isoflop-0123456789abcdef01234567";
            let found = rows(&format!("{before}|1|N/A\n{name}|{array}|{task}\n")).unwrap();
            prop_assert_eq!(found, vec![Row { name: name.to_owned(), array, task }]);
        }
    }
}
