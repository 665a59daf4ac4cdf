//! Figures as values: what is to be drawn, in the units of the data. `render` draws them.

use super::axis::Axis;

/// A figure: panels side by side, and a legend to the right of them.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Figure {
    pub(super) panels: Vec<Panel>,
    pub(super) legend: Vec<Entry>,
    /// Height in pixels, where the usual one does not do.
    pub(super) height: Option<u32>,
}

/// One pair of axes. Panels that all have the same y axis show it once, at the left.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Panel {
    pub(super) title: String,
    pub(super) x: Axis,
    pub(super) y: Axis,
    /// Drawn in this order.
    pub(super) marks: Vec<Mark>,
}

/// Something drawn in a panel. What lies outside the panel is cut off.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Mark {
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
    /// All y between two x, in grey.
    Shade {
        from: f64,
        to: f64,
    },
    /// A double arrow between two x, with a text to its left where it has one.
    Gap {
        from: f64,
        to: f64,
        y: f64,
        text: String,
        ink: Ink,
    },
    /// A text above a point, to its left or to its right.
    Above {
        at: (f64, f64),
        text: String,
        left: bool,
        ink: Ink,
    },
}

/// One line of the legend.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Entry {
    pub(super) label: String,
    pub(super) key: Key,
}

/// What stands beside a label in the legend.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Key {
    /// Nothing: the label is the title of what follows.
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

/// A colour and how much of it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Ink {
    pub(super) rgb: (u8, u8, u8),
    pub(super) alpha: f64,
}

/// How a line is drawn; the width is in pixels of the figure.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Stroke {
    pub(super) ink: Ink,
    pub(super) width: f64,
    pub(super) dashed: bool,
}

/// How a point is drawn; the radius is in pixels of the figure.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Marker {
    pub(super) shape: Shape,
    pub(super) ink: Ink,
    pub(super) radius: f64,
    pub(super) filled: bool,
}

/// The outline of a marker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    Circle,
    Triangle,
    Square,
    TriangleDown,
    Pentagon,
    /// Kept for vertices: no arm has it.
    Diamond,
    /// Strokes without a ground, kept for approaches.
    Plus,
    Cross,
    Dash,
    Bar,
}

impl Figure {
    /// A figure of the usual height.
    pub(super) fn new(panels: Vec<Panel>, legend: Vec<Entry>) -> Self {
        let height = None;
        Self {
            panels,
            legend,
            height,
        }
    }

    pub(super) fn high(mut self, height: u32) -> Self {
        self.height = Some(height);
        self
    }

    /// Columns and rows of panels.
    pub(super) fn grid(&self) -> (usize, usize) {
        let columns = self.panels.len().clamp(1, 3);
        (columns, self.panels.len().div_ceil(columns).max(1))
    }

    /// Whether the leftmost y axis stands for all of them.
    pub(super) fn shares_y(&self) -> bool {
        self.panels.windows(2).all(|pair| pair[0].y == pair[1].y)
    }

    /// Width and height in pixels, before the enlargement.
    pub(super) fn size(&self) -> (u32, u32) {
        let (columns, rows) = self.grid();
        let usual = if rows == 1 { 480 } else { 360 * rows as u32 };
        let width = if columns <= 2 { 760 } else { 1020 };
        (width, self.height.unwrap_or(usual))
    }
}

impl Panel {
    pub(super) fn new(title: impl Into<String>, x: &Axis, y: &Axis, marks: Vec<Mark>) -> Self {
        Self {
            title: title.into(),
            x: x.clone(),
            y: y.clone(),
            marks,
        }
    }
}

impl Mark {
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

    /// Of (x, low, high).
    pub(super) fn band(points: Vec<(f64, f64, f64)>, ink: Ink) -> Self {
        Self::Band { points, ink }
    }
}

/// A part of a legend: lines below their heading.
pub(super) fn group(
    heading: impl Into<String>,
    entries: impl IntoIterator<Item = Entry>,
) -> Vec<Entry> {
    let heading = Entry::new(heading, Key::Heading);
    std::iter::once(heading).chain(entries).collect()
}

impl Entry {
    pub(super) fn new(label: impl Into<String>, key: impl Into<Key>) -> Self {
        Self {
            label: label.into(),
            key: key.into(),
        }
    }
}

impl From<Stroke> for Key {
    fn from(stroke: Stroke) -> Self {
        Self::Line(stroke)
    }
}

impl From<Marker> for Key {
    fn from(marker: Marker) -> Self {
        Self::Point(marker)
    }
}

impl From<(Stroke, Marker)> for Key {
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

    pub(super) fn faint(self, alpha: f64) -> Self {
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

    pub(super) fn point(self, shape: Shape, radius: f64) -> Marker {
        Marker {
            shape,
            ink: self,
            radius,
            filled: true,
        }
    }
}

impl Marker {
    /// The same, hollow where that is said.
    pub(super) fn hollow_if(self, hollow: bool) -> Self {
        Self {
            filled: self.filled && !hollow,
            ..self
        }
    }
}
