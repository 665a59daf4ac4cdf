//! Shapes between and beyond those of a study, in the proportions that its shapes have.

use super::Shape;

/// Widths are whole multiples of no more than this, which matrix units want.
const MULTIPLE: u32 = 64;

/// The shape in the middle of two, in logarithms of width and depth; none where two have nothing between them.
pub fn between(small: &Shape, large: &Shape) -> Option<Shape> {
    let middle = |a: u32, b: u32| (f64::from(a) * f64::from(b)).sqrt();
    let (d_model, layers) = (
        middle(small.d_model, large.d_model),
        middle(small.layers, large.layers),
    );
    shaped([small, large], d_model, layers)
        .filter(|shape| differs(shape, small) && differs(shape, large))
}

/// As far from `last` as `last` is from `before`; none where that is `last` again, or no model.
pub fn beyond(before: &Shape, last: &Shape) -> Option<Shape> {
    let further = |a: u32, b: u32| f64::from(b) * f64::from(b) / f64::from(a);
    let (d_model, layers) = (
        further(before.d_model, last.d_model),
        further(before.layers, last.layers),
    );
    shaped([before, last], d_model, layers)
        .filter(|shape| differs(shape, before) && differs(shape, last))
}

fn differs(one: &Shape, other: &Shape) -> bool {
    (one.d_model, one.layers) != (other.d_model, other.layers)
}

/// A shape near a width and a depth, with the feed-forward ratio and, where both have the same, the width of heads of two.
fn shaped(of: [&Shape; 2], d_model: f64, layers: f64) -> Option<Shape> {
    let [a, b] = of;
    let layers = (layers.round() as u32).max(1);
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
    Shape::new(d_model, layers, None, d_head, Some(d_ff)).ok()
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
