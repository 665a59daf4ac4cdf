//! Architectures whose numbers are in another unit than those of the others.
//!
//! The whole table looks right where one architecture alone has its tokens in millions, and its multiplier comes out a
//! million times off. Runs are therefore compared with those of the first architecture that have about their loss, at which
//! a better architecture has a few times fewer N, D and C, and never [`FAR`] times. Where no losses are alike, tokens per
//! parameter are compared, which a study at another scale leaves as they are.

use std::collections::HashMap;

use super::Note;
use super::crude::median;
use super::find::Found;
use super::roles::Role;
use super::rows::Run;
use super::sheet::Sheet;

/// How many times as much is taken for another unit: the smallest in use, thousands, is ten times as much.
const FAR: f64 = 100.0;
/// Most that losses may differ to be alike, in their logarithm.
const ALIKE: f64 = 0.05;
/// Fewest runs with a like one, from which their median says something.
const FEWEST: usize = 3;

/// An architecture's runs, the least loss first.
pub(super) type Arm<'a> = (&'a str, Vec<&'a Run>);
/// What a run has of a quantity.
pub(super) type Quantity = fn(&Run) -> f64;

/// Says of which architectures which columns seem to be in another unit.
pub(super) fn units(sheet: &Sheet, found: &Found, runs: &[(Run, u64)]) -> Vec<Note> {
    let arms = arms(runs);
    if arms.len() < 2 {
        return Vec::new();
    }
    let quantities: [(Role, Quantity); 3] = [
        (Role::Params, |run| run.params),
        (Role::Tokens, |run| run.tokens),
        (Role::Flops, |run| run.flops),
    ];
    let mut notes = Vec::new();
    for (role, of) in quantities {
        // A quantity without a column follows from the others.
        let Some(column) = found.column(role) else {
            continue;
        };
        let name = format!("`{}`", sheet.names[column]);
        notes.extend(
            odd(&arms, |arm| of_like_runs(&arms[0], arm, of))
                .iter()
                .map(|odd| odd.note(&name, "at like losses")),
        );
    }
    if notes.is_empty() {
        let per_param = |arm: &Arm| {
            Some(median(
                arm.1
                    .iter()
                    .map(|run| (run.tokens / run.params).ln())
                    .collect(),
            ))
        };
        notes.extend(
            odd(&arms, per_param)
                .iter()
                .map(|odd| odd.note("tokens per parameter", "in the median run")),
        );
    }
    notes
}

/// The architectures in the order they appear.
pub(super) fn arms(runs: &[(Run, u64)]) -> Vec<Arm<'_>> {
    let mut places: HashMap<&str, usize> = HashMap::new();
    let mut arms: Vec<Arm> = Vec::new();
    for (run, _) in runs {
        let place = *places.entry(&run.arm).or_insert(arms.len());
        if place == arms.len() {
            arms.push((&run.arm, Vec::new()));
        }
        arms[place].1.push(run);
    }
    arms.iter_mut()
        .for_each(|(_, runs)| runs.sort_by(|a, b| a.loss.total_cmp(&b.loss)));
    arms
}

/// The logarithm of how many times as much an architecture has as the first, in the median of its runs that have a like one.
fn of_like_runs(first: &Arm, arm: &Arm, of: Quantity) -> Option<f64> {
    let times = |run: &&Run| Some((of(run) / of(nearest(&first.1, run.loss)?)).ln());
    let times: Vec<f64> = arm.1.iter().filter_map(times).collect();
    (times.len() >= FEWEST).then(|| median(times))
}

/// The run of about this loss, of runs in the order of their losses.
fn nearest<'a>(runs: &[&'a Run], loss: f64) -> Option<&'a Run> {
    let above = runs.partition_point(|run| run.loss < loss);
    let far = |run: &&&Run| (run.loss / loss).ln().abs();
    let near = runs[above.saturating_sub(1)..]
        .iter()
        .take(2)
        .min_by(|a, b| far(a).total_cmp(&far(b)))?;
    (far(&near) <= ALIKE).then_some(*near)
}

/// An architecture that has so many times as much as the others, or so many times less.
struct Odd<'a> {
    arm: &'a str,
    others: String,
    times: f64,
}

/// Architectures that lie far from the middle one. Of two it is the one that has less: units that are written are larger.
fn odd<'a>(arms: &[Arm<'a>], level: impl Fn(&Arm<'a>) -> Option<f64>) -> Vec<Odd<'a>> {
    let levels: Vec<(&str, f64)> = arms
        .iter()
        .filter_map(|arm| Some((arm.0, level(arm)?)))
        .collect();
    let middle = median(levels.iter().map(|(_, level)| *level).collect());
    let is_odd = |level: f64| (level - middle).abs() >= FAR.ln();
    let others: Vec<&str> = levels
        .iter()
        .filter(|(_, level)| !is_odd(*level))
        .map(|(arm, _)| *arm)
        .collect();
    let others = match others.as_slice() {
        [one] => format!("`{one}`"),
        _ => "the other architectures".to_owned(),
    };
    let odd = levels.iter().filter(|(_, level)| is_odd(*level));
    odd.map(|(arm, level)| Odd {
        arm,
        others: others.clone(),
        times: (level - middle).exp(),
    })
    .collect()
}

impl Odd<'_> {
    fn note(&self, name: &str, whose: &str) -> Note {
        let Self { arm, others, times } = self;
        Note::Warning(format!(
            "{name} of `{arm}` are {times:.1e} times those of {others} {whose}: one may be in another unit, thousands or \
             millions say, and then no comparison of them holds; write all as they are counted"
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{csv, said};

    fn law(n: f64, d: f64) -> f64 {
        1.7 + 400.0 / n.powf(0.34) + 410.0 / d.powf(0.28)
    }

    /// Two architectures, or three, of which the last has other numbers.
    fn table(arms: &[&str], last: impl Fn(f64, f64, f64) -> [f64; 4]) -> String {
        let mut text = "arch,params,tokens,flops,loss\n".to_owned();
        for (c, i) in [1e17, 1e18, 1e19]
            .into_iter()
            .flat_map(|c| (0..6).map(move |i| (c, i)))
        {
            let n = 5e6 * 2f64.powi(i);
            let d = c / (6.0 * n);
            for (place, arm) in arms.iter().enumerate() {
                let plain = [n, d, c, law(n, d * 1.3f64.powi(place as i32))];
                let [n, d, c, l] = if place + 1 == arms.len() {
                    last(n, d, c)
                } else {
                    plain
                };
                text += &format!("{arm},{n},{d},{c},{l}\n");
            }
        }
        text
    }

    fn warnings(text: &str) -> Vec<String> {
        said(&csv(text))
            .lines()
            .filter(|line| line.contains("one may be in another unit"))
            .map(str::to_owned)
            .collect()
    }

    #[test]
    fn an_architecture_in_another_unit_is_named() {
        for (times, name) in [
            ([1.0, 1e-6, 1.0], "tokens"),
            ([1e-3, 1.0, 1.0], "params"),
            ([1.0, 1.0, 1e-18], "flops"),
        ] {
            for arms in [&["a", "b"][..], &["a", "c", "b"]] {
                let text = table(arms, |n, d, c| {
                    [n * times[0], d * times[1], c * times[2], law(n, d)]
                });
                let [warning] = &warnings(&text)[..] else {
                    panic!("{name}: {:?}", warnings(&text))
                };
                assert!(
                    warning.contains(&format!("`{name}` of `b` are 1.")),
                    "{warning}"
                );
            }
        }
    }

    /// Both are small, and their quotient is as it was.
    #[test]
    fn two_columns_in_another_unit_are_named() {
        let text = table(&["a", "b"], |n, d, c| [n / 1e6, d / 1e6, c, law(n, d)]);
        assert_eq!(warnings(&text).len(), 2, "{:?}", warnings(&text));
    }

    #[test]
    fn losses_that_are_not_alike_leave_tokens_per_parameter() {
        let text = table(&["a", "b"], |n, d, c| [n, d / 1e6, c, law(n, d) * 3.0]);
        let [warning] = &warnings(&text)[..] else {
            panic!("{:?}", warnings(&text))
        };
        assert!(warning.contains("tokens per parameter of `b`"), "{warning}");
    }

    /// An architecture that was studied at a hundred times the scale, and one that is ten times as good.
    #[test]
    fn another_scale_is_no_other_unit() {
        let larger = table(&["a", "b"], |n, d, c| {
            [n * 30.0, d * 30.0, c * 900.0, law(n * 30.0, d * 30.0)]
        });
        assert_eq!(warnings(&larger), [""; 0]);
        let better = table(&["a", "b"], |n, d, c| [n, d, c, law(n, d * 10.0)]);
        assert_eq!(warnings(&better), [""; 0]);
    }
}
