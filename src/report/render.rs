//! Drawing of a [`Figure`] on any of plotters' backends: panels, grid, labels, legend.

use plotters::prelude::*;
use plotters::style::text_anchor::HPos;

use super::axis::Axis;
use super::canvas::{Canvas, DrawingResult, Frame, TextMetrics, text_width};
use super::figure::{Figure, Ink, LegendEntry, LegendKey, Panel};
use super::marks::Plot;

/// Width to the left of the first column, for the labels and the title of the y axis.
const LEFT: f64 = 74.0;
/// Distance from the y axis to its title, if the labels are short.
const TITLE: f64 = 56.0;
/// Width to the left of the other columns, if they share that axis.
const BETWEEN: f64 = 30.0;
/// Height above a panel, with a title and without one.
const TOP: (f64, f64) = (34.0, 14.0);
const BOTTOM: f64 = 56.0;
/// Width to the right of a panel, for half a label of the x axis.
const RIGHT: f64 = 24.0;
const LEGEND_KEY: f64 = 26.0;
const LEGEND_LINE: f64 = 20.0;

/// Draws all of a figure.
pub(super) fn draw<B: DrawingBackend>(
    figure: &Figure,
    backend: B,
    lettering: TextMetrics,
) -> DrawingResult<B> {
    let canvas = Canvas::new(backend, lettering);
    canvas.root.fill(&WHITE)?;
    let is_titled = figure.panels.iter().any(|panel| !panel.title.is_empty());
    let top = if is_titled { TOP.0 } else { TOP.1 };
    let legend = legend_width(&figure.legend);
    draw_panels(&canvas, figure, legend, top)?;
    let left = f64::from(figure.size().0) - legend;
    draw_legend(&canvas, &figure.legend, left, top)?;
    canvas.root.present()
}

/// Draws the panels row by row, left of the legend.
fn draw_panels<B: DrawingBackend>(
    canvas: &Canvas<B>,
    figure: &Figure,
    legend: f64,
    top: f64,
) -> DrawingResult<B> {
    let ((width, height), (columns, rows)) = (figure.size(), figure.grid());
    let is_shared = figure.shares_y();
    let between = if is_shared { BETWEEN } else { left(figure) };
    let first = left(figure) - between;
    let each = (f64::from(width) - first - legend - RIGHT) / columns as f64;
    let high = f64::from(height) / rows as f64;
    for (place, panel) in figure.panels.iter().enumerate() {
        let (column, row) = (place % columns, place / columns);
        let left = first + column as f64 * each + between;
        let frame = Frame {
            left,
            top: row as f64 * high + top,
            right: left + each - between,
            bottom: (row + 1) as f64 * high - BOTTOM,
        };
        let plot = Plot {
            canvas,
            panel,
            frame,
        };
        plot.draw_panel(column == 0 || !is_shared)?;
    }
    Ok(())
}

/// Width for the labels and the title of the y axis. Names may be long.
fn left(figure: &Figure) -> f64 {
    let room = |panel: &Panel| match panel.y.title.as_str() {
        "" => widest_label(&panel.y) + 14.0,
        _ => title_distance(&panel.y) + LEFT - TITLE,
    };
    figure.panels.iter().map(room).fold(LEFT, f64::max)
}

/// Distance from the y axis to the middle of its title, which is to the left of all labels.
fn title_distance(axis: &Axis) -> f64 {
    (widest_label(axis) + 17.0).max(TITLE)
}

fn widest_label(axis: &Axis) -> f64 {
    axis.ticks
        .iter()
        .map(|(_, label)| text_width(label))
        .fold(0.0, f64::max)
}

impl<B: DrawingBackend> Plot<'_, B> {
    /// Draws all of the panel. The y axis has labels if it is `named`.
    fn draw_panel(&self, named: bool) -> DrawingResult<B> {
        let (panel, frame) = (self.panel, self.frame);
        let at = (frame.middle(), frame.top - 16.0);
        self.canvas
            .text(&panel.title, at, HPos::Center, Ink::BLACK)?;
        self.draw_columns()?;
        self.draw_rows(named)?;
        let at = (frame.middle(), frame.bottom + 38.0);
        self.canvas
            .text(&panel.x.title, at, HPos::Center, Ink::BLACK)?;
        if named {
            let left = frame.left - title_distance(&panel.y);
            let at = (left, 0.5 * (frame.top + frame.bottom));
            self.canvas.upright(&panel.y.title, at)?;
        }
        panel.marks.iter().try_for_each(|mark| self.draw(mark))?;
        // Last, so that marks at the border do not cover it.
        self.canvas.outline(frame, Ink::GREY)
    }

    /// Draws the grid lines of the x axis, and their labels.
    fn draw_columns(&self) -> DrawingResult<B> {
        let (axis, frame) = (&self.panel.x, self.frame);
        let step = label_step(axis, frame);
        for (place, (tick, label)) in axis.ticks.iter().enumerate() {
            let x = frame.x(axis, *tick);
            let line = [(x, frame.top), (x, frame.bottom)];
            self.canvas.line(&line, Ink::PALE.line(1.0))?;
            if place % step == 0 {
                let at = (x, frame.bottom + 14.0);
                self.canvas.text(label, at, HPos::Center, Ink::BLACK)?;
            }
        }
        Ok(())
    }

    /// Draws the grid lines of the y axis, and their labels if it is `named`.
    fn draw_rows(&self, named: bool) -> DrawingResult<B> {
        let (axis, frame) = (&self.panel.y, self.frame);
        for (tick, label) in &axis.ticks {
            let y = frame.y(axis, *tick);
            let line = [(frame.left, y), (frame.right, y)];
            self.canvas.line(&line, Ink::PALE.line(1.0))?;
            if named {
                let at = (frame.left - 7.0, y);
                self.canvas.text(label, at, HPos::Right, Ink::BLACK)?;
            }
        }
        Ok(())
    }
}

/// Number of ticks for each label, such that labels do not overlap. Every tick has a grid line.
fn label_step(axis: &Axis, frame: Frame) -> usize {
    let ends = |(tick, label): &(f64, String)| {
        let (x, half) = (frame.x(axis, *tick), 0.5 * text_width(label) + 3.0);
        (x - half, x + half)
    };
    let ends: Vec<(f64, f64)> = axis.ticks.iter().map(ends).collect();
    let clear = |step: usize| {
        ends.iter()
            .step_by(step)
            .zip(ends.iter().skip(step).step_by(step))
            .all(|(a, b)| a.1 <= b.0)
    };
    (1..ends.len())
        .find(|step| clear(*step))
        .unwrap_or(ends.len().max(1))
}

fn legend_width(legend: &[LegendEntry]) -> f64 {
    let widths = legend.iter().map(|entry| text_width(&entry.label));
    let widest = widths.reduce(f64::max);
    widest.map_or(0.0, |widest| LEGEND_KEY + 6.0 + widest + 14.0)
}

fn draw_legend<B: DrawingBackend>(
    canvas: &Canvas<B>,
    legend: &[LegendEntry],
    left: f64,
    top: f64,
) -> DrawingResult<B> {
    let mut y = top + 0.5 * LEGEND_LINE;
    for (place, LegendEntry { label, key }) in legend.iter().enumerate() {
        if *key == LegendKey::Heading {
            y += if place == 0 { 0.0 } else { 0.5 * LEGEND_LINE };
            canvas.text(label, (left, y), HPos::Left, Ink::GREY)?;
        } else {
            canvas.key(*key, left, y, LEGEND_KEY)?;
            let at = (left + LEGEND_KEY + 6.0, y);
            canvas.text(label, at, HPos::Left, Ink::BLACK)?;
        }
        y += LEGEND_LINE;
    }
    Ok(())
}
