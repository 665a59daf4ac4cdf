//! Draws one mark of a panel, or its key in the legend.

use plotters::prelude::*;
use plotters::style::text_anchor::HPos;

use super::canvas::{Canvas, Drawn, Frame, colour, pixels, text_width};
use super::clip::inside;
use super::figure::{Ink, Key, Mark, Marker, Panel, Shape, Stroke};

/// Half the width of the bars at the ends of an interval.
const CAP: f64 = 4.0;
/// Length and half width of an arrow's head.
const HEAD: (f64, f64) = (8.0, 3.5);

pub(super) fn draw<B: DrawingBackend>(
    canvas: &Canvas<B>,
    mark: &Mark,
    panel: &Panel,
    frame: Frame,
) -> Drawn<B> {
    let (x_axis, y_axis) = (&panel.x, &panel.y);
    let place = |(x, y): (f64, f64)| (frame.x(x_axis, x), frame.y(y_axis, y));
    let held = |(x, y): (f64, f64)| place((x_axis.held(x), y_axis.held(y)));
    match mark {
        Mark::Line { points, stroke } => {
            let finite = points
                .iter()
                .filter(|(x, y)| x.is_finite() && y.is_finite());
            let points: Vec<(f64, f64)> = finite.map(|point| place(*point)).collect();
            inside(&points, frame)
                .iter()
                .try_for_each(|piece| canvas.line(piece, *stroke))
        }
        Mark::Point { at, marker } if x_axis.holds(at.0) && y_axis.holds(at.1) => {
            canvas.marker(place(*at), *marker)
        }
        Mark::Interval {
            x,
            low,
            high,
            stroke,
        } if x_axis.holds(*x) => {
            let (at, low) = held((*x, *low));
            canvas.interval(at, (low, held((*x, *high)).1), *stroke)
        }
        Mark::Band { points, ink } => {
            let lower = points.iter().map(|(x, low, _)| held((*x, *low)));
            let upper = points.iter().rev().map(|(x, _, high)| held((*x, *high)));
            canvas.area(&lower.chain(upper).collect::<Vec<_>>(), *ink)
        }
        Mark::Shade { from, to } => {
            let [one, other] = [from, to].map(|x| frame.x(x_axis, x_axis.held(*x)));
            let (left, right) = (one.min(other), one.max(other));
            canvas.rectangle(
                Frame {
                    left,
                    right,
                    ..frame
                },
                Ink::PALE,
            )
        }
        Mark::Gap {
            from,
            to,
            y,
            text,
            ink,
        } => {
            let ends = (place((from.min(*to), *y)), place((from.max(*to), *y)));
            gap(canvas, ends, text, *ink, frame)
        }
        Mark::Above {
            at,
            text,
            left,
            ink,
        } => {
            let at = place((at.0, y_axis.held(at.1)));
            above(canvas, at, text, *left, *ink, frame)
        }
        // Outside the panel.
        Mark::Point { .. } | Mark::Interval { .. } => Ok(()),
    }
}

fn gap<B: DrawingBackend>(
    canvas: &Canvas<B>,
    (left, right): ((f64, f64), (f64, f64)),
    text: &str,
    ink: Ink,
    frame: Frame,
) -> Drawn<B> {
    canvas.gap(left, right, ink)?;
    if text.is_empty() {
        return Ok(());
    }
    // Below and left of the better frontier no run can be: there the text covers nothing.
    let end = (left.0 - 4.0).max(frame.left + text_width(text) + 6.0);
    canvas.halo_text(text, (end, left.1 + 13.0), HPos::Right, ink)
}

fn above<B: DrawingBackend>(
    canvas: &Canvas<B>,
    (x, y): (f64, f64),
    text: &str,
    left: bool,
    ink: Ink,
    frame: Frame,
) -> Drawn<B> {
    let half = 0.5 * text_width(text);
    let side = if left { -half - 8.0 } else { half + 8.0 };
    let middle = (x + side).clamp(frame.left + half + 4.0, frame.right - half - 4.0);
    let at = (middle, (y - 10.0).max(frame.top + 12.0));
    canvas.text(text, at, HPos::Center, ink)
}

pub(super) fn draw_key<B: DrawingBackend>(
    canvas: &Canvas<B>,
    key: Key,
    left: f64,
    y: f64,
    width: f64,
) -> Drawn<B> {
    let middle = (left + 0.5 * width, y);
    let line = |stroke: Stroke| canvas.line(&[(left, y), (left + width, y)], stroke);
    match key {
        Key::Heading => Ok(()),
        Key::Gap(ink) => canvas.gap((left, y), (left + width, y), ink),
        Key::Line(stroke) => line(stroke),
        Key::Point(marker) => canvas.marker(middle, marker),
        Key::LinePoint(stroke, marker) => line(stroke).and_then(|()| canvas.marker(middle, marker)),
        Key::IntervalPoint(stroke, marker) => {
            canvas.interval(middle.0, (y - 8.0, y + 8.0), stroke)?;
            canvas.marker(middle, marker)
        }
        Key::Swatch(ink) => canvas.rectangle(
            Frame {
                left,
                top: y - 6.0,
                right: left + width,
                bottom: y + 6.0,
            },
            ink,
        ),
    }
}

impl<B: DrawingBackend> Canvas<B> {
    /// A line through places.
    pub(super) fn line(&self, points: &[(f64, f64)], stroke: Stroke) -> Drawn<B> {
        let style = colour(stroke.ink).stroke_width(pixels(stroke.width) as u32);
        let points: Vec<(i32, i32)> = points
            .iter()
            .map(|(x, y)| (pixels(*x), pixels(*y)))
            .collect();
        if stroke.dashed {
            self.root.draw(&plotters::element::DashedPathElement::new(
                points,
                pixels(6.0),
                pixels(4.0),
                style,
            ))
        } else {
            self.root.draw(&PathElement::new(points, style))
        }
    }

    fn area(&self, corners: &[(f64, f64)], ink: Ink) -> Drawn<B> {
        let corners: Vec<(i32, i32)> = corners
            .iter()
            .map(|(x, y)| (pixels(*x), pixels(*y)))
            .collect();
        self.root.draw(&Polygon::new(corners, colour(ink).filled()))
    }

    fn rectangle(&self, frame: Frame, ink: Ink) -> Drawn<B> {
        let corners = [
            (pixels(frame.left), pixels(frame.top)),
            (pixels(frame.right), pixels(frame.bottom)),
        ];
        self.root
            .draw(&Rectangle::new(corners, colour(ink).filled()))
    }

    fn marker(&self, at: (f64, f64), marker: Marker) -> Drawn<B> {
        let white = Ink {
            rgb: (255, 255, 255),
            alpha: 1.0,
        };
        if marker.filled {
            return self.shape(at, marker.shape, marker.radius, marker.ink);
        }
        // Hollow: the shape, and a smaller white one in it.
        self.shape(at, marker.shape, marker.radius, marker.ink)?;
        self.shape(at, marker.shape, 0.6 * marker.radius, white)
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
        self.line(
            &[(left.0 + inset, left.1), (right.0 - inset, right.1)],
            ink.line(2.0),
        )?;
        for (tip, back) in [(left, HEAD.0), (right, -HEAD.0)]
            .into_iter()
            .filter(|_| heads)
        {
            self.area(
                &[
                    tip,
                    (tip.0 + back, tip.1 - HEAD.1),
                    (tip.0 + back, tip.1 + HEAD.1),
                ],
                ink,
            )?;
        }
        Ok(())
    }

    /// A text on a white ground, so that lines behind it do not cross the letters.
    fn halo_text(&self, text: &str, at: (f64, f64), h_pos: HPos, ink: Ink) -> Drawn<B> {
        let width = text_width(text) + 6.0;
        let left = match h_pos {
            HPos::Left => at.0 - 3.0,
            HPos::Right => at.0 + 3.0 - width,
            HPos::Center => at.0 - 0.5 * width,
        };
        let ground = Frame {
            left,
            top: at.1 - 9.0,
            right: left + width,
            bottom: at.1 + 9.0,
        };
        self.rectangle(
            ground,
            Ink {
                rgb: (255, 255, 255),
                alpha: 0.85,
            },
        )?;
        self.text(text, at, h_pos, ink)
    }
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
