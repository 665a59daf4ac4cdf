//! By which counts a study is seen: the same runs have other exponents, and other multipliers, by another count.

use super::{Cost, Count, Excluded, Observation, Reached, Settings, Study, Trajectory};

/// The study with the asked-for count of parameters as N and the asked-for cost as C; runs of which it is not known are left out.
pub(super) fn under(study: &Study, settings: &Settings) -> Study {
    let mut seen = Study {
        observations: Vec::new(),
        trajectories: Vec::new(),
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
    let trajectories = study
        .trajectories
        .iter()
        .filter(|_| settings.cost != Cost::DeviceSeconds);
    seen.trajectories = trajectories
        .map(|t| trajectory(t, &seen.observations, settings))
        .collect();
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

fn trajectory(trajectory: &Trajectory, seen: &[Observation], settings: &Settings) -> Trajectory {
    let params = seen
        .iter()
        .find(|run| run.run == trajectory.run)
        .map_or(trajectory.params, |run| run.params);
    let point = |point: &Reached| match settings.cost {
        Cost::SixNd => Reached {
            flops: six_nd(params, point.tokens),
            ..*point
        },
        Cost::Flops | Cost::DeviceSeconds => *point,
    };
    Trajectory {
        params,
        points: trajectory.points.iter().map(point).collect(),
        ..trajectory.clone()
    }
}

pub(super) fn six_nd(params: f64, tokens: f64) -> f64 {
    6.0 * params * tokens
}
