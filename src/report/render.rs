//! Draws a [`Figure`] on any of plotters' backends: panels, grid, labels, legend.
//!
//! Lengths are pixels of the figure; everything is drawn [`SCALE`] times as large, because plotters places to whole pixels.

use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::axis::Axis;
use super::figure::{Entry, Figure, Ink, Panel};
use super::marks;

/// Drawn pixels per pixel of the figure.
pub(super) const SCALE: u32 = 4;

/// Height of an em, pixels.
const TEXT: f64 = 13.0;

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

pub(super) type Drawn<B> = Result<(), DrawingAreaErrorKind<<B as DrawingBackend>::ErrorType>>;

/// How a backend sets text: plotters' backends disagree on what a size is and where the middle of a line is.
#[derive(Clone, Copy)]
pub(super) struct Lettering {
    /// plotters' size of a font whose em is 1.
    pub(super) size: f64,
    /// How far below its place a line must be put to be centred there, in em.
    pub(super) drop: f64,
}

/// plotters divides by 1.24, and centres on the lower-case letters.
pub(super) const SVG: Lettering = Lettering {
    size: 1.24,
    drop: 0.09,
};
/// ab_glyph counts from ascent to descent, 1.164 em in DejaVu.
pub(super) const BITMAP: Lettering = Lettering {
    size: 1.164,
    drop: 0.27,
};

/// Where to draw.
pub(super) struct Canvas<B: DrawingBackend> {
    pub(super) root: DrawingArea<B, Shift>,
    lettering: Lettering,
}

/// A rectangle, in pixels of the figure.
#[derive(Clone, Copy)]
pub(super) struct Frame {
    pub(super) left: f64,
    pub(super) top: f64,
    pub(super) right: f64,
    pub(super) bottom: f64,
}

/// Draws all of a figure.
pub(super) fn draw<B: DrawingBackend>(
    figure: &Figure,
    backend: B,
    lettering: Lettering,
) -> Drawn<B> {
    let canvas = Canvas {
        root: backend.into_drawing_area(),
        lettering,
    };
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
        if entry.key == super::figure::Key::Heading {
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

/// Width of a text, pixels.
pub(super) fn text_width(text: &str) -> f64 {
    let size = TEXT * f64::from(SCALE) * BITMAP.size;
    let measured = ("sans-serif", size)
        .into_font()
        .box_size(text)
        .map(|(width, _)| f64::from(width));
    // Only an unregistered font has no measure; a figure with loose spacing is better than none.
    measured.map_or(0.62 * TEXT * text.chars().count() as f64, |width| {
        width / f64::from(SCALE)
    })
}

/// To drawn pixels.
pub(super) fn pixels(length: f64) -> i32 {
    (length * f64::from(SCALE)).round() as i32
}

/// A colour of plotters.
pub(super) fn colour(ink: Ink) -> RGBAColor {
    let (r, g, b) = ink.rgb;
    RGBColor(r, g, b).mix(ink.alpha)
}

impl Frame {
    /// From a value to a place.
    pub(super) fn x(&self, axis: &Axis, value: f64) -> f64 {
        self.left + axis.position(value) * (self.right - self.left)
    }

    /// From a value to a place.
    pub(super) fn y(&self, axis: &Axis, value: f64) -> f64 {
        self.bottom - axis.position(value) * (self.bottom - self.top)
    }
}

impl<B: DrawingBackend> Canvas<B> {
    /// One line of text, its middle at `at.1`.
    pub(super) fn text(&self, text: &str, at: (f64, f64), h_pos: HPos, ink: Ink) -> Drawn<B> {
        let font = ("sans-serif", TEXT * f64::from(SCALE) * self.lettering.size).into_font();
        let style = font.color(&colour(ink)).pos(Pos::new(h_pos, VPos::Center));
        let at = (pixels(at.0), pixels(at.1 + self.lettering.drop * TEXT));
        self.root.draw(&Text::new(text.to_owned(), at, style))
    }

    /// A text read from below, centred.
    fn upright(&self, text: &str, at: (f64, f64)) -> Drawn<B> {
        let font = ("sans-serif", TEXT * f64::from(SCALE) * self.lettering.size).into_font();
        let style = font
            .transform(FontTransform::Rotate270)
            .color(&colour(Ink::BLACK))
            .pos(Pos::new(HPos::Center, VPos::Center));
        let at = (pixels(at.0 + self.lettering.drop * TEXT), pixels(at.1));
        self.root.draw(&Text::new(text.to_owned(), at, style))
    }

    fn outline(&self, frame: Frame, ink: Ink) -> Drawn<B> {
        let Frame {
            left,
            top,
            right,
            bottom,
        } = frame;
        for line in [[(left, top), (right, top)], [(right, top), (right, bottom)]] {
            self.line(&line, Ink::PALE.line(1.0))?;
        }
        for line in [
            [(left, top), (left, bottom)],
            [(left, bottom), (right, bottom)],
        ] {
            self.line(&line, ink.line(1.0))?;
        }
        Ok(())
    }
}
