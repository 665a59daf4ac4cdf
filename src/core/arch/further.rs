//! Shapes between and beyond those of a study, in the proportions that its shapes have.

use super::Shape;

/// Widths are whole multiples of no more than this, which matrix units want.
const MULTIPLE: u32 = 64;

/// The shape in the middle of two, in logarithms of width and depth; none where two have nothing between them.
pub fn between(small: &Shape, large: &Shape) -> Option<Shape> {
    shaped([small, large], |a, b| (a * b).sqrt())
}

/// As far from `last` as `last` is from `before`; none where that is `last` again, or no model.
pub fn beyond(before: &Shape, last: &Shape) -> Option<Shape> {
    shaped([before, last], |a, b| b * b / a)
}

/// A shape near what `place` says of the widths and of the depths of two, and neither of them, with the feed-forward ratio
/// and, where both have the same, the width of heads of the two.
fn shaped([a, b]: [&Shape; 2], place: impl Fn(f64, f64) -> f64) -> Option<Shape> {
    let d_model = place(a.d_model.into(), b.d_model.into());
    let layers = (place(a.layers.into(), b.layers.into()).round() as u32).max(1);
    // The coarsest multiple that both widths have, made finer until the new width is one of its own.
    let mut multiple = gcd(a.d_model, b.d_model).min(MULTIPLE);
    let rounded = |multiple: u32| (d_model / f64::from(multiple)).round() as u32 * multiple;
    while multiple > 2
        && multiple.is_multiple_of(2)
        && [a.d_model, b.d_model, 0].contains(&rounded(multiple))
    {
        multiple /= 2;
    }
    let d_model = rounded(multiple);
    let ratio = |shape: &Shape| f64::from(shape.d_ff) / f64::from(shape.d_model);
    let d_ff = (f64::midpoint(ratio(a), ratio(b)) * f64::from(d_model)).round() as u32;
    let d_head =
        Some(a.d_head).filter(|d_head| *d_head == b.d_head && d_model.is_multiple_of(*d_head));
    let shape = Shape::new(d_model, layers, None, d_head, Some(d_ff)).ok()?;
    [a, b]
        .iter()
        .all(|of| (of.d_model, of.layers) != (d_model, layers))
        .then_some(shape)
}

fn gcd(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { gcd(b, a % b) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_keep_the_proportions_of_a_study() {
        let shape = |label: &str| Shape::from_label(label).unwrap();
        let label = |shape: Option<Shape>| shape.map_or_else(|| "none".to_owned(), Shape::label);
        let middle = |a: &str, b: &str| label(between(&shape(a), &shape(b)));
        assert_eq!(
            [middle("d12-l2", "d16-l2"), middle("d512-l8", "d1024-l16")],
            ["d14-l2", "d704-l11"]
        );
        assert_eq!(
            [
                middle("d64-l3-ff8", "d128-l3-ff8"),
                middle("d12-l2", "d13-l2")
            ],
            ["d96-l3-ff8", "none"]
        );
        let next = |a: &str, b: &str| label(beyond(&shape(a), &shape(b)));
        assert_eq!(
            [next("d40-l2", "d48-l2"), next("d16-l2", "d12-l2")],
            ["d56-l2", "d8-l2"]
        );
        assert_eq!(
            [next("d256-l4", "d512-l8"), next("d8-l1", "d8-l1")],
            ["d1024-l16", "none"]
        );
    }
}
