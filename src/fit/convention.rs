//! Conversion of a study to another count of parameters or another cost. Exponents and multipliers
//! depend on these.

use super::{
    CostAxis, ExcludedRun, FitSettings, Observation, ParameterCounting, Study, Trajectory,
};

/// Returns the study with the chosen parameter count as N and the chosen cost as C. Runs without
/// these numbers are excluded.
pub(super) fn convert(study: &Study, settings: &FitSettings) -> Study {
    let mut seen = Study {
        observations: Vec::new(),
        ..study.clone()
    };
    for run in &study.observations {
        match observation(run, settings) {
            Ok(observation) => seen.observations.push(observation),
            Err(reason) => seen.excluded.push(ExcludedRun {
                run: run.run.clone(),
                reason: reason.to_owned(),
            }),
        }
    }
    for curve in &mut seen.trajectories {
        convert_trajectory(curve, &seen.observations, settings);
    }
    if settings.cost == CostAxis::DeviceSeconds {
        seen.trajectories.clear();
    }
    seen
}

fn observation(run: &Observation, settings: &FitSettings) -> Result<Observation, &'static str> {
    let params = match settings.count {
        ParameterCounting::Total => run.params,
        ParameterCounting::WithoutEmbedding => run
            .optional
            .params_without_embedding
            .ok_or("no parameter count without the embedding")?,
    };
    let flops = match settings.cost {
        CostAxis::Flops => run.flops,
        CostAxis::SixNd => six_nd(params, run.tokens),
        CostAxis::DeviceSeconds => run.optional.device_seconds.ok_or("no device-seconds")?,
    };
    Ok(Observation {
        params,
        flops,
        ..run.clone()
    })
}

fn convert_trajectory(curve: &mut Trajectory, seen: &[Observation], settings: &FitSettings) {
    if let Some(run) = seen.iter().find(|run| run.run == curve.run) {
        curve.params = run.params;
    }
    if settings.cost == CostAxis::SixNd {
        for point in &mut curve.points {
            point.flops = six_nd(curve.params, point.tokens);
        }
    }
}

pub(super) fn six_nd(params: f64, tokens: f64) -> f64 {
    6.0 * params * tokens
}
