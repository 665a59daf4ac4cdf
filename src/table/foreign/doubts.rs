//! Units that are not what they seem. Nothing is converted: it is said, and the user knows.

use std::f64::consts::LN_2;

use super::Note;
use super::crude::{Point, median, residuals};
use super::find::Found;
use super::roles::{Role, plain};
use super::rows::Run;
use super::sheet::Sheet;
use super::suspects::point;
use super::unlike::{Quantity, arms};

/// What seems to be in another unit.
pub(super) fn doubts(sheet: &Sheet, found: &Found, runs: &[(Run, u64)], notes: &mut Vec<Note>) {
    notes.extend(loss_by_name(sheet, found).or_else(|| losses_too_large(sheet, found, runs)));
    notes.extend(losses_in_two_units(sheet, runs));
    notes.extend(sizes_too_small(sheet, found, runs));
    notes.extend(flops_against_6nd(found, runs));
}

fn loss_by_name(sheet: &Sheet, found: &Found) -> Option<Note> {
    let name = &sheet.names[found.column(Role::Loss)?];
    let has = |words: &[&str]| plain(name).split('_').any(|word| words.contains(&word));
    if has(&["bits", "bit", "bpb", "bpc", "bpt", "bpw"]) {
        return Some(Note::Warning(format!(
            "`{name}` is bits by its name, and losses are read as nats/token: multiply bits/token by ln 2 = 0.6931; bits per byte or \
             character also by the bytes or characters of a token"
        )));
    }
    has(&["ppl", "perplexity", "perplexities"]).then(|| {
        Note::Warning(format!(
            "`{name}` is perplexity by its name, and losses are read as nats/token: take the logarithm of each value"
        ))
    })
}

/// Guessing among three million tokens costs as much: no vocabulary is so large, and a loss above is no loss.
const MOST_LOSS: f64 = 15.0;

/// Perplexities, in the whole table or in the runs of one architecture.
fn losses_too_large(sheet: &Sheet, found: &Found, runs: &[(Run, u64)]) -> Option<Note> {
    let name = &sheet.names[found.column(Role::Loss)?];
    let arms = arms(runs);
    let middle = |runs: &[&Run]| median(runs.iter().map(|run| run.loss).collect());
    let large: Vec<(&str, f64)> = arms
        .iter()
        .map(|(arm, runs)| (*arm, middle(runs)))
        .filter(|(_, loss)| *loss > MOST_LOSS)
        .collect();
    let (first, loss) = large.first()?;
    let whose = if large.len() == arms.len() {
        String::new()
    } else {
        format!(" of `{first}`")
    };
    Some(Note::Warning(format!(
        "`{name}` is {loss:.1} in the median run{whose}, and guessing among three million tokens costs {MOST_LOSS} nats: if it is \
         perplexity, take the logarithm of each value"
    )))
}

/// Fewest runs among which two units are looked for.
const FEWEST: usize = 12;
/// How far the factor between two groups of losses may be from 1/ln 2, in its logarithm.
const NEAR: f64 = 0.02;
/// Least gap between two groups of losses, in their logarithm.
const GAP: f64 = 0.15;

fn losses_in_two_units(sheet: &Sheet, runs: &[(Run, u64)]) -> Option<Note> {
    let points: Vec<Point> = runs.iter().map(|(run, _)| point(run)).collect();
    let (high, shift) = two_surfaces(&points)?;
    if (shift + LN_2.ln()).abs() > NEAR {
        return None;
    }
    let rows: Vec<String> = high
        .iter()
        .map(|place| sheet.number(runs[*place].0.row).to_string())
        .collect();
    Some(Note::Warning(format!(
        "{} of {} losses are {:.3} times those of runs like them, which is 1/ln 2: these seem to be in bits and the others in nats ({})",
        high.len(),
        runs.len(),
        shift.exp(),
        few(&rows, sheet.unit())
    )))
}

/// The points that lie on a second surface above the first, and how far above, where there are two.
fn two_surfaces(points: &[Point]) -> Option<(Vec<usize>, f64)> {
    if points.len() < FEWEST {
        return None;
    }
    let mut shifts = vec![0.0; points.len()];
    let mut found = None;
    // The first surface lies between the two; each round brings it nearer to the lower.
    for _ in 0..4 {
        let shifted: Vec<Point> = points
            .iter()
            .zip(&shifts)
            .map(|([n, d, l], shift)| [*n, *d, l - shift])
            .collect();
        let heights: Vec<f64> = residuals(&shifted)
            .iter()
            .zip(&shifts)
            .map(|(r, shift)| r + shift)
            .collect();
        let (low, high) = halves(&heights)?;
        let middle =
            |places: &[usize]| median(places.iter().map(|place| heights[*place]).collect());
        let shift = middle(&high) - middle(&low);
        shifts.fill(0.0);
        high.iter().for_each(|place| shifts[*place] = shift);
        found = Some((high, shift));
    }
    found
}

/// The places below and above the widest gap, in their order, where it is wide and parts more than one value from the others.
fn halves(heights: &[f64]) -> Option<(Vec<usize>, Vec<usize>)> {
    let mut sorted = heights.to_vec();
    sorted.sort_by(f64::total_cmp);
    let gaps = (2..sorted.len() - 1).map(|i| (sorted[i] - sorted[i - 1], sorted[i]));
    let (gap, first_above) = gaps.max_by(|a, b| a.0.total_cmp(&b.0))?;
    (gap > GAP).then(|| (0..heights.len()).partition(|place| heights[*place] < first_above))
}

/// A model of fewer parameters is none that anyone measures a law with.
const LEAST_PARAMS: f64 = 1e4;

fn sizes_too_small(sheet: &Sheet, found: &Found, runs: &[(Run, u64)]) -> Vec<Note> {
    let quantities: [(Role, Quantity); 2] = [
        (Role::Params, |run| run.params),
        (Role::Tokens, |run| run.tokens),
    ];
    let small = quantities.into_iter().filter_map(|(role, of)| {
        let most = runs.iter().map(|(run, _)| of(run)).fold(0.0, f64::max);
        let name = found.name(sheet, role);
        (most < LEAST_PARAMS && most > 0.0).then(|| {
            Note::Warning(format!(
                "`{name}` is {most} at most: if it is in millions or billions, write it so (`125M`, `1.3B`) or as it is counted"
            ))
        })
    });
    small.collect()
}

/// How far 6·N·D may be from FLOPs, as a factor: embeddings and attention make 2 to 3 of small models.
const FACTOR: f64 = 10.0;

fn flops_against_6nd(found: &Found, runs: &[(Run, u64)]) -> Option<Note> {
    found.column(Role::Flops)?;
    found.column(Role::Tokens)?;
    let ratio = median(
        runs.iter()
            .map(|(run, _)| run.flops / (6.0 * run.params * run.tokens))
            .collect(),
    );
    let is_far = ratio.is_finite() && !(1.0 / FACTOR..=FACTOR).contains(&ratio);
    is_far.then(|| {
        Note::Warning(format!(
            "FLOPs are {ratio:.1e} times 6·N·D in the median run: parameters, tokens or FLOPs seem to be in another unit"
        ))
    })
}

/// `lines 3, 5 and 7`: so many are named, more are counted.
pub(super) fn few(numbers: &[String], unit: &str) -> String {
    const FEW: usize = 10;
    match numbers {
        [] => format!("no {unit}"),
        [one] => format!("{unit} {one}"),
        [before @ .., last] if numbers.len() <= FEW => {
            format!("{unit}s {} and {last}", before.join(", "))
        }
        _ => format!(
            "{unit}s {} and {} more",
            numbers[..FEW].join(", "),
            numbers.len() - FEW
        ),
    }
}
