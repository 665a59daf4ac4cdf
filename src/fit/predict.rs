//! What the laws of a study say of runs that are not there: the best run of a budget, the loss of a given run.
//!
//! Bands are of the same draws as every interval here. They say how well the runs determine the law, not whether the law
//! still holds where nobody measured: that is what `beyond` is for.

use schemars::JsonSchema;
use serde::Serialize;

use super::interval::{exp, interval};
use super::law::PowerLaw;
use super::made::Made;
use super::method::{Drawn, Method};
use super::numbers::range;
use super::per_token::PerToken;
use super::surface::Surface;
use super::{
    Approach, Carried, Interval, Settings, Study, arm_surface, convention, fit_arms, frontier,
    irreducible, method, path, tuning,
};

/// What is asked of the laws.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Asked {
    /// Budgets, FLOPs.
    pub flops: Vec<f64>,
    /// Runs as (N parameters, D tokens).
    pub runs: Vec<(f64, f64)>,
    /// The arm that it is asked of; all of them where it is not said.
    pub arm: Option<String>,
    /// Profiles or surface; where it is not said, the surface where there is one, and else the profiles.
    pub approach: Option<Approach>,
}

/// What one arm's law says.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Predictions {
    /// The arm.
    pub arm: String,
    /// What it is predicted by.
    pub approach: Approach,
    /// What was measured.
    pub measured: Extent,
    /// Root mean square of log L̂ - log L: how far single runs lie from the surface. Absent without one.
    pub residual: Option<f64>,
    /// The best run of each budget that was asked for.
    pub budgets: Vec<Predicted>,
    /// The loss of each run that was asked for.
    pub runs: Vec<PredictedRun>,
    /// Budgets, FLOPs, for which no size between 1 and 10^30 parameters is best.
    pub out_of_reach: Vec<f64>,
    /// Why there is nothing, where there is no law.
    pub refused: Option<String>,
}

/// What an arm was measured at.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Extent {
    /// Least and most compute of the runs that the law rests on, FLOPs.
    pub flops: (f64, f64),
    /// Least and largest N, parameters.
    pub params: (f64, f64),
    /// Least and largest D, tokens.
    pub tokens: (f64, f64),
}

/// A number with its 95% band.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Band {
    /// The estimate.
    pub value: f64,
    /// 95% band, absent where too few draws have a value.
    pub interval: Option<Interval>,
}

/// The best that a budget buys.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Predicted {
    /// The budget, FLOPs.
    pub flops: f64,
    /// L*, nats/token.
    pub loss: Band,
    /// N*, parameters.
    pub params: Band,
    /// D*, tokens.
    pub tokens: Band,
    /// D*/N*, tokens per parameter.
    pub tokens_per_param: Band,
    /// How many times the budget lies beyond the measured compute, above or below; 1 within it.
    pub beyond: f64,
    /// Whether N* lies within the measured sizes.
    pub size_measured: bool,
}

/// The loss of a run.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, JsonSchema)]
pub struct PredictedRun {
    /// N, parameters.
    pub params: f64,
    /// D, tokens.
    pub tokens: f64,
    /// C by the arm's cost of a token, FLOPs.
    pub flops: f64,
    /// L, nats/token.
    pub loss: Band,
    /// How many times it lies beyond what was measured in the worst of N, D and C; 1 within.
    pub beyond: f64,
}

/// Predictions of each arm, in the order of the study.
pub fn predict(study: &Study, settings: &Settings, asked: &Asked) -> Vec<Predictions> {
    let (tuned, _) = tuning::tune(study);
    let seen = convention::under(&tuned, settings);
    let carried = fit_arms(&seen, settings);
    let wanted = |arm: &&Carried<'_>| {
        asked
            .arm
            .as_ref()
            .is_none_or(|name| *name == arm.prepared.name)
    };
    carried
        .iter()
        .filter(wanted)
        .map(|arm| of_arm(arm, asked))
        .collect()
}

fn of_arm(arm: &Carried<'_>, asked: &Asked) -> Predictions {
    let offered = match asked.approach {
        // A run has a place on a surface, and on nothing else.
        _ if !asked.runs.is_empty() => vec![Approach::Surface],
        Some(approach) => vec![approach],
        None => vec![Approach::Surface, Approach::Profiles],
    };
    let found = offered
        .iter()
        .find_map(|approach| Made::by(*approach, &arm.made))
        .zip(per_token(arm));
    let approach = found
        .as_ref()
        .map_or(offered[0], |(made, _)| made.method.approach());
    let measured = extent(arm, found.as_ref().map(|(made, _)| *made));
    let mut predictions = Predictions {
        arm: arm.prepared.name.clone(),
        approach,
        measured,
        residual: residual(arm),
        budgets: Vec::new(),
        runs: Vec::new(),
        out_of_reach: Vec::new(),
        refused: found.is_none().then(|| refusal(arm, &offered)),
    };
    if let Some((made, per_token)) = found {
        predictions.answer(asked, &Ready::of(made, &per_token));
    }
    predictions
}

impl Predictions {
    fn answer(&mut self, asked: &Asked, ready: &Ready<'_>) {
        for flops in &asked.flops {
            match budget(ready, *flops, &self.measured) {
                Some(predicted) => self.budgets.push(predicted),
                None => self.out_of_reach.push(*flops),
            }
        }
        let given = |run: &(f64, f64)| given(ready.made, ready.per_token, *run, &self.measured);
        self.runs = asked.runs.iter().filter_map(given).collect();
    }
}

/// What a token costs at each size of the arm.
fn per_token(arm: &Carried<'_>) -> Option<PerToken> {
    PerToken::of(arm.prepared.runs.iter().map(|(_, run)| *run))
}

fn extent(arm: &Carried<'_>, made: Option<&Made>) -> Extent {
    let range = |of: fn(&super::Observation) -> f64| {
        range(arm.prepared.runs.iter().map(|(_, run)| of(run)))
    };
    Extent {
        flops: made.map_or_else(|| range(|run| run.flops), |made| made.flops_range),
        params: range(|run| run.params),
        tokens: range(|run| run.tokens),
    }
}

fn residual(arm: &Carried<'_>) -> Option<f64> {
    let (fit, _) = arm.prepared.surface.as_ref().ok()?;
    Some(arm_surface::residual(&fit.surface, &arm.prepared.fresh()))
}

/// Why none of the approaches has a law.
fn refusal(arm: &Carried<'_>, offered: &[Approach]) -> String {
    let reason = |approach: &Approach| match approach {
        Approach::Surface => arm.prepared.surface.as_ref().err().map_or_else(
            || "a term of the surface is zero, so that no size is best".to_owned(),
            ToString::to_string,
        ),
        _ => frontier::fit(&arm.prepared.profiles).err().map_or_else(
            || "no law through the profiles".to_owned(),
            |reason| reason.to_string(),
        ),
    };
    offered
        .iter()
        .map(|approach| format!("no {}: {}", approach.name(), reason(approach)))
        .collect::<Vec<_>>()
        .join("; ")
}

/// An optimum in logarithms of FLOPs' buys: loss, N, D.
#[derive(Clone, Copy)]
struct Best {
    loss: f64,
    log_n: f64,
    log_d: f64,
}

/// The law of the loss through the optima of one draw, E free. A power law alone bends away from them where there is an
/// irreducible loss. A surface has its own.
fn bent(method: &Method, drawn: &Drawn) -> Option<PowerLaw> {
    match (method, drawn) {
        (Method::Profiles { cells, .. }, Drawn::Profiles { vertices, .. }) => {
            irreducible::through(&method::optima(cells, vertices)).map(|(law, _)| law)
        }
        _ => None,
    }
}

/// A law with its draws, each made ready to be asked at any budget.
struct Ready<'a> {
    made: &'a Made,
    per_token: &'a PerToken,
    /// [`bent`], of the estimate and of each draw.
    estimate: Option<PowerLaw>,
    draws: Vec<Option<PowerLaw>>,
}

impl<'a> Ready<'a> {
    fn of(made: &'a Made, per_token: &'a PerToken) -> Self {
        let of = |drawn: &Drawn| bent(&made.method, drawn);
        let draws = made.draws.iter().map(|drawn| of(drawn.as_ref()?)).collect();
        Self {
            made,
            per_token,
            estimate: of(&made.estimate),
            draws,
        }
    }

    /// Whether draws of the loss say how sure it is: those of a law without an irreducible part know nothing of what that costs.
    fn is_sure(&self) -> bool {
        matches!(self.made.method, Method::Surface { .. }) || self.estimate.is_some()
    }

    fn best(&self, drawn: &Drawn, bent: Option<PowerLaw>, log_flops: f64) -> Option<Best> {
        match (&self.made.method, drawn) {
            (Method::Surface { per_token, .. }, Drawn::Surface(surface)) => {
                // Where there is no path there is no one optimum.
                path::path(surface, per_token)?;
                let (log_n, log_d) = path::optimum(surface, per_token, log_flops)?;
                Some(Best {
                    loss: surface.loss(log_n.exp(), log_d.exp()),
                    log_n,
                    log_d,
                })
            }
            (
                _,
                Drawn::Profiles {
                    lines: Some((loss, size)),
                    ..
                },
            ) => {
                let log_n = size.at(log_flops);
                let loss =
                    bent.map_or_else(|| loss.at(log_flops).exp(), |law| law.loss(log_flops.exp()));
                Some(Best {
                    loss,
                    log_n,
                    log_d: log_flops - self.per_token.log(log_n),
                })
            }
            _ => None,
        }
    }
}

fn budget(ready: &Ready<'_>, flops: f64, measured: &Extent) -> Option<Predicted> {
    let made = ready.made;
    let estimate = ready.best(&made.estimate, ready.estimate, flops.ln())?;
    let at = |(drawn, bent): (&Option<Drawn>, &Option<PowerLaw>)| {
        ready.best(drawn.as_ref()?, *bent, flops.ln())
    };
    let draws: Vec<Option<Best>> = made.draws.iter().zip(&ready.draws).map(at).collect();
    let band = |of: fn(&Best) -> f64| {
        let drawn = draws.iter().map(|best| best.as_ref().map(of)).collect();
        Band {
            value: of(&estimate),
            interval: interval(drawn, of(&estimate), made.widening()),
        }
    };
    let log = |of: fn(&Best) -> f64| {
        let Band { value, interval } = band(of);
        Band {
            value: value.exp(),
            interval: interval.map(exp),
        }
    };
    let params = log(|best| best.log_n);
    let loss = band(|best| best.loss);
    Some(Predicted {
        flops,
        loss: Band {
            interval: loss.interval.filter(|_| ready.is_sure()),
            ..loss
        },
        tokens: log(|best| best.log_d),
        tokens_per_param: log(|best| best.log_d - best.log_n),
        beyond: beyond(flops, measured.flops),
        size_measured: (measured.params.0..=measured.params.1).contains(&params.value),
        params,
    })
}

fn given(
    made: &Made,
    per_token: &PerToken,
    (n, d): (f64, f64),
    measured: &Extent,
) -> Option<PredictedRun> {
    let at = |drawn: &Drawn| match drawn {
        Drawn::Surface(surface) => Some(Surface::loss(surface, n, d)),
        _ => None,
    };
    let flops = per_token.log(n.ln()).exp() * d;
    let reach = [
        (n, measured.params),
        (d, measured.tokens),
        (flops, measured.flops),
    ];
    Some(PredictedRun {
        params: n,
        tokens: d,
        flops,
        loss: Band {
            value: at(&made.estimate)?,
            interval: made.interval(at),
        },
        beyond: reach
            .into_iter()
            .map(|(value, range)| beyond(value, range))
            .fold(1.0, f64::max),
    })
}

/// How many times a value lies beyond a range; 1 within it.
fn beyond(value: f64, (low, high): (f64, f64)) -> f64 {
    // Budgets that were asked for are spent to the last step, not to the last FLOP.
    const NEARLY: f64 = 1.02;
    let times = (value / high).max(low / value);
    if times <= NEARLY { 1.0 } else { times }
}
