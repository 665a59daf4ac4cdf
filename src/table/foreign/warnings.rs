//! Units that are not what they seem. Nothing is converted: it is said, and the user knows.

use isoflop_fit::findings::{MOST_LOSS, Measurement, Quantity, UnitFinding, unit_findings};

use super::Note;
use super::find::Found;
use super::roles::{Role, plain};
use super::rows::Run;
use super::sheet::Sheet;

/// What seems to be in another unit.
pub(super) fn units(sheet: &Sheet, found: &Found, runs: &[&Run]) -> Vec<Note> {
    let measurements: Vec<Measurement<'_>> = runs.iter().map(|run| run.measurement()).collect();
    let mut measured = vec![Quantity::Params, Quantity::Tokens, Quantity::Flops];
    measured.retain(|of| role(*of).is_some_and(|role| found.column(role).is_some()));
    let by_name = loss_by_name(found.name(sheet, Role::Loss));
    // The name says why losses are large.
    let is_told = |finding: &UnitFinding<'_>| {
        by_name.is_some() && matches!(finding, UnitFinding::LargeLosses { .. })
    };
    let mut findings = unit_findings(&measurements, &measured);
    findings.retain(|finding| !is_told(finding));
    let told = findings
        .iter()
        .map(|finding| warning(sheet, found, runs, finding));
    by_name.into_iter().chain(told).map(Note::Warning).collect()
}

/// The column that a quantity is read from.
fn role(quantity: Quantity) -> Option<Role> {
    match quantity {
        Quantity::Params => Some(Role::Params),
        Quantity::Tokens => Some(Role::Tokens),
        Quantity::Flops => Some(Role::Flops),
        Quantity::TokensPerParam => None,
    }
}

fn loss_by_name(name: &str) -> Option<String> {
    let has = |words: &[&str]| plain(name).split('_').any(|word| words.contains(&word));
    if has(&["bits", "bit", "bpb", "bpc", "bpt", "bpw"]) {
        return Some(format!(
            "`{name}` is bits by its name, and losses are read as nats/token: multiply bits/token by ln 2 = 0.6931; bits per byte or \
             character also by the bytes or characters of a token"
        ));
    }
    has(&["ppl", "perplexity", "perplexities"]).then(|| {
        format!("`{name}` is perplexity by its name, and losses are read as nats/token: take the logarithm of each value")
    })
}

fn warning(sheet: &Sheet, found: &Found, runs: &[&Run], finding: &UnitFinding<'_>) -> String {
    let name = |role| format!("`{}`", found.name(sheet, role));
    let of = |quantity| role(quantity).map_or_else(|| "tokens per parameter".to_owned(), name);
    match finding {
        UnitFinding::LargeLosses { loss, arm } => format!(
            "{} is {loss:.1} in the median run{}, and guessing among three million tokens costs {MOST_LOSS} nats: if it is \
             perplexity, take the logarithm of each value",
            name(Role::Loss),
            arm.map_or_else(String::new, |arm| format!(" of `{arm}`"))
        ),
        UnitFinding::LossesInBits { runs: high, times } => {
            let rows: Vec<usize> = high.iter().map(|run| runs[*run].row).collect();
            format!(
                "{} of {} losses are {times:.3} times those of runs like them, which is 1/ln 2: these seem to be in bits and the others in nats ({})",
                rows.len(),
                runs.len(),
                sheet.places(&rows)
            )
        }
        UnitFinding::Small { quantity, most } => format!(
            "{} is {most} at most: if it is in millions or billions, write it so (`125M`, `1.3B`) or as it is counted",
            of(*quantity)
        ),
        UnitFinding::FlopsOver6nd(ratio) => format!(
            "FLOPs are {ratio:.1e} times 6·N·D in the median run: parameters, tokens or FLOPs seem to be in another unit"
        ),
        UnitFinding::Mismatch {
            arm,
            quantity,
            others,
            times,
        } => format!(
            "{} of `{arm}` are {times:.1e} times those of {} {}: one may be in another unit, thousands or \
             millions say, and then no comparison of them holds; write all as they are counted",
            of(*quantity),
            one_or_all(others),
            compared_at(*quantity)
        ),
    }
}

fn one_or_all(others: &[&str]) -> String {
    match others {
        [one] => format!("`{one}`"),
        _ => "the other architectures".to_owned(),
    }
}

fn compared_at(quantity: Quantity) -> &'static str {
    match quantity {
        Quantity::TokensPerParam => "in the median run",
        _ => "at like losses",
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
