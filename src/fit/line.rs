//! Straight line through points.

/// y = intercept + slope·x.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct LinearFit {
    pub(super) intercept: f64,
    pub(super) slope: f64,
}

impl LinearFit {
    pub(super) fn at(&self, x: f64) -> f64 {
        self.intercept + self.slope * x
    }
}

/// Fits a line by least squares. The points must differ in x.
pub(super) fn line(points: impl Iterator<Item = (f64, f64)> + Clone) -> LinearFit {
    let count = points.clone().count() as f64;
    let (mean_x, mean_y) = points.clone().fold((0.0, 0.0), |(sx, sy), (x, y)| {
        (sx + x / count, sy + y / count)
    });
    let (xx, xy) = points.fold((0.0, 0.0), |(xx, xy), (x, y)| {
        (xx + (x - mean_x).powi(2), xy + (x - mean_x) * (y - mean_y))
    });
    let slope = xy / xx;
    LinearFit {
        intercept: mean_y - slope * mean_x,
        slope,
    }
}
