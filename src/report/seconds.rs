//! Figure of loss against device-seconds, because arms differ in FLOP/s.

use super::axis::{Axis, count};
use super::figure::{Figure, Ink, LegendEntry, MarkerShape, Panel, PanelMark, group};
use super::frontier::envelope;
use super::page_figure::PageFigure;
use super::{ReportInputs, cost, palette};
use isoflop_core::metrics::DEVICE_SECONDS;
use isoflop_table::RunRow;

pub(super) const FIGURE: PageFigure = PageFigure {
    name: "seconds",
    title: "Loss against device time",
    caption: "Time is that of training steps, without start-up, evaluation and checkpoints. Only runs that trained all of their \
         steps themselves are shown. Stepped lines are the best run so far of each arm.",
    draw,
};

fn draw(inputs: &ReportInputs<'_>) -> Option<Figure> {
    let runs: Vec<(&str, f64, f64)> = inputs.runs.iter().filter_map(timed).collect();
    let arms = palette::names(runs.iter().map(|run| run.0));
    let x = Axis::log(&DEVICE_SECONDS.title(), runs.iter().map(|run| run.1), count)?;
    let y = Axis::loss(runs.iter().map(|run| run.2))?;
    let of_arm = |arm: &str| -> Vec<(f64, f64)> {
        let own = runs.iter().filter(|run| run.0 == arm);
        own.map(|(_, seconds, loss)| (*seconds, *loss)).collect()
    };
    let points = |arm: &&str| {
        let (ink, shape) = palette::arm(inputs.fits, arm);
        let marker = ink.with_alpha(0.5).point(shape, 3.0);
        let marks = of_arm(arm).into_iter();
        marks.map(move |at| PanelMark::point(at, marker))
    };
    let stairs = |arm: &&str| {
        let ink = palette::arm(inputs.fits, arm).0;
        PanelMark::line(envelope(of_arm(arm), x.high), ink.line(1.75))
    };
    let points = arms.iter().flat_map(points);
    let marks = points.chain(arms.iter().map(stairs)).collect();
    let names = arms.iter().copied();
    let run = Ink::GREY.with_alpha(0.6).point(MarkerShape::Circle, 3.0);
    let kinds = [
        LegendEntry::new("run, final loss", run),
        LegendEntry::new("best run so far", Ink::GREY.line(1.75)),
    ];
    let legend = [
        palette::legend(inputs.fits, "arm", names, palette::line_and_point),
        group("marks", kinds),
    ];
    let panel = Panel::new("", &x, &y, marks);
    Some(Figure::new(vec![panel], legend.concat()))
}

/// (arm, device-seconds, loss) of a finished run that did not continue from a trunk.
fn timed(run: &RunRow) -> Option<(&str, f64, f64)> {
    cost::finished(run, run.device_seconds())
}

/// Hardware of the runs that are drawn.
pub(super) fn hardware<'a>(inputs: &ReportInputs<'a>) -> Vec<&'a str> {
    let timed = inputs.runs.iter().filter(|run| timed(run).is_some());
    let mut names: Vec<&str> = timed.filter_map(|run| run.hardware.as_deref()).collect();
    names.sort_unstable();
    names.dedup();
    names
}
