//! Predictions from the laws of a study: the optimal run of a budget, and the loss of a given run.
//!
//! Bands come from the same draws as all intervals. They show how well the runs determine the law,
//! not whether the law is still true outside the measured range. `beyond` is the distance from that
//! range.

use schemars::JsonSchema;
use serde::Serialize;

use super::arm_estimate::ArmEstimate;
use super::arm_surface::residual;
use super::interval::{exp_interval, interval};
use super::law::PowerLaw;
use super::method::{FitMethod, Replicate};
use super::numbers::range;
use super::per_token::PerToken;
use super::surface::Surface;
use super::{
    Approach, ArmEstimates, FitSettings, Interval, Observation, Study, convention, fit_arms,
    frontier, irreducible, path, tuning,
};

/// Request for predictions.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PredictionRequest {
    /// Budgets, FLOPs.
    pub flops: Vec<f64>,
    /// Runs as (N parameters, D tokens).
    pub runs: Vec<(f64, f64)>,
    /// Arm to predict; all arms if absent.
    pub arm: Option<String>,
    /// Profiles or surface; if absent, the surface if there is one, and the profiles otherwise.
    pub approach: Option<Approach>,
}

/// Predictions for one arm.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct ArmPredictions {
    /// Name of the arm.
    pub arm: String,
    /// Approach of the predictions.
    pub approach: Approach,
    /// Measured range of the arm.
    pub measured: MeasuredRange,
    /// Root mean square of log L̂ - log L, the scatter of single runs around the surface; absent
    /// without a surface.
    pub residual: Option<f64>,
    /// Optimal run of each requested budget.
    pub budgets: Vec<PredictedOptimum>,
    /// Predicted loss of each requested run.
    pub runs: Vec<PredictedRun>,
    /// Budgets without an optimal size between 1 and 10^30 parameters, FLOPs.
    pub out_of_reach: Vec<f64>,
    /// Reason that there are no predictions; absent if there is a law.
    pub refused: Option<String>,
}

/// Measured range of an arm.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, JsonSchema)]
pub struct MeasuredRange {
    /// Lowest and highest compute of the runs that the law is fitted to, FLOPs.
    pub flops: (f64, f64),
    /// Smallest and largest N, parameters.
    pub params: (f64, f64),
    /// Smallest and largest D, tokens.
    pub tokens: (f64, f64),
}

/// Estimate with its 95% band.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Band {
    /// Estimate.
    pub value: f64,
    /// 95% band; absent if too few draws have a value.
    pub interval: Option<Interval>,
}

impl Band {
    /// Converts the band of a logarithm to the band of the number.
    fn exp(self) -> Self {
        Self {
            value: self.value.exp(),
            interval: self.interval.map(exp_interval),
        }
    }
}

/// Optimal run of a budget.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, JsonSchema)]
pub struct PredictedOptimum {
    /// Budget, FLOPs.
    pub flops: f64,
    /// L*, nats/token.
    pub loss: Band,
    /// N*, parameters.
    pub params: Band,
    /// D*, tokens.
    pub tokens: Band,
    /// D*/N*, tokens per parameter.
    pub tokens_per_param: Band,
    /// Factor by which the budget is outside the measured compute, above or below; 1 within it.
    pub beyond: f64,
    /// True if N* is within the measured sizes.
    pub size_measured: bool,
}

/// Predicted loss of a run.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, JsonSchema)]
pub struct PredictedRun {
    /// N, parameters.
    pub params: f64,
    /// D, tokens.
    pub tokens: f64,
    /// C at the arm's cost of a token, FLOPs.
    pub flops: f64,
    /// L, nats/token.
    pub loss: Band,
    /// Largest factor by which N, D or C is outside its measured range; 1 within all ranges.
    pub beyond: f64,
}

/// Predicts for each arm, in the order of the study.
pub fn predict(
    study: &Study,
    settings: &FitSettings,
    asked: &PredictionRequest,
) -> Vec<ArmPredictions> {
    let (tuned, _) = tuning::tune(study);
    let seen = convention::convert(&tuned, settings);
    let is_asked = |name: &String| asked.arm.as_ref().is_none_or(|arm| arm == name);
    fit_arms(&seen, settings)
        .iter()
        .filter(|arm| is_asked(&arm.prepared.name))
        .map(|arm| of_arm(arm, asked))
        .collect()
}

fn of_arm(arm: &ArmEstimates<'_>, asked: &PredictionRequest) -> ArmPredictions {
    let offered = match asked.approach {
        // Only a surface has a loss for any N and D.
        _ if !asked.runs.is_empty() => vec![Approach::Surface],
        Some(approach) => vec![approach],
        None => vec![Approach::Surface, Approach::Profiles],
    };
    let mut made = offered
        .iter()
        .filter_map(|by| ArmEstimate::of_approach(*by, &arm.estimates));
    let ready = made.next().and_then(|made| ReadyLaw::of(made, arm));
    let fitted = arm.prepared.surface.as_ref().ok();
    let mut predictions = ArmPredictions {
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
        predictions.fill(asked, &ready);
    }
    predictions
}

impl ArmPredictions {
    fn fill(&mut self, asked: &PredictionRequest, ready: &ReadyLaw<'_>) {
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

fn extent(arm: &ArmEstimates<'_>, ready: Option<&ReadyLaw<'_>>) -> MeasuredRange {
    let range = |of: fn(&Observation) -> f64| range(arm.prepared.runs.iter().map(|run| of(run)));
    MeasuredRange {
        flops: ready.map_or_else(|| range(|run| run.flops), |ready| ready.made.flops_range),
        params: range(|run| run.params),
        tokens: range(|run| run.tokens),
    }
}

/// Returns the reasons that none of the approaches has a law.
fn refusal(arm: &ArmEstimates<'_>, offered: &[Approach]) -> String {
    let reason = |by: &Approach| {
        let none = match by {
            Approach::Surface => "a term of the surface is zero, so no size is optimal",
            _ => "no law fits the profiles",
        };
        let refusal = frontier::refusal(*by, &arm.prepared.surface, &arm.prepared.profiles);
        let reason = refusal.unwrap_or_else(|| none.to_owned());
        format!("no {}: {reason}", by.name())
    };
    offered.iter().map(reason).collect::<Vec<_>>().join("; ")
}

/// Optimum as loss, log N and log D.
#[derive(Clone, Copy)]
struct LogOptimum {
    loss: f64,
    log_n: f64,
    log_d: f64,
}

/// One draw, or the estimate.
struct LawDraw<'a> {
    drawn: &'a Replicate,
    /// Law of the loss through the optima of profiles, with E free. A power law without E deviates
    /// from them if there is an irreducible loss. A surface has its own E.
    law_with_e: Option<PowerLaw>,
}

/// Law with its draws, prepared for any budget.
struct ReadyLaw<'a> {
    made: &'a ArmEstimate,
    /// Cost of a token at each size of the arm.
    per_token: PerToken,
    estimate: LawDraw<'a>,
    draws: Vec<Option<LawDraw<'a>>>,
}

impl<'a> ReadyLaw<'a> {
    fn of(made: &'a ArmEstimate, arm: &ArmEstimates<'_>) -> Option<Self> {
        let said = |drawn: &'a Replicate| {
            let optima = made.method.optima(drawn);
            let bent = optima.and_then(|optima| irreducible::through(&optima));
            LawDraw {
                drawn,
                law_with_e: bent.map(|(law, _)| law),
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

    /// Reports whether the draws give a valid band of the loss. If the law has no irreducible loss,
    /// the draws omit the error of leaving it out.
    fn has_loss_band(&self) -> bool {
        matches!(self.made.method, FitMethod::Surface { .. }) || self.estimate.law_with_e.is_some()
    }

    fn best(&self, said: &LawDraw<'_>, log_flops: f64) -> Option<LogOptimum> {
        if let (FitMethod::Surface { per_token, .. }, Replicate::Surface(surface)) =
            (&self.made.method, said.drawn)
        {
            // Without a path the optimum is not unique.
            path::path(surface, per_token)?;
            let (log_n, log_d) = path::optimum(surface, per_token, log_flops)?;
            return Some(LogOptimum {
                loss: surface.loss(log_n.exp(), log_d.exp()),
                log_n,
                log_d,
            });
        }
        let (loss, size) = said.drawn.lines()?;
        let log_n = size.at(log_flops);
        Some(LogOptimum {
            loss: said
                .law_with_e
                .map_or_else(|| loss.at(log_flops).exp(), |law| law.loss(log_flops.exp())),
            log_n,
            log_d: log_flops - self.per_token.log(log_n),
        })
    }

    fn budget(&self, flops: f64, measured: &MeasuredRange) -> Option<PredictedOptimum> {
        let best = |said: &LawDraw<'_>| self.best(said, flops.ln());
        let estimate = best(&self.estimate)?;
        let draws: Vec<Option<LogOptimum>> =
            self.draws.iter().map(|said| best(said.as_ref()?)).collect();
        let band = |of: fn(&LogOptimum) -> f64| Band {
            value: of(&estimate),
            interval: interval(
                draws.iter().map(|best| best.as_ref().map(of)),
                of(&estimate),
                self.made.widening(),
            ),
        };
        let params = band(|best| best.log_n).exp();
        let loss = band(|best| best.loss);
        Some(PredictedOptimum {
            flops,
            loss: Band {
                interval: loss.interval.filter(|_| self.has_loss_band()),
                ..loss
            },
            tokens: band(|best| best.log_d).exp(),
            tokens_per_param: band(|best| best.log_d - best.log_n).exp(),
            beyond: beyond(flops, measured.flops),
            size_measured: (measured.params.0..=measured.params.1).contains(&params.value),
            params,
        })
    }

    fn run(&self, (n, d): (f64, f64), measured: &MeasuredRange) -> Option<PredictedRun> {
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

/// Returns the factor by which a value is outside a range, and 1 within it.
fn beyond(value: f64, (low, high): (f64, f64)) -> f64 {
    // Runs spend their budgets to the last step, not to the last FLOP.
    const NEARLY: f64 = 1.02;
    let times = (value / high).max(low / value);
    if times <= NEARLY { 1.0 } else { times }
}
