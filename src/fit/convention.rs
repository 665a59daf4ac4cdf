//! By which counts a study is seen: the same runs have other exponents, and other multipliers, by another count.

use super::{Cost, Count, Excluded, Observation, Settings, Study, Trajectory};

/// The study with the asked-for count of parameters as N and the asked-for cost as C; runs of which it is not known are left out.
pub(super) fn under(study: &Study, settings: &Settings) -> Study {
    let mut seen = Study {
        observations: Vec::new(),
        ..study.clone()
    };
    for run in &study.observations {
        match observation(run, settings) {
            Ok(observation) => seen.observations.push(observation),
            Err(reason) => seen.excluded.push(Excluded {
                run: run.run.clone(),
                reason: reason.to_owned(),
            }),
        }
    }
    for curve in &mut seen.trajectories {
        see(curve, &seen.observations, settings);
    }
    if settings.cost == Cost::DeviceSeconds {
        seen.trajectories.clear();
    }
    seen
}

fn observation(run: &Observation, settings: &Settings) -> Result<Observation, &'static str> {
    let params = match settings.count {
        Count::Total => run.params,
        Count::WithoutEmbedding => run
            .further
            .params_without_embedding
            .ok_or("its parameters without the embedding are not known")?,
    };
    let flops = match settings.cost {
        Cost::Flops => run.flops,
        Cost::SixNd => six_nd(params, run.tokens),
        Cost::DeviceSeconds => run
            .further
            .device_seconds
            .ok_or("its device-seconds are not known")?,
    };
    Ok(Observation {
        params,
        flops,
        ..run.clone()
    })
}

fn see(curve: &mut Trajectory, seen: &[Observation], settings: &Settings) {
    if let Some(run) = seen.iter().find(|run| run.run == curve.run) {
        curve.params = run.params;
    }
    if settings.cost == Cost::SixNd {
        for point in &mut curve.points {
            point.flops = six_nd(curve.params, point.tokens);
        }
    }
}

pub(super) fn six_nd(params: f64, tokens: f64) -> f64 {
    6.0 * params * tokens
}
