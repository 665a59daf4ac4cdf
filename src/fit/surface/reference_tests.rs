//! Published and verified fits of tables that others measured. The tables are outside the
//! repository. If they are missing, the tests print that and pass.

use std::path::Path;

use super::super::path::optimum;
use super::super::per_token::PerToken;
use super::super::polynomial::{ProfileForm, minimum};
use super::*;

/// Reads the named columns of the rows that `keep` accepts. `None` if the table is missing.
pub(crate) fn columns<const K: usize>(
    table: &str,
    names: [&str; K],
    keep: impl Fn(&dyn Fn(&str) -> String) -> bool,
) -> Option<Vec<[f64; K]>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../../shared/reference")
        .join(table);
    let Ok(text) = std::fs::read_to_string(&path) else {
        eprintln!("skipped: `{}` does not exist", path.display());
        return None;
    };
    let mut lines = text.lines().map(|line| line.split(',').collect::<Vec<_>>());
    let header = lines.next().unwrap();
    let place = |name: &str| header.iter().position(|column| *column == name).unwrap();
    let kept = lines.filter(|line| keep(&|name| line[place(name)].to_owned()));
    Some(
        kept.map(|line| names.map(|name| line[place(name)].parse().unwrap()))
            .collect(),
    )
}

fn points(rows: &[[f64; 3]]) -> Vec<SurfacePoint> {
    rows.iter()
        .map(|[n, d, loss]| SurfacePoint::new(*n, *d, *loss))
        .collect()
}

/// McLeish et al. (arXiv:2502.06857), the cooled-down runs.
#[test]
fn gemstones() {
    let Some(rows) = columns(
        "gemstones-cool-end.csv",
        ["params", "tokens", "loss"],
        |_| true,
    ) else {
        return;
    };
    let points = points(&rows);
    assert_eq!(points.len(), 199);
    let fitted = fit(&points, &[1.0; 199], Objective::default()).unwrap();
    let Surface {
        e,
        a,
        b,
        alpha,
        beta,
    } = fitted.surface;
    // The table's intervals, with half a unit of the last digit printed.
    assert!((0.300_265..0.300_365).contains(&alpha), "{alpha}");
    assert!((0.580_155..0.580_245).contains(&beta), "{beta}");
    assert!((5.419_65..5.421_15).contains(&a.ln()), "{}", a.ln());
    assert!((12.512_15..12.513_95).contains(&b.ln()), "{}", b.ln());
    assert!((e.ln() - 0.7298).abs() < 1e-4, "{}", e.ln());
    assert!(
        (fitted.objective_value - 1.964_086e-3).abs() < 1e-9,
        "{}",
        fitted.objective_value
    );
    assert_eq!(fitted.status, SurfaceStatus::Interior);
}

/// Bhagia et al. (arXiv:2412.04403): the ladder's 16 smaller runs predict the 13B model on 5T
/// tokens.
#[test]
fn olmo_ladder() {
    let keep = |column: &dyn Fn(&str) -> String| {
        let run = column("run");
        let parts: Vec<&str> = run.split('-').collect();
        parts.len() == 2
            && ["190M", "370M", "760M", "1B"].contains(&parts[0])
            && parts[1] != "0.5xC"
    };
    let Some(rows) = columns("olmo-ladder-c4.csv", ["params", "tokens", "loss"], keep) else {
        return;
    };
    let points = points(&rows);
    assert_eq!(points.len(), 16);
    let start = Surface {
        e: 1.0,
        a: f64::exp(3.0),
        b: f64::exp(6.0),
        alpha: 0.1,
        beta: 0.2,
    };
    let from_start = fit_from(&points, &[1.0; 16], &start, Objective::default()).unwrap();
    let full = fit(&points, &[1.0; 16], Objective::default()).unwrap();
    for fitted in [from_start, full] {
        let s = fitted.surface;
        assert!((s.alpha - 0.1036).abs() < 5e-5, "{s:?}");
        assert!((s.beta - 0.1620).abs() < 5e-5, "{s:?}");
        assert!((s.e - 0.934).abs() < 5e-4, "{s:?}");
        assert!(
            (fitted.objective_value - 3.300e-5).abs() < 5e-9,
            "{}",
            fitted.objective_value
        );
        assert!((s.loss(13_202_396_160.0, 5_000_088_518_656.0) - 2.34439).abs() < 5e-6);
    }
}

/// Approach 2 on a noise-free surface (arXiv:2603.22339): the vertex of a parabola through 15 sizes
/// centred on N*. D* = C/6N* is what the figures mean; N* is off by their inverse.
#[test]
fn approach_two_is_biased_on_wide_grids() {
    let figures = [
        ((0.34, 0.28), [-0.327, -1.301, -2.903, -5.100]),
        ((0.465, 0.155), [-1.675, -6.498, -13.910, -23.116]),
    ];
    for ((alpha, beta), expected) in figures {
        let surface = Surface {
            e: 1.69,
            a: 406.4,
            b: 410.7,
            alpha,
            beta,
        };
        let flops = 1e21;
        let n_opt = optimum(&surface, &PerToken::six_n(), f64::ln(flops))
            .unwrap()
            .0
            .exp();
        for (half_width, expected) in [2f64, 4.0, 8.0, 16.0].into_iter().zip(expected) {
            let point = |i: i32| {
                let n = n_opt * half_width.powf(f64::from(i) / 7.0);
                (n.ln(), surface.loss(n, flops / (6.0 * n)), 1.0)
            };
            let profile = minimum(
                ProfileForm::Parabola,
                &(-7..=7).map(point).collect::<Vec<_>>(),
            )
            .unwrap();
            let off = 100.0 * ((n_opt.ln() - profile.log_n_opt).exp() - 1.0);
            assert!(
                (off - expected).abs() < 5e-4,
                "{alpha} {half_width}: {off} and {expected}"
            );
        }
    }
}
