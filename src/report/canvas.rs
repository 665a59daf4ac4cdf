//! Canvas for marks and panels: text, lines and rectangles on one of plotters' backends.
//!
//! Lengths are in pixels of the figure. Everything is drawn [`SCALE`] times as large, because
//! plotters rounds positions to whole pixels.

use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::axis::Axis;
use super::figure::Ink;

/// Drawn pixels per pixel of the figure.
pub(super) const SCALE: u32 = 4;

/// Height of an em, pixels.
const TEXT: f64 = 13.0;

pub(super) type DrawingResult<B> =
    Result<(), DrawingAreaErrorKind<<B as DrawingBackend>::ErrorType>>;

/// Text metrics of a backend. The backends of plotters disagree on the meaning of a size and on the
/// middle of a line.
#[derive(Clone, Copy)]
pub(super) struct TextMetrics {
    /// Size in plotters of a font whose em is 1.
    pub(super) size: f64,
    /// Distance by which a line must be lowered to be centred at its position, in em.
    pub(super) drop: f64,
}

/// Metrics for SVG: plotters divides by 1.24, and centres on the lower-case letters.
pub(super) const SVG: TextMetrics = TextMetrics {
    size: 1.24,
    drop: 0.09,
};
/// Metrics for bitmaps: ab_glyph counts from ascent to descent, 1.164 em in DejaVu.
pub(super) const BITMAP: TextMetrics = TextMetrics {
    size: 1.164,
    drop: 0.27,
};

/// A drawing area and its text metrics.
pub(super) struct Canvas<B: DrawingBackend> {
    pub(super) root: DrawingArea<B, Shift>,
    lettering: TextMetrics,
}

/// A rectangle, in pixels of the figure.
#[derive(Clone, Copy)]
pub(super) struct Frame {
    pub(super) left: f64,
    pub(super) top: f64,
    pub(super) right: f64,
    pub(super) bottom: f64,
}

/// Width of a text in pixels of the figure.
pub(super) fn text_width(text: &str) -> f64 {
    let size = TEXT * f64::from(SCALE) * BITMAP.size;
    let measured = ("sans-serif", size)
        .into_font()
        .box_size(text)
        .map(|(width, _)| f64::from(width));
    // An unregistered font cannot be measured. Loose spacing is better than no figure.
    measured.map_or(0.62 * TEXT * text.chars().count() as f64, |width| {
        width / f64::from(SCALE)
    })
}

/// Converts a length to drawn pixels.
pub(super) fn pixels(length: f64) -> i32 {
    (length * f64::from(SCALE)).round() as i32
}

/// A colour of plotters.
pub(super) fn colour(ink: Ink) -> RGBAColor {
    let (r, g, b) = ink.rgb;
    RGBColor(r, g, b).mix(ink.alpha)
}

impl Frame {
    /// Converts a value to a horizontal position.
    pub(super) fn x(&self, axis: &Axis, value: f64) -> f64 {
        self.left + axis.position(value) * (self.right - self.left)
    }

    /// The middle between left and right.
    pub(super) fn middle(&self) -> f64 {
        0.5 * (self.left + self.right)
    }

    /// Converts a value to a vertical position.
    pub(super) fn y(&self, axis: &Axis, value: f64) -> f64 {
        self.bottom - axis.position(value) * (self.bottom - self.top)
    }
}

impl<B: DrawingBackend> Canvas<B> {
    pub(super) fn new(backend: B, lettering: TextMetrics) -> Self {
        Self {
            root: backend.into_drawing_area(),
            lettering,
        }
    }

    /// Draws one line of text, with its middle at `at.1`.
    pub(super) fn text(
        &self,
        text: &str,
        at: (f64, f64),
        h_pos: HPos,
        ink: Ink,
    ) -> DrawingResult<B> {
        let at = (at.0, at.1 + self.drop());
        self.set(text, at, self.font().color(&colour(ink)), h_pos)
    }

    /// Draws text that reads upwards, centred.
    pub(super) fn upright(&self, text: &str, at: (f64, f64)) -> DrawingResult<B> {
        let font = self.font().transform(FontTransform::Rotate270);
        let at = (at.0 + self.drop(), at.1);
        self.set(text, at, font.color(&colour(Ink::BLACK)), HPos::Center)
    }

    fn font(&self) -> FontDesc<'static> {
        ("sans-serif", TEXT * f64::from(SCALE) * self.lettering.size).into_font()
    }

    fn drop(&self) -> f64 {
        self.lettering.drop * TEXT
    }

    fn set(
        &self,
        text: &str,
        at: (f64, f64),
        style: TextStyle<'_>,
        h_pos: HPos,
    ) -> DrawingResult<B> {
        let style = style.pos(Pos::new(h_pos, VPos::Center));
        let at = (pixels(at.0), pixels(at.1));
        self.root.draw(&Text::new(text.to_owned(), at, style))
    }

    pub(super) fn outline(&self, frame: Frame, ink: Ink) -> DrawingResult<B> {
        let (top_left, top_right) = ((frame.left, frame.top), (frame.right, frame.top));
        let (bottom_left, bottom_right) = ((frame.left, frame.bottom), (frame.right, frame.bottom));
        self.line(&[top_left, top_right], Ink::PALE.line(1.0))?;
        self.line(&[top_right, bottom_right], Ink::PALE.line(1.0))?;
        self.line(&[top_left, bottom_left], ink.line(1.0))?;
        self.line(&[bottom_left, bottom_right], ink.line(1.0))
    }
}
