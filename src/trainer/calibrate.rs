//! Step times for `isoflop plan`: a few real steps of each model on random tokens.

use std::io::{BufRead, Write};
use std::time::Instant;

use isoflop::run::{CalibrationRequest, CalibrationResult, RunSpec};
use tch::{Device, Kind, Tensor};

use crate::cuda;
use crate::failure::Failure;
use crate::model::Model;
use crate::train::Training;

/// Steps before the clock starts.
const WARM_UP: u64 = 2;
/// Measured steps: at least this many, and at least this many seconds.
const STEPS: usize = 3;
const SECONDS: f64 = 0.2;

/// Answers each request line on stdin with a line on stdout.
pub(crate) fn serve() -> Result<(), Failure> {
    let mut output = std::io::stdout().lock();
    for line in std::io::stdin().lock().lines() {
        let line = line.map_err(|e| Failure::bad_launch(format!("cannot read requests: {e}")))?;
        let request: CalibrationRequest = serde_json::from_str(&line)
            .map_err(|e| Failure::bad_launch(format!("this is no calibration request: {e}")))?;
        let result = measure(&request)?;
        let answer = serde_json::to_string(&result).map_err(|e| Failure::cannot_write("the answer", &e.into()))?;
        writeln!(output, "{answer}")
            .and_then(|()| output.flush())
            .map_err(|e| Failure::cannot_write("the answer", &e))?;
    }
    Ok(())
}

fn measure(request: &CalibrationRequest) -> Result<CalibrationResult, Failure> {
    tch::set_num_threads(i32::try_from(request.threads).unwrap_or(1));
    let device = cuda::device(request.device)?;
    let spec = &request.spec;
    let mut training = Training::new(spec, device)?;
    let (inputs, targets) = (random_tokens(spec, device), random_tokens(spec, device));
    for step in 0..WARM_UP {
        let _ = training.step(&inputs, &targets, step);
    }
    let step_seconds = median_seconds(|| {
        let (loss, _) = training.step(&inputs, &targets, 0);
        // Waits for the device.
        let _ = loss.double_value(&[]);
    });
    let eval_seconds = median_seconds(|| {
        tch::no_grad(|| {
            let views = training.parameters.views(spec.precision);
            let loss = Model::bind(&training.config, &views).loss(&inputs, &targets, &training.positions);
            let _ = loss.cross_entropy.double_value(&[]);
        });
    });
    Ok(CalibrationResult { step_seconds, eval_token_seconds: eval_seconds / spec.batch_tokens().0 as f64 })
}

fn random_tokens(spec: &RunSpec, device: Device) -> Tensor {
    let dims = [i64::from(spec.batch_sequences), i64::from(spec.sequence_length)];
    Tensor::randint(i64::from(spec.data.vocabulary()), dims, (Kind::Int64, device))
}

fn median_seconds(mut work: impl FnMut()) -> f64 {
    let mut times = Vec::new();
    while times.len() < STEPS || times.iter().sum::<f64>() < SECONDS {
        let began = Instant::now();
        work();
        times.push(began.elapsed().as_secs_f64());
    }
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}
