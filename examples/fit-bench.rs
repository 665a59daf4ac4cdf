//! Times a surface fit and its bootstrap, for benches/fit: `fit-bench [REPLICATES] < table`, a line a run: N, D and the loss.
//! Prints JSON: seconds of one fit, of the replicates on all cores, and what came out.
#![expect(clippy::print_stdout, reason = "its output is the measurement")]

use std::io::Read;
use std::time::Instant;

use isoflop_fit::surface::{Objective, Surface, SurfacePoint, fit, refit};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let replicates: u64 = std::env::args()
        .nth(1)
        .map_or(Ok(4000), |count| count.parse())?;
    let points = table()?;
    let ones = vec![1.0; points.len()];
    let start = Instant::now();
    let fitted = fit(&points, &ones, Objective::default())?;
    let seconds_fit = start.elapsed().as_secs_f64();
    let start = Instant::now();
    let failed = bootstrap(&points, &fitted.surface, replicates);
    let seconds_bootstrap = start.elapsed().as_secs_f64();
    let Surface {
        e,
        a,
        b,
        alpha,
        beta,
    } = fitted.surface;
    println!(
        "{{\"seconds_fit\": {seconds_fit}, \"seconds_bootstrap\": {seconds_bootstrap}, \"failed\": {failed}, \
         \"objective\": {}, \"near_best\": {}, \"E\": {e}, \"A\": {a}, \"B\": {b}, \"alpha\": {alpha}, \"beta\": {beta}}}",
        fitted.objective_value, fitted.near_best
    );
    Ok(())
}

fn table() -> Result<Vec<SurfacePoint>, Box<dyn std::error::Error>> {
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text)?;
    let point = |line: &str| -> Result<SurfacePoint, Box<dyn std::error::Error>> {
        let numbers: Vec<f64> = line
            .split_whitespace()
            .map(str::parse)
            .collect::<Result<_, _>>()?;
        let [n, d, loss] = numbers[..] else {
            return Err(format!("a line needs N, D and the loss: {line}").into());
        };
        Ok(SurfacePoint::new(n, d, loss))
    };
    text.lines()
        .filter(|line| !line.trim().is_empty())
        .map(point)
        .collect()
}

/// Refits on all cores, a stream of random numbers a replicate; how many did not converge.
fn bootstrap(points: &[SurfacePoint], from: &Surface, replicates: u64) -> usize {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let share = |core: usize| {
        (core as u64..replicates)
            .step_by(cores)
            .filter(|replicate| {
                let mut rng = ChaCha8Rng::seed_from_u64(0);
                rng.set_stream(*replicate);
                let weights: Vec<f64> = points
                    .iter()
                    .map(|_| -(1.0 - rng.random::<f64>()).ln())
                    .collect();
                refit(points, &weights, from, Objective::default()).is_none()
            })
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..cores)
            .map(|core| scope.spawn(move || share(core).count()))
            .collect();
        threads
            .into_iter()
            .filter_map(|thread| thread.join().ok())
            .sum()
    })
}
