//! What the laws of a study say of runs that are not there: the best run of a budget, the loss of a given run.
//!
//! Bands are of the same draws as every interval here. They say how well the runs determine the law, not whether the law
//! still holds where nobody measured: that is what `beyond` is for.

use schemars::JsonSchema;
use serde::Serialize;

use super::arm_surface::residual;
use super::interval::{exp, interval};
use super::law::PowerLaw;
use super::made::Made;
use super::method::{Drawn, Method};
use super::numbers::range;
use super::per_token::PerToken;
use super::surface::Surface;
use super::{
    Approach, Carried, Interval, Observation, Settings, Study, convention, fit_arms, frontier,
    irreducible, path, tuning,
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

impl Band {
    /// The band of what it is the logarithm of.
    fn exp(self) -> Self {
        Self {
            value: self.value.exp(),
            interval: self.interval.map(exp),
        }
    }
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
    let is_asked = |name: &String| asked.arm.as_ref().is_none_or(|arm| arm == name);
    fit_arms(&seen, settings)
        .iter()
        .filter(|arm| is_asked(&arm.prepared.name))
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
    let mut made = offered.iter().filter_map(|by| Made::by(*by, &arm.made));
    let ready = made.next().and_then(|made| Ready::of(made, arm));
    let fitted = arm.prepared.surface.as_ref().ok();
    let mut predictions = Predictions {
        arm: arm.prepared.name.clone(),
        approach: ready
            .as_ref()
            .map_or(offered[0], |ready| ready.made.method.approach()),
        measured: extent(arm, ready.as_ref()),
        residual: fitted.map(|(fit, _)| residual(&fit.surface, &arm.prepared.fresh)),
        budgets: Vec::new(),
        runs: Vec::new(),
        out_of_reach: Vec::new(),
        refused: ready.is_none().then(|| refusal(arm, &offered)),
    };
    if let Some(ready) = ready {
        predictions.answer(asked, &ready);
    }
    predictions
}

impl Predictions {
    fn answer(&mut self, asked: &Asked, ready: &Ready<'_>) {
        for flops in &asked.flops {
            match ready.budget(*flops, &self.measured) {
                Some(predicted) => self.budgets.push(predicted),
                None => self.out_of_reach.push(*flops),
            }
        }
        let run = |run: &(f64, f64)| ready.run(*run, &self.measured);
        self.runs = asked.runs.iter().filter_map(run).collect();
    }
}

fn extent(arm: &Carried<'_>, ready: Option<&Ready<'_>>) -> Extent {
    let range = |of: fn(&Observation) -> f64| range(arm.prepared.runs.iter().map(|run| of(run)));
    Extent {
        flops: ready.map_or_else(|| range(|run| run.flops), |ready| ready.made.flops_range),
        params: range(|run| run.params),
        tokens: range(|run| run.tokens),
    }
}

/// Why none of the approaches has a law.
fn refusal(arm: &Carried<'_>, offered: &[Approach]) -> String {
    let reason = |by: &Approach| {
        let none = match by {
            Approach::Surface => "a term of the surface is zero, so that no size is best",
            _ => "no law through the profiles",
        };
        let refusal = frontier::refusal(*by, &arm.prepared.surface, &arm.prepared.profiles);
        let reason = refusal.unwrap_or_else(|| none.to_owned());
        format!("no {}: {reason}", by.name())
    };
    offered.iter().map(reason).collect::<Vec<_>>().join("; ")
}

/// An optimum: loss, log N, log D.
#[derive(Clone, Copy)]
struct Best {
    loss: f64,
    log_n: f64,
    log_d: f64,
}

/// A draw, or the estimate.
struct Said<'a> {
    drawn: &'a Drawn,
    /// The law of the loss through the optima of profiles, E free. A power law alone bends away from them where there is an
    /// irreducible loss. A surface has its own.
    bent: Option<PowerLaw>,
}

/// A law with its draws, each made ready to be asked at any budget.
struct Ready<'a> {
    made: &'a Made,
    /// What a token costs at each size of the arm.
    per_token: PerToken,
    estimate: Said<'a>,
    draws: Vec<Option<Said<'a>>>,
}

impl<'a> Ready<'a> {
    fn of(made: &'a Made, arm: &Carried<'_>) -> Option<Self> {
        let said = |drawn: &'a Drawn| {
            let optima = made.method.optima(drawn);
            let bent = optima.and_then(|optima| irreducible::through(&optima));
            Said {
                drawn,
                bent: bent.map(|(law, _)| law),
            }
        };
        let draws = made.draws.iter();
        Some(Self {
            made,
            per_token: PerToken::of(arm.prepared.runs.iter().copied())?,
            estimate: said(&made.estimate),
            draws: draws.map(|drawn| drawn.as_ref().map(said)).collect(),
        })
    }

    /// Whether draws of the loss say how sure it is: those of a law without an irreducible part know nothing of what that costs.
    fn is_sure(&self) -> bool {
        matches!(self.made.method, Method::Surface { .. }) || self.estimate.bent.is_some()
    }

    fn best(&self, said: &Said<'_>, log_flops: f64) -> Option<Best> {
        if let (Method::Surface { per_token, .. }, Drawn::Surface(surface)) =
            (&self.made.method, said.drawn)
        {
            // Where there is no path there is no one optimum.
            path::path(surface, per_token)?;
            let (log_n, log_d) = path::optimum(surface, per_token, log_flops)?;
            return Some(Best {
                loss: surface.loss(log_n.exp(), log_d.exp()),
                log_n,
                log_d,
            });
        }
        let (loss, size) = said.drawn.lines()?;
        let log_n = size.at(log_flops);
        Some(Best {
            loss: said
                .bent
                .map_or_else(|| loss.at(log_flops).exp(), |law| law.loss(log_flops.exp())),
            log_n,
            log_d: log_flops - self.per_token.log(log_n),
        })
    }

    fn budget(&self, flops: f64, measured: &Extent) -> Option<Predicted> {
        let best = |said: &Said<'_>| self.best(said, flops.ln());
        let estimate = best(&self.estimate)?;
        let draws: Vec<Option<Best>> = self.draws.iter().map(|said| best(said.as_ref()?)).collect();
        let band = |of: fn(&Best) -> f64| Band {
            value: of(&estimate),
            interval: interval(
                draws.iter().map(|best| best.as_ref().map(of)),
                of(&estimate),
                self.made.widening(),
            ),
        };
        let params = band(|best| best.log_n).exp();
        let loss = band(|best| best.loss);
        Some(Predicted {
            flops,
            loss: Band {
                interval: loss.interval.filter(|_| self.is_sure()),
                ..loss
            },
            tokens: band(|best| best.log_d).exp(),
            tokens_per_param: band(|best| best.log_d - best.log_n).exp(),
            beyond: beyond(flops, measured.flops),
            size_measured: (measured.params.0..=measured.params.1).contains(&params.value),
            params,
        })
    }

    fn run(&self, (n, d): (f64, f64), measured: &Extent) -> Option<PredictedRun> {
        let loss = |surface: &Surface| surface.loss(n, d);
        let flops = self.per_token.log(n.ln()).exp() * d;
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
                value: loss(self.made.estimate.surface()?),
                interval: self.made.surface_interval(loss),
            },
            beyond: reach
                .into_iter()
                .map(|(value, range)| beyond(value, range))
                .fold(1.0, f64::max),
        })
    }
}

/// How many times a value lies beyond a range; 1 within it.
fn beyond(value: f64, (low, high): (f64, f64)) -> f64 {
    // Budgets that were asked for are spent to the last step, not to the last FLOP.
    const NEARLY: f64 = 1.02;
    let times = (value / high).max(low / value);
    if times <= NEARLY { 1.0 } else { times }
}
