//! Clipping of lines at the border of a panel, which plotters does not do.

use super::canvas::Frame;

/// Returns the pieces of a line that are within the frame.
pub(super) fn inside(points: &[(f64, f64)], frame: Frame) -> Vec<Vec<(f64, f64)>> {
    let mut pieces: Vec<Vec<(f64, f64)>> = Vec::new();
    for pair in points.windows(2) {
        let Some((from, to)) = segment(pair[0], pair[1], frame) else {
            continue;
        };
        match pieces.last_mut() {
            Some(piece) if piece.last() == Some(&from) => piece.push(to),
            _ => pieces.push(vec![from, to]),
        }
    }
    pieces
}

/// Clips a segment by Liang and Barsky's algorithm (doi:10.1145/357332.357333).
fn segment(from: (f64, f64), to: (f64, f64), frame: Frame) -> Option<((f64, f64), (f64, f64))> {
    let (dx, dy) = (to.0 - from.0, to.1 - from.1);
    let (mut enter, mut leave) = (0.0f64, 1.0f64);
    let borders = [
        (-dx, from.0 - frame.left),
        (dx, frame.right - from.0),
        (-dy, from.1 - frame.top),
        (dy, frame.bottom - from.1),
    ];
    for (towards, room) in borders {
        if towards == 0.0 && room < 0.0 {
            return None;
        }
        let at = room / towards;
        if towards < 0.0 {
            enter = enter.max(at);
        } else if towards > 0.0 {
            leave = leave.min(at);
        }
    }
    // A whole segment keeps its ends exactly, so that pieces join.
    let at = |t: f64| match t {
        0.0 => from,
        1.0 => to,
        t => (from.0 + t * dx, from.1 + t * dy),
    };
    (enter < leave).then(|| (at(enter), at(leave)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_through_the_border_is_cut_there() {
        let frame = Frame {
            left: 0.0,
            top: 0.0,
            right: 10.0,
            bottom: 10.0,
        };
        let line = [
            (-5.0, 5.0),
            (5.0, 5.0),
            (5.0, 15.0),
            (20.0, 15.0),
            (20.0, 5.0),
            (9.0, 5.0),
        ];
        let pieces = inside(&line, frame);
        assert_eq!(
            pieces,
            [
                vec![(0.0, 5.0), (5.0, 5.0), (5.0, 10.0)],
                vec![(10.0, 5.0), (9.0, 5.0)]
            ]
        );
    }
}
