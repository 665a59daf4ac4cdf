//! Draws a [`Figure`] on any of plotters' backends: panels, grid, labels, legend.

use plotters::prelude::*;
use plotters::style::text_anchor::HPos;

use super::axis::Axis;
use super::canvas::{Canvas, Drawn, Frame, Lettering, text_width};
use super::figure::{Entry, Figure, Ink, Key, Panel};
use super::marks;

/// Left of the first column: the labels and the title of the y axis.
const LEFT: f64 = 74.0;
/// From the y axis to its title, where labels are short.
const TITLE: f64 = 56.0;
/// Left of the other columns, where they share that axis.
const BETWEEN: f64 = 30.0;
/// The title of a panel; less without one.
const TOP: (f64, f64) = (34.0, 14.0);
const BOTTOM: f64 = 56.0;
/// Half a label of the x axis stands right of the panel.
const RIGHT: f64 = 24.0;
const LEGEND_KEY: f64 = 26.0;
const LEGEND_LINE: f64 = 20.0;

/// Draws all of a figure.
pub(super) fn draw<B: DrawingBackend>(
    figure: &Figure,
    backend: B,
    lettering: Lettering,
) -> Drawn<B> {
    let canvas = Canvas::new(backend, lettering);
    canvas.root.fill(&WHITE)?;
    let (width, height) = figure.size();
    let legend = legend_width(&figure.legend);
    let (columns, rows) = figure.grid();
    let between = if figure.shares_y() {
        BETWEEN
    } else {
        left(figure)
    };
    let first = left(figure) - between;
    let top = if figure.panels.iter().all(|panel| panel.title.is_empty()) {
        TOP.1
    } else {
        TOP.0
    };
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
        draw_panel(&canvas, panel, frame, column == 0 || !figure.shares_y())?;
    }
    draw_legend(&canvas, &figure.legend, f64::from(width) - legend, top)?;
    canvas.root.present()
}

/// Room for the labels and the title of the y axis: names may be long.
fn left(figure: &Figure) -> f64 {
    let room = |panel: &Panel| match panel.y.title.as_str() {
        "" => widest_label(&panel.y) + 14.0,
        _ => title_distance(&panel.y) + LEFT - TITLE,
    };
    figure.panels.iter().map(room).fold(LEFT, f64::max)
}

/// From the y axis to the middle of its title, which stands left of all labels.
fn title_distance(axis: &Axis) -> f64 {
    (widest_label(axis) + 17.0).max(TITLE)
}

fn widest_label(axis: &Axis) -> f64 {
    axis.ticks
        .iter()
        .map(|(_, label)| text_width(label))
        .fold(0.0, f64::max)
}

fn draw_panel<B: DrawingBackend>(
    canvas: &Canvas<B>,
    panel: &Panel,
    frame: Frame,
    named: bool,
) -> Drawn<B> {
    let middle = 0.5 * (frame.left + frame.right);
    canvas.text(
        &panel.title,
        (middle, frame.top - 16.0),
        HPos::Center,
        Ink::BLACK,
    )?;
    draw_grid(canvas, panel, frame, named)?;
    for mark in &panel.marks {
        marks::draw(canvas, mark, panel, frame)?;
    }
    // Last, so that marks at the border do not cover it.
    canvas.outline(frame, Ink::GREY)
}

/// The y axis is lettered where it is `named`.
fn draw_grid<B: DrawingBackend>(
    canvas: &Canvas<B>,
    panel: &Panel,
    frame: Frame,
    named: bool,
) -> Drawn<B> {
    let step = label_step(&panel.x, frame);
    for (place, (tick, label)) in panel.x.ticks.iter().enumerate() {
        let x = frame.x(&panel.x, *tick);
        canvas.line(&[(x, frame.top), (x, frame.bottom)], Ink::PALE.line(1.0))?;
        if place % step == 0 {
            canvas.text(label, (x, frame.bottom + 14.0), HPos::Center, Ink::BLACK)?;
        }
    }
    for (tick, label) in &panel.y.ticks {
        let y = frame.y(&panel.y, *tick);
        canvas.line(&[(frame.left, y), (frame.right, y)], Ink::PALE.line(1.0))?;
        if named {
            canvas.text(label, (frame.left - 7.0, y), HPos::Right, Ink::BLACK)?;
        }
    }
    canvas.text(
        &panel.x.title,
        (0.5 * (frame.left + frame.right), frame.bottom + 38.0),
        HPos::Center,
        Ink::BLACK,
    )?;
    if named {
        canvas.upright(
            &panel.y.title,
            (
                frame.left - title_distance(&panel.y),
                0.5 * (frame.top + frame.bottom),
            ),
        )?;
    }
    Ok(())
}

/// Every tick has a grid line; every how many of them a label, so that none runs into its neighbour.
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

fn legend_width(legend: &[Entry]) -> f64 {
    let widest = legend
        .iter()
        .map(|entry| text_width(&entry.label))
        .fold(0.0, f64::max);
    if legend.is_empty() {
        0.0
    } else {
        LEGEND_KEY + 6.0 + widest + 14.0
    }
}

fn draw_legend<B: DrawingBackend>(
    canvas: &Canvas<B>,
    legend: &[Entry],
    left: f64,
    top: f64,
) -> Drawn<B> {
    let mut y = top + 0.5 * LEGEND_LINE;
    for (place, entry) in legend.iter().enumerate() {
        if entry.key == Key::Heading {
            y += if place == 0 { 0.0 } else { 0.5 * LEGEND_LINE };
            canvas.text(&entry.label, (left, y), HPos::Left, Ink::GREY)?;
        } else {
            marks::draw_key(canvas, entry.key, left, y, LEGEND_KEY)?;
            canvas.text(
                &entry.label,
                (left + LEGEND_KEY + 6.0, y),
                HPos::Left,
                Ink::BLACK,
            )?;
        }
        y += LEGEND_LINE;
    }
    Ok(())
}
