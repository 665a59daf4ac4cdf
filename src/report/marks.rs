//! Drawing of the marks of a panel, and of their keys in the legend.

use plotters::element::DashedPathElement;
use plotters::prelude::*;
use plotters::style::text_anchor::HPos;

use super::canvas::{Canvas, DrawingResult, Frame, colour, pixels, text_width};
use super::clip::inside;
use super::figure::{Ink, LegendKey, Marker, MarkerShape, Panel, PanelMark, Stroke};

/// Half the width of the bars at the ends of an interval.
const CAP: f64 = 4.0;
/// Length and half width of an arrow's head.
const HEAD: (f64, f64) = (8.0, 3.5);

/// A panel and its frame on a canvas.
pub(super) struct Plot<'a, B: DrawingBackend> {
    pub(super) canvas: &'a Canvas<B>,
    pub(super) panel: &'a Panel,
    pub(super) frame: Frame,
}

impl<B: DrawingBackend> Plot<'_, B> {
    pub(super) fn draw(&self, mark: &PanelMark) -> DrawingResult<B> {
        let (x_axis, y_axis) = (&self.panel.x, &self.panel.y);
        match mark {
            PanelMark::Line { points, stroke } => self.line(points, *stroke),
            PanelMark::Point { at, marker } if x_axis.contains(at.0) && y_axis.contains(at.1) => {
                self.canvas.marker(self.position(*at), *marker)
            }
            PanelMark::Interval { x, ends, stroke } if x_axis.contains(*x) => {
                let (at, low) = self.clamped_position((*x, ends.0));
                let high = self.clamped_position((*x, ends.1)).1;
                self.canvas.interval(at, (low, high), *stroke)
            }
            // Outside the panel.
            PanelMark::Point { .. } | PanelMark::Interval { .. } => Ok(()),
            PanelMark::Band { points, ink } => self.band(points, *ink),
            PanelMark::Shade { from, to } => self.shade(*from, *to),
            PanelMark::Gap {
                from,
                to,
                y,
                text,
                ink,
            } => {
                let ends = [from.min(*to), from.max(*to)].map(|x| self.position((x, *y)));
                self.gap(ends, text, *ink)
            }
            PanelMark::TextAbove {
                at,
                text,
                left,
                ink,
            } => {
                let at = self.position((at.0, y_axis.clamped(at.1)));
                self.text_above(at, text, *left, *ink)
            }
        }
    }

    fn position(&self, (x, y): (f64, f64)) -> (f64, f64) {
        let Panel {
            x: x_axis,
            y: y_axis,
            ..
        } = self.panel;
        (self.frame.x(x_axis, x), self.frame.y(y_axis, y))
    }

    /// Position of the nearest point within the panel.
    fn clamped_position(&self, (x, y): (f64, f64)) -> (f64, f64) {
        self.position((self.panel.x.clamped(x), self.panel.y.clamped(y)))
    }

    fn line(&self, points: &[(f64, f64)], stroke: Stroke) -> DrawingResult<B> {
        let finite = points
            .iter()
            .filter(|(x, y)| x.is_finite() && y.is_finite());
        let points: Vec<(f64, f64)> = finite.map(|point| self.position(*point)).collect();
        inside(&points, self.frame)
            .iter()
            .try_for_each(|piece| self.canvas.line(piece, stroke))
    }

    fn band(&self, points: &[(f64, f64, f64)], ink: Ink) -> DrawingResult<B> {
        let lower = points
            .iter()
            .map(|(x, low, _)| self.clamped_position((*x, *low)));
        let upper = points.iter().rev();
        let upper = upper.map(|(x, _, high)| self.clamped_position((*x, *high)));
        self.canvas
            .area(&lower.chain(upper).collect::<Vec<_>>(), ink)
    }

    fn shade(&self, from: f64, to: f64) -> DrawingResult<B> {
        let x_axis = &self.panel.x;
        let [one, other] = [from, to].map(|x| self.frame.x(x_axis, x_axis.clamped(x)));
        let Frame { top, bottom, .. } = self.frame;
        let all = [(one.min(other), top), (one.max(other), bottom)];
        self.canvas.rectangle(all, Ink::PALE)
    }

    fn gap(&self, [left, right]: [(f64, f64); 2], text: &str, ink: Ink) -> DrawingResult<B> {
        self.canvas.gap(left, right, ink)?;
        if text.is_empty() {
            return Ok(());
        }
        // The text is below and to the left of the better frontier, where it covers no run.
        let end = (left.0 - 4.0).max(self.frame.left + text_width(text) + 6.0);
        self.canvas.halo_text(text, (end, left.1 + 13.0), ink)
    }

    fn text_above(&self, (x, y): (f64, f64), text: &str, left: bool, ink: Ink) -> DrawingResult<B> {
        let (frame, half) = (self.frame, 0.5 * text_width(text));
        let side = if left { -half - 8.0 } else { half + 8.0 };
        let middle = (x + side).clamp(frame.left + half + 4.0, frame.right - half - 4.0);
        let at = (middle, (y - 10.0).max(frame.top + 12.0));
        self.canvas.text(text, at, HPos::Center, ink)
    }
}

impl<B: DrawingBackend> Canvas<B> {
    /// Draws the symbol next to a label in the legend, starting at `left`.
    pub(super) fn key(&self, key: LegendKey, left: f64, y: f64, width: f64) -> DrawingResult<B> {
        let (middle, right) = ((left + 0.5 * width, y), left + width);
        let line = |stroke: Stroke| self.line(&[(left, y), (right, y)], stroke);
        match key {
            LegendKey::Heading => Ok(()),
            LegendKey::Gap(ink) => self.gap((left, y), (right, y), ink),
            LegendKey::Line(stroke) => line(stroke),
            LegendKey::Point(marker) => self.marker(middle, marker),
            LegendKey::LinePoint(stroke, marker) => {
                line(stroke).and_then(|()| self.marker(middle, marker))
            }
            LegendKey::IntervalPoint(stroke, marker) => {
                self.interval(middle.0, (y - 8.0, y + 8.0), stroke)?;
                self.marker(middle, marker)
            }
            LegendKey::Swatch(ink) => self.rectangle([(left, y - 6.0), (right, y + 6.0)], ink),
        }
    }

    /// Draws a line through points.
    pub(super) fn line(&self, points: &[(f64, f64)], stroke: Stroke) -> DrawingResult<B> {
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

    fn area(&self, corners: &[(f64, f64)], ink: Ink) -> DrawingResult<B> {
        let area = Polygon::new(in_pixels(corners), colour(ink).filled());
        self.root.draw(&area)
    }

    fn rectangle(&self, corners: [(f64, f64); 2], ink: Ink) -> DrawingResult<B> {
        let corners = corners.map(|(x, y)| (pixels(x), pixels(y)));
        let rectangle = Rectangle::new(corners, colour(ink).filled());
        self.root.draw(&rectangle)
    }

    fn marker(&self, at: (f64, f64), marker: Marker) -> DrawingResult<B> {
        self.shape(at, marker.shape, marker.radius, marker.ink)?;
        if marker.filled {
            return Ok(());
        }
        // A hollow marker has a smaller white one on top.
        self.shape(at, marker.shape, 0.6 * marker.radius, Ink::WHITE)
    }

    fn shape(
        &self,
        (x, y): (f64, f64),
        shape: MarkerShape,
        radius: f64,
        ink: Ink,
    ) -> DrawingResult<B> {
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

    fn interval(&self, x: f64, (low, high): (f64, f64), stroke: Stroke) -> DrawingResult<B> {
        for ends in [
            [(x, low), (x, high)],
            [(x - CAP, low), (x + CAP, low)],
            [(x - CAP, high), (x + CAP, high)],
        ] {
            self.line(&ends, stroke)?;
        }
        Ok(())
    }

    fn gap(&self, left: (f64, f64), right: (f64, f64), ink: Ink) -> DrawingResult<B> {
        // If the heads would touch, draw only a line.
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

    /// Draws text to the left of a point, on a white ground, so that no lines cross the letters.
    fn halo_text(&self, text: &str, at: (f64, f64), ink: Ink) -> DrawingResult<B> {
        let width = text_width(text) + 6.0;
        let left = at.0 + 3.0 - width;
        let ground = [(left, at.1 - 9.0), (left + width, at.1 + 9.0)];
        self.rectangle(ground, Ink::WHITE.with_alpha(0.85))?;
        self.text(text, at, HPos::Right, ink)
    }
}

fn in_pixels(points: &[(f64, f64)]) -> Vec<(i32, i32)> {
    points
        .iter()
        .map(|(x, y)| (pixels(*x), pixels(*y)))
        .collect()
}

/// Half of each stroke of a shape that consists of strokes, in units of its radius.
fn strokes(shape: MarkerShape) -> &'static [(f64, f64)] {
    const DIAGONAL: f64 = std::f64::consts::FRAC_1_SQRT_2;
    match shape {
        MarkerShape::Plus => &[(1.0, 0.0), (0.0, 1.0)],
        MarkerShape::Cross => &[(DIAGONAL, DIAGONAL), (DIAGONAL, -DIAGONAL)],
        MarkerShape::Dash => &[(1.0, 0.0)],
        MarkerShape::Bar => &[(0.0, 1.0)],
        _ => &[],
    }
}

/// Number of corners, and the turn of the first corner from the top; `None` for a circle or
/// strokes.
fn polygon(shape: MarkerShape) -> Option<(u32, f64)> {
    match shape {
        MarkerShape::Circle
        | MarkerShape::Plus
        | MarkerShape::Cross
        | MarkerShape::Dash
        | MarkerShape::Bar => None,
        MarkerShape::Triangle => Some((3, 0.0)),
        MarkerShape::TriangleDown => Some((3, 0.5)),
        MarkerShape::Square => Some((4, 0.125)),
        MarkerShape::Diamond => Some((4, 0.0)),
        MarkerShape::Pentagon => Some((5, 0.0)),
    }
}
