//! What the surface misses, against what it should not go with: a trend says that its form is the wrong one.

use super::axis::{Axis, count, percent, scientific};
use super::figure::{Entry, Figure, Ink, Key, Mark, Panel};
use super::palette;
use super::{Inputs, cost};
use isoflop_fit::surface::Surface;
use isoflop_fit::{ArmFit, Observation};

const HEIGHT: u32 = 330;
/// Standard deviations between which nearly all runs of a true surface lie.
const DEVIATIONS: f64 = 2.0;

/// A quantity of a run, its axis's title and labels.
type Against = (String, fn(&Observation) -> f64, fn(f64) -> String);

pub(super) fn figure(inputs: &Inputs<'_>) -> Option<Figure> {
    let arms = &inputs.fits.arms;
    let noise = noise(arms);
    let errors = arms
        .iter()
        .flat_map(|arm| misses(arm).into_iter().map(|(_, error)| error));
    let band = noise.into_iter().flat_map(|noise| [-noise, noise]);
    let y = Axis::linear(
        "predicted over measured loss - 1",
        errors.chain(band).chain([0.0]),
        percent,
    )?;
    let kinds: [Against; 3] = [
        ("N, parameters".to_owned(), |run| run.params, count),
        ("D, tokens".to_owned(), |run| run.tokens, count),
        (cost::axis_title(inputs), |run| run.flops, scientific),
    ];
    let panel = |(title, of, label): Against| {
        let values = arms
            .iter()
            .flat_map(|arm| misses(arm).into_iter().map(|(run, _)| of(run)));
        let x = Axis::log(&title, values, label)?;
        let marks = marks(inputs, of, noise, &x);
        Some(Panel::untitled(x, y.clone(), marks))
    };
    let panels: Vec<Panel> = kinds.into_iter().map(panel).collect::<Option<_>>()?;
    Some(Figure::new("residuals", panels, legend(inputs, noise)).high(HEIGHT))
}

/// The runs that an arm's surface goes through, and L̂/L - 1 of each.
fn misses(arm: &ArmFit) -> Vec<(&Observation, f64)> {
    let Ok(fitted) = &arm.surface else {
        return Vec::new();
    };
    surface_runs(arm)
        .map(|run| (run, predicted(&fitted.surface, run) / run.loss - 1.0))
        .collect()
}

/// The runs that a surface is fitted to: those that read no text twice.
pub(super) fn surface_runs(arm: &ArmFit) -> impl Iterator<Item = &Observation> {
    arm.profiles
        .iter()
        .flat_map(|profile| &profile.points)
        .filter(|run| !run.repeats())
}

/// L̂, nats/token.
pub(super) fn predicted(surface: &Surface, run: &Observation) -> f64 {
    surface.loss(run.params, run.tokens)
}

/// Half the width of the band that noise between seeds fills, as a share of the loss; the root mean square over the arms
/// of which it is known.
fn noise(arms: &[ArmFit]) -> Option<f64> {
    let of = |arm: &ArmFit| {
        let losses: Vec<f64> = misses(arm).iter().map(|(run, _)| run.loss).collect();
        let mean = losses.iter().sum::<f64>() / losses.len() as f64;
        Some((arm.seed_noise? / mean).powi(2)).filter(|share| share.is_finite())
    };
    let squares: Vec<f64> = arms.iter().filter_map(of).collect();
    (!squares.is_empty())
        .then(|| DEVIATIONS * (squares.iter().sum::<f64>() / squares.len() as f64).sqrt())
}

fn marks(
    inputs: &Inputs<'_>,
    of: fn(&Observation) -> f64,
    noise: Option<f64>,
    x: &Axis,
) -> Vec<Mark> {
    let band = |noise: f64| {
        Mark::band(
            vec![(x.low, -noise, noise), (x.high, -noise, noise)],
            Ink::GREY.faint(0.15),
        )
    };
    let mut marks: Vec<Mark> = noise.map(band).into_iter().collect();
    marks.push(Mark::line(
        vec![(x.low, 0.0), (x.high, 0.0)],
        Ink::BLACK.line(1.0),
    ));
    for arm in &inputs.fits.arms {
        let (ink, shape) = palette::arm(inputs.fits, &arm.arm);
        let marker = ink.faint(0.6).point(shape, 3.0);
        marks.extend(
            misses(arm)
                .into_iter()
                .map(|(run, error)| Mark::point((of(run), error), marker)),
        );
    }
    marks
}

fn legend(inputs: &Inputs<'_>, noise: Option<f64>) -> Vec<Entry> {
    let arms = inputs.fits.arms.iter().filter(|arm| arm.surface.is_ok());
    let mut entries = vec![Entry::heading("run of")];
    entries.extend(arms.map(|arm| {
        let (ink, shape) = palette::arm(inputs.fits, &arm.arm);
        Entry::new(
            arm.arm.clone(),
            Key::Point(ink.faint(0.6).point(shape, 3.5)),
        )
    }));
    if noise.is_some() {
        entries.push(Entry::heading("between seeds"));
        entries.push(Entry::new("±2 SD", Key::Swatch(Ink::GREY.faint(0.15))));
    }
    entries
}
