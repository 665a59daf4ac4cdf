//! Draws the marks of a panel, and their keys in the legend.

use plotters::element::DashedPathElement;
use plotters::prelude::*;
use plotters::style::text_anchor::HPos;

use super::canvas::{Canvas, Drawn, Frame, colour, pixels, text_width};
use super::clip::inside;
use super::figure::{Ink, Key, Mark, Marker, Panel, Shape, Stroke};

/// Half the width of the bars at the ends of an interval.
const CAP: f64 = 4.0;
/// Length and half width of an arrow's head.
const HEAD: (f64, f64) = (8.0, 3.5);

/// A panel, and where it is drawn.
pub(super) struct Plot<'a, B: DrawingBackend> {
    pub(super) canvas: &'a Canvas<B>,
    pub(super) panel: &'a Panel,
    pub(super) frame: Frame,
}

impl<B: DrawingBackend> Plot<'_, B> {
    pub(super) fn draw(&self, mark: &Mark) -> Drawn<B> {
        let (x_axis, y_axis) = (&self.panel.x, &self.panel.y);
        match mark {
            Mark::Line { points, stroke } => self.line(points, *stroke),
            Mark::Point { at, marker } if x_axis.holds(at.0) && y_axis.holds(at.1) => {
                self.canvas.marker(self.place(*at), *marker)
            }
            Mark::Interval { x, ends, stroke } if x_axis.holds(*x) => {
                let (at, low) = self.held((*x, ends.0));
                let high = self.held((*x, ends.1)).1;
                self.canvas.interval(at, (low, high), *stroke)
            }
            // Outside the panel.
            Mark::Point { .. } | Mark::Interval { .. } => Ok(()),
            Mark::Band { points, ink } => self.band(points, *ink),
            Mark::Shade { from, to } => self.shade(*from, *to),
            Mark::Gap {
                from,
                to,
                y,
                text,
                ink,
            } => {
                let ends = [from.min(*to), from.max(*to)].map(|x| self.place((x, *y)));
                self.gap(ends, text, *ink)
            }
            Mark::Above {
                at,
                text,
                left,
                ink,
            } => {
                let at = self.place((at.0, y_axis.held(at.1)));
                self.above(at, text, *left, *ink)
            }
        }
    }

    fn place(&self, (x, y): (f64, f64)) -> (f64, f64) {
        let Panel {
            x: x_axis,
            y: y_axis,
            ..
        } = self.panel;
        (self.frame.x(x_axis, x), self.frame.y(y_axis, y))
    }

    /// The nearest place within the panel.
    fn held(&self, (x, y): (f64, f64)) -> (f64, f64) {
        self.place((self.panel.x.held(x), self.panel.y.held(y)))
    }

    fn line(&self, points: &[(f64, f64)], stroke: Stroke) -> Drawn<B> {
        let finite = points
            .iter()
            .filter(|(x, y)| x.is_finite() && y.is_finite());
        let points: Vec<(f64, f64)> = finite.map(|point| self.place(*point)).collect();
        inside(&points, self.frame)
            .iter()
            .try_for_each(|piece| self.canvas.line(piece, stroke))
    }

    fn band(&self, points: &[(f64, f64, f64)], ink: Ink) -> Drawn<B> {
        let lower = points.iter().map(|(x, low, _)| self.held((*x, *low)));
        let upper = points.iter().rev();
        let upper = upper.map(|(x, _, high)| self.held((*x, *high)));
        self.canvas
            .area(&lower.chain(upper).collect::<Vec<_>>(), ink)
    }

    fn shade(&self, from: f64, to: f64) -> Drawn<B> {
        let x_axis = &self.panel.x;
        let [one, other] = [from, to].map(|x| self.frame.x(x_axis, x_axis.held(x)));
        let Frame { top, bottom, .. } = self.frame;
        let all = [(one.min(other), top), (one.max(other), bottom)];
        self.canvas.rectangle(all, Ink::PALE)
    }

    fn gap(&self, [left, right]: [(f64, f64); 2], text: &str, ink: Ink) -> Drawn<B> {
        self.canvas.gap(left, right, ink)?;
        if text.is_empty() {
            return Ok(());
        }
        // Below and left of the better frontier no run can be: there the text covers nothing.
        let end = (left.0 - 4.0).max(self.frame.left + text_width(text) + 6.0);
        self.canvas.halo_text(text, (end, left.1 + 13.0), ink)
    }

    fn above(&self, (x, y): (f64, f64), text: &str, left: bool, ink: Ink) -> Drawn<B> {
        let (frame, half) = (self.frame, 0.5 * text_width(text));
        let side = if left { -half - 8.0 } else { half + 8.0 };
        let middle = (x + side).clamp(frame.left + half + 4.0, frame.right - half - 4.0);
        let at = (middle, (y - 10.0).max(frame.top + 12.0));
        self.canvas.text(text, at, HPos::Center, ink)
    }
}

impl<B: DrawingBackend> Canvas<B> {
    /// What stands beside a label in the legend, from `left` on.
    pub(super) fn key(&self, key: Key, left: f64, y: f64, width: f64) -> Drawn<B> {
        let (middle, right) = ((left + 0.5 * width, y), left + width);
        let line = |stroke: Stroke| self.line(&[(left, y), (right, y)], stroke);
        match key {
            Key::Heading => Ok(()),
            Key::Gap(ink) => self.gap((left, y), (right, y), ink),
            Key::Line(stroke) => line(stroke),
            Key::Point(marker) => self.marker(middle, marker),
            Key::LinePoint(stroke, marker) => {
                line(stroke).and_then(|()| self.marker(middle, marker))
            }
            Key::IntervalPoint(stroke, marker) => {
                self.interval(middle.0, (y - 8.0, y + 8.0), stroke)?;
                self.marker(middle, marker)
            }
            Key::Swatch(ink) => self.rectangle([(left, y - 6.0), (right, y + 6.0)], ink),
        }
    }

    /// A line through places.
    pub(super) fn line(&self, points: &[(f64, f64)], stroke: Stroke) -> Drawn<B> {
        let style = colour(stroke.ink).stroke_width(pixels(stroke.width) as u32);
        let points = in_pixels(points);
        if stroke.dashed {
            let (dash, space) = (pixels(6.0), pixels(4.0));
            let line = DashedPathElement::new(points, dash, space, style);
            self.root.draw(&line)
        } else {
            self.root.draw(&PathElement::new(points, style))
        }
    }

    fn area(&self, corners: &[(f64, f64)], ink: Ink) -> Drawn<B> {
        let area = Polygon::new(in_pixels(corners), colour(ink).filled());
        self.root.draw(&area)
    }

    fn rectangle(&self, corners: [(f64, f64); 2], ink: Ink) -> Drawn<B> {
        let corners = corners.map(|(x, y)| (pixels(x), pixels(y)));
        let rectangle = Rectangle::new(corners, colour(ink).filled());
        self.root.draw(&rectangle)
    }

    fn marker(&self, at: (f64, f64), marker: Marker) -> Drawn<B> {
        self.shape(at, marker.shape, marker.radius, marker.ink)?;
        if marker.filled {
            return Ok(());
        }
        // Hollow: a smaller white one in it.
        self.shape(at, marker.shape, 0.6 * marker.radius, Ink::WHITE)
    }

    fn shape(&self, (x, y): (f64, f64), shape: Shape, radius: f64, ink: Ink) -> Drawn<B> {
        let strokes = strokes(shape);
        if !strokes.is_empty() {
            let end =
                |sign: f64, (dx, dy): (f64, f64)| (x + sign * radius * dx, y + sign * radius * dy);
            return strokes
                .iter()
                .try_for_each(|to| self.line(&[end(-1.0, *to), end(1.0, *to)], ink.line(1.75)));
        }
        let Some((corners, turn)) = polygon(shape) else {
            let circle = Circle::new((pixels(x), pixels(y)), pixels(radius), colour(ink).filled());
            return self.root.draw(&circle);
        };
        // A polygon in a circle looks smaller than the circle.
        let radius = radius * 1.2;
        let corner = |i: u32| {
            let angle = (f64::from(i) / f64::from(corners) + turn) * std::f64::consts::TAU;
            (x + radius * angle.sin(), y - radius * angle.cos())
        };
        self.area(&(0..corners).map(corner).collect::<Vec<_>>(), ink)
    }

    fn interval(&self, x: f64, (low, high): (f64, f64), stroke: Stroke) -> Drawn<B> {
        for ends in [
            [(x, low), (x, high)],
            [(x - CAP, low), (x + CAP, low)],
            [(x - CAP, high), (x + CAP, high)],
        ] {
            self.line(&ends, stroke)?;
        }
        Ok(())
    }

    fn gap(&self, left: (f64, f64), right: (f64, f64), ink: Ink) -> Drawn<B> {
        // Between heads that touch there is no room for a shaft; then the bare line says it.
        let heads = right.0 - left.0 > 2.0 * HEAD.0;
        let inset = if heads { 0.5 * HEAD.0 } else { 0.0 };
        let shaft = [(left.0 + inset, left.1), (right.0 - inset, right.1)];
        self.line(&shaft, ink.line(2.0))?;
        if !heads {
            return Ok(());
        }
        for ((x, y), back) in [(left, HEAD.0), (right, -HEAD.0)] {
            let ends = [-HEAD.1, HEAD.1].map(|side| (x + back, y + side));
            self.area(&[(x, y), ends[0], ends[1]], ink)?;
        }
        Ok(())
    }

    /// A text left of a place, on a white ground, so that lines behind it do not cross the letters.
    fn halo_text(&self, text: &str, at: (f64, f64), ink: Ink) -> Drawn<B> {
        let width = text_width(text) + 6.0;
        let left = at.0 + 3.0 - width;
        let ground = [(left, at.1 - 9.0), (left + width, at.1 + 9.0)];
        self.rectangle(ground, Ink::WHITE.faint(0.85))?;
        self.text(text, at, HPos::Right, ink)
    }
}

fn in_pixels(points: &[(f64, f64)]) -> Vec<(i32, i32)> {
    points
        .iter()
        .map(|(x, y)| (pixels(*x), pixels(*y)))
        .collect()
}

/// Half of each stroke of a shape that is made of them, by its radius.
fn strokes(shape: Shape) -> &'static [(f64, f64)] {
    const DIAGONAL: f64 = std::f64::consts::FRAC_1_SQRT_2;
    match shape {
        Shape::Plus => &[(1.0, 0.0), (0.0, 1.0)],
        Shape::Cross => &[(DIAGONAL, DIAGONAL), (DIAGONAL, -DIAGONAL)],
        Shape::Dash => &[(1.0, 0.0)],
        Shape::Bar => &[(0.0, 1.0)],
        _ => &[],
    }
}

/// Corners, and the turn of the first of them from the top; none for a circle, or for strokes.
fn polygon(shape: Shape) -> Option<(u32, f64)> {
    match shape {
        Shape::Circle | Shape::Plus | Shape::Cross | Shape::Dash | Shape::Bar => None,
        Shape::Triangle => Some((3, 0.0)),
        Shape::TriangleDown => Some((3, 0.5)),
        Shape::Square => Some((4, 0.125)),
        Shape::Diamond => Some((4, 0.0)),
        Shape::Pentagon => Some((5, 0.0)),
    }
}
