//! Tests of findings on tables with known faults.

use super::*;

fn law(n: f64, d: f64) -> f64 {
    1.7 + 400.0 / n.powf(0.34) + 410.0 / d.powf(0.28)
}

/// Returns six sizes at three budgets.
fn grid(arm: &'static str) -> Vec<Measurement<'static>> {
    let cells = [1e17, 1e18, 1e19]
        .into_iter()
        .flat_map(|flops| (0..6).map(move |i| (flops, 5e6 * 2f64.powi(i))));
    let run = |(flops, params): (f64, f64)| {
        let tokens = flops / (6.0 * params);
        Measurement {
            arm,
            params,
            tokens,
            flops,
            loss: law(params, tokens),
        }
    };
    cells.map(run).collect()
}

#[test]
fn outliers_are_found_by_their_arm() {
    let mut runs = [grid("a"), grid("b")].concat();
    for (run, times) in [(4, 3.0), (20, 2.0), (35, 5.0)] {
        runs[run].loss *= times;
    }
    let found = outliers(&runs);
    assert_eq!(
        found.iter().map(|found| found.run).collect::<Vec<_>>(),
        [4, 20, 35]
    );
    for (Outlier { ratio: times, .. }, made) in found.iter().zip([3.0, 2.0, 5.0]) {
        assert!((times / made - 1.0).abs() < 0.05, "{found:?}");
    }
    assert_eq!(outliers(&grid("a")), []);
}

const MEASURED: [Quantity; 3] = [Quantity::Params, Quantity::Tokens, Quantity::Flops];

#[test]
fn nothing_is_found_in_a_law() {
    let runs = [grid("a"), grid("b")].concat();
    assert_eq!(unit_findings(&runs, &MEASURED), []);
}

#[test]
fn losses_in_bits_are_found_among_nats() {
    let mut made = grid("a");
    for run in [1, 8, 13] {
        made[run].loss /= std::f64::consts::LN_2;
    }
    let found = unit_findings(&made, &MEASURED);
    let [UnitFinding::LossesInBits { runs, times }] = found.as_slice() else {
        panic!("{found:?}")
    };
    assert_eq!(runs, &[1, 8, 13]);
    assert!((times * std::f64::consts::LN_2 - 1.0).abs() < 0.02);
}

#[test]
fn perplexities_are_found() {
    let mut runs = [grid("a"), grid("b")].concat();
    runs[18..]
        .iter_mut()
        .for_each(|run| run.loss = run.loss.exp());
    let of = |runs: &[Measurement<'static>]| match unit_findings(runs, &MEASURED)[..] {
        [UnitFinding::LargeLosses { arm, .. }] => arm,
        ref found => panic!("{found:?}"),
    };
    assert_eq!(of(&runs), Some("b"));
    assert_eq!(of(&runs[18..]), None);
}

#[test]
fn another_unit_is_found() {
    let mut runs = [grid("a"), grid("b"), grid("c")].concat();
    runs[18..36].iter_mut().for_each(|run| run.tokens /= 1e6);
    let of = |measured: &[Quantity]| match &unit_findings(&runs, measured)[..] {
        [
            UnitFinding::Mismatch {
                arm: "b",
                quantity,
                others,
                times,
            },
        ] if others == &["a", "c"] && (times * 1e6 - 1.0).abs() < 0.1 => *quantity,
        found => panic!("{found:?}"),
    };
    assert_eq!(of(&MEASURED), Quantity::Tokens);
    // Without a column of tokens, tokens per parameter are compared instead.
    assert_eq!(of(&[Quantity::Params]), Quantity::TokensPerParam);
}

#[test]
fn magnitudes_that_no_run_has_are_found() {
    let mut runs = grid("a");
    runs.iter_mut().for_each(|run| run.params /= 1e6);
    let found = unit_findings(&runs, &MEASURED);
    let [small, UnitFinding::FlopsOver6nd(ratio)] = found.as_slice() else {
        panic!("{found:?}")
    };
    let quantity = Quantity::Params;
    let most = 160.0;
    assert_eq!(*small, UnitFinding::Small { quantity, most });
    assert!((ratio / 1e6 - 1.0).abs() < 1e-9);
}

#[test]
fn budgets_are_where_sizes_are() {
    let mut runs = grid("a");
    runs[2].flops *= 1.04;
    runs[17].flops *= 3.0;
    let found = budget_groups(&runs).unwrap();
    assert_eq!((found.groups, found.outside), (3, 1));
    assert!((found.budgets[2] / (1e17 * 1.04f64.powf(1.0 / 6.0)) - 1.0).abs() < 1e-9);
    assert_eq!(found.budgets[17], runs[17].flops);
    // Three sizes are too few for a profile.
    assert_eq!(budget_groups(&runs[..3]), None);
}

#[test]
fn ranks_pair_sizes_that_are_not_shared() {
    let larger = |times: f64| {
        let mut runs = grid("b")[..6].to_vec();
        runs.iter_mut().for_each(|run| run.params *= times);
        [&grid("a")[..6], &runs[..]].concat()
    };
    let twice: Vec<usize> = (0..6).chain(0..6).collect();
    assert_eq!(size_ranks(&larger(1.3)), Some(twice));
    // Equal sizes, then ranks that overlap, then a single arm.
    assert_eq!(size_ranks(&larger(1.0)), None);
    assert_eq!(size_ranks(&larger(2.5)), None);
    assert_eq!(size_ranks(&grid("a")[..6]), None);
}

#[test]
fn learning_rates_differ_within_a_cell_alone() {
    assert!(has_several_learning_rates([
        ("a", 1e-3),
        ("b", 1e-3),
        ("a", 2e-3)
    ]));
    assert!(!has_several_learning_rates([
        ("a", 1e-3),
        ("b", 2e-3),
        ("a", 1e-3)
    ]));
}
