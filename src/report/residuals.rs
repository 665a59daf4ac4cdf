//! Figure of a surface's residuals against N, D and C. A trend means that the form of the surface
//! is wrong.

use super::axis::{Axis, count, percent, scientific};
use super::figure::{Figure, Ink, LegendEntry, LegendKey, Panel, PanelMark, group};
use super::page_figure::PageFigure;
use super::{ReportInputs, cost, palette};
use isoflop_fit::surface::Surface;
use isoflop_fit::{ArmFit, Observation};

const HEIGHT: u32 = 330;
/// Half width of the band, in standard deviations. It contains nearly all runs if the surface is
/// right.
const DEVIATIONS: f64 = 2.0;

/// Title of an axis, its quantity, and the format of its labels.
type Against = (String, fn(&Observation) -> f64, fn(f64) -> String);

pub(super) const FIGURE: PageFigure = PageFigure {
    name: "residuals",
    title: "Residuals of the surfaces against parameters, tokens and compute",
    caption: "Above zero the surface predicts a higher loss than was measured. The grey band, if there is one, extends two \
         standard deviations between seeds to each side. A trend of residuals out of the band means that the form of the \
         surface is wrong.",
    draw,
};

fn draw(inputs: &ReportInputs<'_>) -> Option<Figure> {
    let arms = &inputs.fits.arms;
    let noise = noise(arms);
    let missed = || arms.iter().flat_map(residuals);
    let band = noise.into_iter().flat_map(|noise| [-noise, noise]);
    let errors = missed().map(|(_, error)| error).chain(band).chain([0.0]);
    let y = Axis::linear("predicted / measured loss - 1", errors, percent)?;
    let kinds: [Against; 3] = [
        ("N, parameters".to_owned(), |run| run.params, count),
        ("D, tokens".to_owned(), |run| run.tokens, count),
        (cost::axis_title(inputs), |run| run.flops, scientific),
    ];
    let panel = |(title, of, label): Against| {
        let x = Axis::log(&title, missed().map(|(run, _)| of(run)), label)?;
        let marks = marks(inputs, of, noise, &x);
        Some(Panel::new("", &x, &y, marks))
    };
    let panels: Option<Vec<Panel>> = kinds.into_iter().map(panel).collect();
    Some(Figure::new(panels?, legend(inputs, noise)).with_height(HEIGHT))
}

/// The runs that an arm's surface is fitted to, and L̂/L - 1 of each.
fn residuals(arm: &ArmFit) -> Vec<(&Observation, f64)> {
    let Ok(fitted) = &arm.surface else {
        return Vec::new();
    };
    let error = |run| predicted(&fitted.surface, run) / run.loss - 1.0;
    surface_runs(arm).map(|run| (run, error(run))).collect()
}

/// The runs that a surface is fitted to: those that repeat no text.
pub(super) fn surface_runs(arm: &ArmFit) -> impl Iterator<Item = &Observation> {
    let runs = arm.profiles.iter().flat_map(|profile| &profile.points);
    runs.filter(|run| !run.repeats())
}

/// Predicted loss L̂, nats/token.
pub(super) fn predicted(surface: &Surface, run: &Observation) -> f64 {
    surface.loss(run.params, run.tokens)
}

/// Half width of the band of noise between seeds, as a share of the loss: the root mean square over
/// the arms whose noise is known.
fn noise(arms: &[ArmFit]) -> Option<f64> {
    let of = |arm: &ArmFit| {
        let losses: Vec<f64> = residuals(arm).iter().map(|(run, _)| run.loss).collect();
        let mean = losses.iter().sum::<f64>() / losses.len() as f64;
        Some((arm.seed_noise? / mean).powi(2)).filter(|share| share.is_finite())
    };
    let squares: Vec<f64> = arms.iter().filter_map(of).collect();
    (!squares.is_empty())
        .then(|| DEVIATIONS * (squares.iter().sum::<f64>() / squares.len() as f64).sqrt())
}

fn marks(
    inputs: &ReportInputs<'_>,
    of: fn(&Observation) -> f64,
    noise: Option<f64>,
    x: &Axis,
) -> Vec<PanelMark> {
    let band = |noise: f64| {
        let ends = [x.low, x.high].map(|x| (x, -noise, noise));
        PanelMark::band(ends.to_vec(), band_ink())
    };
    let zero = PanelMark::line([(x.low, 0.0), (x.high, 0.0)], Ink::BLACK.line(1.0));
    let mut marks: Vec<PanelMark> = noise.map(band).into_iter().chain([zero]).collect();
    for arm in &inputs.fits.arms {
        let (ink, shape) = palette::arm(inputs.fits, &arm.arm);
        let marker = ink.with_alpha(0.6).point(shape, 3.0);
        let point = |(run, error): (&Observation, f64)| PanelMark::point((of(run), error), marker);
        marks.extend(residuals(arm).into_iter().map(point));
    }
    marks
}

fn band_ink() -> Ink {
    Ink::GREY.with_alpha(0.15)
}

fn legend(inputs: &ReportInputs<'_>, noise: Option<f64>) -> Vec<LegendEntry> {
    let arms = inputs.fits.arms.iter().filter(|arm| arm.surface.is_ok());
    let names = arms.map(|arm| arm.arm.as_str());
    let runs = palette::legend(inputs.fits, "arm", names, |ink, shape| {
        ink.with_alpha(0.6).point(shape, 3.5)
    });
    let band = LegendEntry::new("±2 SD", LegendKey::Swatch(band_ink()));
    let band = noise.map(|_| group("noise between seeds", [band]));
    [runs, band.unwrap_or_default()].concat()
}
