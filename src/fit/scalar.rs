//! Minimisation of a function of one variable.

/// Finds a minimum within `low..high` by Brent's method (Brent 1973, chapter 5): golden sections,
/// and parabolas where they are better. The position is accurate to about `tolerance`. A tolerance
/// below √ε of the position has no effect.
pub(super) fn minimum(f: impl Fn(f64) -> f64, low: f64, high: f64, tolerance: f64) -> f64 {
    const GOLDEN: f64 = 0.381_966_011_250_105;
    let (mut low, mut high) = (low, high);
    let mut x = low + GOLDEN * (high - low);
    let mut at_x = f(x);
    // The second and third best, and the last two steps.
    let ((mut v, mut at_v), (mut w, mut at_w)) = ((x, at_x), (x, at_x));
    let (mut step, mut before): (f64, f64) = (0.0, 0.0);
    for _ in 0..200 {
        let middle = (low + high) / 2.0;
        let width = 1e-9 * x.abs() + tolerance;
        if (x - middle).abs() <= 2.0 * width - (high - low) / 2.0 {
            break;
        }
        let parabola = parabola((x, at_x), (v, at_v), (w, at_w))
            .filter(|step| step.abs() < before.abs() / 2.0 && low < x + step && x + step < high);
        (before, step) = parabola.map_or_else(
            || {
                let side = if x < middle { high - x } else { low - x };
                (side, GOLDEN * side)
            },
            |parabola| (step, parabola),
        );
        let u = x + step.abs().max(width).copysign(step);
        let at_u = f(u);
        if at_u <= at_x {
            *(if u < x { &mut high } else { &mut low }) = x;
            (v, at_v, w, at_w, x, at_x) = (w, at_w, x, at_x, u, at_u);
        } else {
            *(if u < x { &mut low } else { &mut high }) = u;
            if at_u <= at_w || w == x {
                (v, at_v, w, at_w) = (w, at_w, u, at_u);
            } else if at_u <= at_v || v == x || v == w {
                (v, at_v) = (u, at_u);
            }
        }
    }
    x
}

/// Returns the step from the best point to the vertex of the parabola through three points, if it
/// has one.
fn parabola((x, at_x): (f64, f64), (v, at_v): (f64, f64), (w, at_w): (f64, f64)) -> Option<f64> {
    let r = (x - w) * (at_x - at_v);
    let q = (x - v) * (at_x - at_w);
    Some(-((x - v) * q - (x - w) * r) / (2.0 * (q - r))).filter(|step| step.is_finite())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_minimum_of_two_exponentials_is_found(a in 0.1..2.0f64, b in 0.1..2.0f64) {
            // a·e^(-ax) + b·e^(bx) is least where a²·e^(-ax) = b²·e^(bx).
            let x = minimum(|x| a * (-a * x).exp() + b * (b * x).exp(), -30.0, 30.0, 1e-9);
            prop_assert!((x - 2.0 * (a / b).ln() / (a + b)).abs() < 1e-6);
        }
    }
}
