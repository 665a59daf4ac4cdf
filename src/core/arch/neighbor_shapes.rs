//! Shapes between and beyond those of a study, in the proportions of its shapes.

use super::Shape;

/// Coarsest multiple to which widths are rounded. It suits matrix units.
const MULTIPLE: u32 = 64;

/// The shape midway between two, in logarithms of width and depth; `None` if no shape is between
/// them.
pub fn between(small: &Shape, large: &Shape) -> Option<Shape> {
    combined_shape([small, large], |a, b| (a * b).sqrt())
}

/// The shape as far beyond `last` as `last` is beyond `before`; `None` if that is one of the two,
/// or invalid.
pub fn beyond(before: &Shape, last: &Shape) -> Option<Shape> {
    combined_shape([before, last], |a, b| b * b / a)
}

/// The shape at the `place` of two widths and of two depths; `None` if that is one of the two. It
/// has their mean feed-forward ratio and, if both have the same, their head width.
fn combined_shape([a, b]: [&Shape; 2], place: impl Fn(f64, f64) -> f64) -> Option<Shape> {
    let d_model = place(a.d_model.into(), b.d_model.into());
    let layers = (place(a.layers.into(), b.layers.into()).round() as u32).max(1);
    // Begin with the coarsest multiple common to both widths, and halve it until the new width
    // differs from both.
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
