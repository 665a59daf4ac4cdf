//! Figures as values, in the units of the data. `render` draws them.

use super::axis::Axis;

/// A figure: panels in a grid, with a legend to their right.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Figure {
    pub(super) panels: Vec<Panel>,
    pub(super) legend: Vec<LegendEntry>,
    /// Height in pixels, if it is not the usual one.
    pub(super) height: Option<u32>,
}

/// One pair of axes. Panels that all have the same y axis show it once, at the left.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Panel {
    pub(super) title: String,
    pub(super) x: Axis,
    pub(super) y: Axis,
    /// Drawn in this order.
    pub(super) marks: Vec<PanelMark>,
}

/// A mark in a panel. Parts outside the panel are cut off.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum PanelMark {
    Line {
        points: Vec<(f64, f64)>,
        stroke: Stroke,
    },
    Point {
        at: (f64, f64),
        marker: Marker,
    },
    /// A vertical interval at x.
    Interval {
        x: f64,
        ends: (f64, f64),
        stroke: Stroke,
    },
    /// (x, low, high), filled.
    Band {
        points: Vec<(f64, f64, f64)>,
        ink: Ink,
    },
    /// All y between two values of x, in grey.
    Shade {
        from: f64,
        to: f64,
    },
    /// A double arrow between two values of x, with text to its left, which may be empty.
    Gap {
        from: f64,
        to: f64,
        y: f64,
        text: String,
        ink: Ink,
    },
    /// Text above a point, to its left or to its right.
    TextAbove {
        at: (f64, f64),
        text: String,
        left: bool,
        ink: Ink,
    },
}

/// One line of the legend.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct LegendEntry {
    pub(super) label: String,
    pub(super) key: LegendKey,
}

/// Symbol next to a label in the legend.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum LegendKey {
    /// A title of the entries below it, without a symbol.
    Heading,
    Line(Stroke),
    Point(Marker),
    LinePoint(Stroke, Marker),
    /// A vertical interval through a point.
    IntervalPoint(Stroke, Marker),
    Swatch(Ink),
    /// A double arrow.
    Gap(Ink),
}

/// A colour and its opacity.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Ink {
    pub(super) rgb: (u8, u8, u8),
    pub(super) alpha: f64,
}

/// Style of a line. The width is in pixels of the figure.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Stroke {
    pub(super) ink: Ink,
    pub(super) width: f64,
    pub(super) dashed: bool,
}

/// Style of a point. The radius is in pixels of the figure.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Marker {
    pub(super) shape: MarkerShape,
    pub(super) ink: Ink,
    pub(super) radius: f64,
    pub(super) filled: bool,
}

/// The outline of a marker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum MarkerShape {
    Circle,
    Triangle,
    Square,
    TriangleDown,
    Pentagon,
    /// Reserved for optima: no arm has it.
    Diamond,
    /// Strokes without an area. They are reserved for approaches.
    Plus,
    Cross,
    Dash,
    Bar,
}

impl Figure {
    /// A figure of the usual height.
    pub(super) fn new(panels: Vec<Panel>, legend: Vec<LegendEntry>) -> Self {
        let height = None;
        Self {
            panels,
            legend,
            height,
        }
    }

    pub(super) fn with_height(mut self, height: u32) -> Self {
        self.height = Some(height);
        self
    }

    /// Columns and rows of panels.
    pub(super) fn grid(&self) -> (usize, usize) {
        let columns = self.panels.len().clamp(1, 3);
        (columns, self.panels.len().div_ceil(columns).max(1))
    }

    /// Reports whether all panels have the same y axis, which is then lettered once.
    pub(super) fn shares_y(&self) -> bool {
        self.panels.windows(2).all(|pair| pair[0].y == pair[1].y)
    }

    /// Width and height in pixels of the figure.
    pub(super) fn size(&self) -> (u32, u32) {
        let (columns, rows) = self.grid();
        let usual = if rows == 1 { 480 } else { 360 * rows as u32 };
        let width = if columns <= 2 { 760 } else { 1020 };
        (width, self.height.unwrap_or(usual))
    }
}

impl Panel {
    pub(super) fn new(title: impl Into<String>, x: &Axis, y: &Axis, marks: Vec<PanelMark>) -> Self {
        Self {
            title: title.into(),
            x: x.clone(),
            y: y.clone(),
            marks,
        }
    }
}

impl PanelMark {
    pub(super) fn line(points: impl IntoIterator<Item = (f64, f64)>, stroke: Stroke) -> Self {
        let points = points.into_iter().collect();
        Self::Line { points, stroke }
    }

    pub(super) fn point(at: (f64, f64), marker: Marker) -> Self {
        Self::Point { at, marker }
    }

    pub(super) fn interval(x: f64, ends: (f64, f64), stroke: Stroke) -> Self {
        Self::Interval { x, ends, stroke }
    }

    /// Creates a band from (x, low, high).
    pub(super) fn band(points: Vec<(f64, f64, f64)>, ink: Ink) -> Self {
        Self::Band { points, ink }
    }
}

/// A group of a legend: a heading and its entries.
pub(super) fn group(
    heading: impl Into<String>,
    entries: impl IntoIterator<Item = LegendEntry>,
) -> Vec<LegendEntry> {
    let heading = LegendEntry::new(heading, LegendKey::Heading);
    std::iter::once(heading).chain(entries).collect()
}

impl LegendEntry {
    pub(super) fn new(label: impl Into<String>, key: impl Into<LegendKey>) -> Self {
        Self {
            label: label.into(),
            key: key.into(),
        }
    }
}

impl From<Stroke> for LegendKey {
    fn from(stroke: Stroke) -> Self {
        Self::Line(stroke)
    }
}

impl From<Marker> for LegendKey {
    fn from(marker: Marker) -> Self {
        Self::Point(marker)
    }
}

impl From<(Stroke, Marker)> for LegendKey {
    fn from((stroke, marker): (Stroke, Marker)) -> Self {
        Self::LinePoint(stroke, marker)
    }
}

impl Ink {
    pub(super) const BLACK: Self = Self::solid((32, 32, 32));
    pub(super) const GREY: Self = Self::solid((110, 110, 110));
    pub(super) const PALE: Self = Self::solid((236, 236, 236));
    pub(super) const WHITE: Self = Self::solid((255, 255, 255));

    pub(super) const fn solid(rgb: (u8, u8, u8)) -> Self {
        Self { rgb, alpha: 1.0 }
    }

    pub(super) fn with_alpha(self, alpha: f64) -> Self {
        Self { alpha, ..self }
    }

    pub(super) fn line(self, width: f64) -> Stroke {
        Stroke {
            ink: self,
            width,
            dashed: false,
        }
    }

    pub(super) fn dashed(self, width: f64) -> Stroke {
        Stroke {
            dashed: true,
            ..self.line(width)
        }
    }

    pub(super) fn point(self, shape: MarkerShape, radius: f64) -> Marker {
        Marker {
            shape,
            ink: self,
            radius,
            filled: true,
        }
    }
}

impl Marker {
    /// The same marker, hollow if `hollow` is true.
    pub(super) fn hollow_if(self, hollow: bool) -> Self {
        Self {
            filled: self.filled && !hollow,
            ..self
        }
    }
}
