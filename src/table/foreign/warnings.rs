//! Warnings about numbers that seem to be in another unit. No number is converted.

use isoflop_fit::findings::{MAX_LOSS, Measurement, Quantity, UnitFinding, unit_findings};

use super::TableNote;
use super::find::RoleColumns;
use super::roles::{ColumnRole, normalized};
use super::rows::ForeignRun;
use super::sheet::Sheet;

/// Returns warnings about numbers that seem to be in another unit.
pub(super) fn unit_warnings(
    sheet: &Sheet,
    found: &RoleColumns,
    runs: &[&ForeignRun],
) -> Vec<TableNote> {
    let measurements: Vec<Measurement<'_>> = runs.iter().map(|run| run.measurement()).collect();
    let mut measured = vec![Quantity::Params, Quantity::Tokens, Quantity::Flops];
    measured.retain(|of| role(*of).is_some_and(|role| found.column(role).is_some()));
    let by_name = loss_by_name(found.name(sheet, ColumnRole::Loss));
    // The name of the column already explains large losses.
    let is_told = |finding: &UnitFinding<'_>| {
        by_name.is_some() && matches!(finding, UnitFinding::LargeLosses { .. })
    };
    let mut findings = unit_findings(&measurements, &measured);
    findings.retain(|finding| !is_told(finding));
    let told = findings
        .iter()
        .map(|finding| warning(sheet, found, runs, finding));
    by_name
        .into_iter()
        .chain(told)
        .map(TableNote::Warning)
        .collect()
}

/// Returns the role of a quantity's column.
fn role(quantity: Quantity) -> Option<ColumnRole> {
    match quantity {
        Quantity::Params => Some(ColumnRole::Params),
        Quantity::Tokens => Some(ColumnRole::Tokens),
        Quantity::Flops => Some(ColumnRole::Flops),
        Quantity::TokensPerParam => None,
    }
}

fn loss_by_name(name: &str) -> Option<String> {
    let has = |words: &[&str]| {
        normalized(name)
            .split('_')
            .any(|word| words.contains(&word))
    };
    if has(&["bits", "bit", "bpb", "bpc", "bpt", "bpw"]) {
        return Some(format!(
            "the name `{name}` suggests bits, but losses are read as nats/token: multiply bits/token by ln 2 = 0.6931; multiply \
             bits per byte or character also by the bytes or characters per token"
        ));
    }
    has(&["ppl", "perplexity", "perplexities"]).then(|| {
        format!("the name `{name}` suggests perplexity, but losses are read as nats/token: take the logarithm of each value")
    })
}

fn warning(
    sheet: &Sheet,
    found: &RoleColumns,
    runs: &[&ForeignRun],
    finding: &UnitFinding<'_>,
) -> String {
    let name = |role| format!("`{}`", found.name(sheet, role));
    let of = |quantity| role(quantity).map_or_else(|| "tokens per parameter".to_owned(), name);
    match finding {
        UnitFinding::LargeLosses { loss, arm } => format!(
            "{} is {loss:.1} in the median run{}, but a uniform guess among three million tokens has a loss of only {MAX_LOSS} \
             nats/token: if it is perplexity, take the logarithm of each value",
            name(ColumnRole::Loss),
            arm.map_or_else(String::new, |arm| format!(" of `{arm}`"))
        ),
        UnitFinding::LossesInBits { runs: high, times } => {
            let rows: Vec<usize> = high.iter().map(|run| runs[*run].row).collect();
            format!(
                "{} of {} losses are {times:.3} times those of similar runs, close to 1/ln 2: they seem to be in bits, the others in nats ({})",
                rows.len(),
                runs.len(),
                sheet.locations(&rows)
            )
        }
        UnitFinding::Small { quantity, most } => format!(
            "{} is at most {most}: if it is in millions or billions, write the unit (`125M`, `1.3B`) or the full number",
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
            "{} of `{arm}` are {times:.1e} times those of {} {}: one may be in another unit, such as thousands or \
             millions, which makes comparisons wrong; write the full numbers",
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
        _ => "at similar losses",
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{csv, format_notes};

    fn law(n: f64, d: f64) -> f64 {
        1.7 + 400.0 / n.powf(0.34) + 410.0 / d.powf(0.28)
    }

    /// Builds a table in which the last of two or three architectures has other numbers.
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
        format_notes(&csv(text))
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

    /// Both are small, and their quotient is unchanged.
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

    /// An architecture at a much larger scale, and one that needs ten times less data, give no
    /// warning.
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
