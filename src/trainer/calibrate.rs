//! Measurement of step times for `isoflop plan`, from a few steps of each model on random tokens,
//! and of the speed of matrix products for MFU.

use std::io::{BufRead, Write};
use std::time::Instant;

use isoflop_core::run::{CalibrationRequest, CalibrationResult, Precision, RunSpec};
use tch::{Device, Kind, Tensor};

use crate::cuda;
use crate::failure::TrainerFailure;
use crate::model::LanguageModel;
use crate::parameters::format_of;
use crate::training::TrainingState;

/// Unmeasured steps at the start.
const WARM_UP: u64 = 2;
/// Fewest measured steps.
const STEPS: usize = 3;
/// Shortest measurement, s.
const SECONDS: f64 = 0.2;

/// Answers each request line on stdin with a line on stdout.
pub(crate) fn serve() -> Result<(), TrainerFailure> {
    let mut output = std::io::stdout().lock();
    for line in std::io::stdin().lock().lines() {
        let line =
            line.map_err(|e| TrainerFailure::bad_launch(format!("cannot read requests: {e}")))?;
        let request: CalibrationRequest = serde_json::from_str(&line)
            .map_err(|e| TrainerFailure::bad_launch(format!("invalid calibration request: {e}")))?;
        let result = measure(&request)?;
        let answer = serde_json::to_string(&result)
            .map_err(|e| TrainerFailure::cannot_write("stdout", &e.into()))?;
        writeln!(output, "{answer}")
            .and_then(|()| output.flush())
            .map_err(|e| TrainerFailure::cannot_write("stdout", &e))?;
    }
    Ok(())
}

fn measure(request: &CalibrationRequest) -> Result<CalibrationResult, TrainerFailure> {
    tch::set_num_threads(i32::try_from(request.threads).unwrap_or(1));
    let device = cuda::device(request.device)?;
    let spec = &request.spec;
    let mut training = TrainingState::new(spec, device)?;
    let (inputs, targets) = (random_tokens(spec, device), random_tokens(spec, device));
    for step in 0..WARM_UP {
        let _ = training.step(&inputs, &targets, step);
    }
    let step_seconds = median_seconds(|| {
        let (loss, _) = training.step(&inputs, &targets, 0);
        // Reading the loss waits for the device.
        let _ = loss.double_value(&[]);
    });
    let pass = |x: &Tensor| x.narrow(0, 0, i64::from(spec.pass_sequences()));
    let (scored, next) = (pass(&inputs), pass(&targets));
    let eval_seconds = median_seconds(|| {
        tch::no_grad(|| {
            let views = training.parameters.views(spec.precision);
            let loss = LanguageModel::bind(&training.config, &views).loss(
                &scored,
                &next,
                &training.positions,
            );
            let _ = loss.cross_entropy.double_value(&[]);
        });
    });
    Ok(CalibrationResult {
        step_seconds,
        eval_token_seconds: eval_seconds / scored.numel() as f64,
    })
}

/// Size of the square matrices of the speed measurement on a CPU.
const SIDE: i64 = 512;
/// Size of the square matrices of the speed measurement on a GPU.
const ACCELERATOR_SIDE: i64 = 8192;
/// Shortest speed measurement, s.
const RATE_SECONDS: f64 = 0.03;

/// Measures the speed of matrix products, FLOP/s: the best of several.
pub(crate) fn matrix_flops_per_second(precision: Precision, device: Device) -> f64 {
    let side = if device.is_cuda() {
        ACCELERATOR_SIDE
    } else {
        SIDE
    };
    let factor = Tensor::rand([side, side], (Kind::Float, device)).to_kind(format_of(precision));
    let product = || {
        // Reading one number of the product waits for the device.
        let _ = factor.matmul(&factor).get(0).get(0).double_value(&[]);
    };
    product();
    let least = seconds(RATE_SECONDS, product)
        .into_iter()
        .fold(f64::INFINITY, f64::min);
    2.0 * (side as f64).powi(3) / least
}

fn random_tokens(spec: &RunSpec, device: Device) -> Tensor {
    let dims = [spec.batch_sequences, spec.sequence_length].map(i64::from);
    let vocabulary = i64::from(spec.data.vocabulary());
    Tensor::randint(vocabulary, dims, (Kind::Int64, device))
}

/// Measures the times of repetitions of `work`, s: at least [`STEPS`] of them, and at least `least`
/// seconds in total.
fn seconds(least: f64, mut work: impl FnMut()) -> Vec<f64> {
    let mut times = Vec::new();
    while times.len() < STEPS || times.iter().sum::<f64>() < least {
        let began = Instant::now();
        work();
        times.push(began.elapsed().as_secs_f64());
    }
    times
}

fn median_seconds(work: impl FnMut()) -> f64 {
    let mut times = seconds(SECONDS, work);
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}
