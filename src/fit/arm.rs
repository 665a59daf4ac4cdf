//! All fits of one arm: profiles, surface, frontier and diagnosis.

use std::collections::{BTreeMap, HashMap};

use isoflop_core::run::Budget;
use schemars::JsonSchema;
use serde::Serialize;

use super::arm_estimate::ArmEstimate;
use super::data_constrained::{self, DataConstrained};
use super::diagnosis::{Diagnosis, diagnose};
use super::envelope::EnvelopePoint;
use super::frontier::{self, Frontier, FrontierRefusal};
use super::interval::{PARABOLA, exp_interval, interval, widening};
use super::irreducible::{IrreducibleFit, irreducible};
use super::law::Law;
use super::method::{FitMethod, ProfileCell, Replicate};
use super::numbers::range;
use super::over_training::{self, OverTraining, OverTrainingRefusal};
use super::per_token::PerToken;
use super::polynomial::{FEWEST, Parabola, ProfileForm};
use super::profile::{self, Profile};
use super::surface::{self, Objective, SurfaceFit, SurfaceRefusal};
use super::{Approach, ArmSurface, FitSettings, Observation, Study};

/// The fits of one arm.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct ArmFit {
    /// Name of the arm.
    pub arm: String,
    /// Number of runs used.
    pub runs: usize,
    /// IsoFLOP profiles, one per budget, cheapest first.
    pub profiles: Vec<Profile>,
    /// Loss and size against compute, through the vertices of the profiles; along the surface if
    /// the profiles give no frontier.
    #[serde(serialize_with = "super::answer")]
    #[schemars(with = "super::FitAnswer<Frontier>")]
    pub frontier: Result<Frontier, FrontierRefusal>,
    /// L* = E + a·C^-k through the same vertices with E free; absent with fewer than four vertices.
    pub irreducible: Option<IrreducibleFit>,
    /// L(N, D) = E + A·N^-α + B·D^-β through all runs that do not repeat data.
    #[serde(serialize_with = "super::answer")]
    #[schemars(with = "super::FitAnswer<ArmSurface>")]
    pub surface: Result<ArmSurface, SurfaceRefusal>,
    /// L = E + a·N^c + b·6^(c/2)·D^c (Gadre et al., arXiv:2403.08540): one exponent for both terms,
    /// for runs at few sizes and many token counts.
    #[serde(serialize_with = "super::answer")]
    #[schemars(with = "super::FitAnswer<OverTraining>")]
    pub over_training: Result<OverTraining, OverTrainingRefusal>,
    /// Law of repeated data (Muennighoff et al., arXiv:2305.16264); absent if too few runs repeat
    /// data.
    pub data_constrained: Option<DataConstrained>,
    /// Standard deviation of the loss between seeds of one size and budget, nats/token, pooled;
    /// absent with one seed.
    pub seed_noise: Option<f64>,
    /// Diagnosis of the residuals of the surface.
    pub diagnosis: Option<Diagnosis>,
}

impl ArmFit {
    /// Returns the FLOPs per token at N parameters, as a curve through the sizes of the arm's runs.
    /// `None` if the curve does not rise with N.
    pub fn flops_per_token(&self) -> Option<impl Fn(f64) -> f64 + use<>> {
        let runs = self.profiles.iter().flat_map(|profile| &profile.points);
        let curve = PerToken::of(runs)?;
        Some(move |n: f64| curve.log(n.ln()).exp())
    }
}

/// An arm with its fit methods, before the replicates.
pub(super) struct PreparedArm<'a> {
    pub(super) name: String,
    pub(super) runs: Vec<&'a Observation>,
    /// Runs that read no text twice. The surface is fitted to these.
    pub(super) fresh: Vec<&'a Observation>,
    pub(super) profiles: Vec<Profile>,
    pub(super) surface: Result<(SurfaceFit, PerToken), SurfaceRefusal>,
    pub(super) methods: Vec<FitMethod>,
}

/// Fits the profiles and the surface of an arm, and prepares its fit methods.
pub(super) fn prepare<'a>(study: &'a Study, name: &str, settings: &FitSettings) -> PreparedArm<'a> {
    let runs = study.runs_of(name);
    let mut budgets: Budgets<'_> = BTreeMap::new();
    for run in &runs {
        budgets.entry(run.1.budget).or_default().push(*run);
    }
    let profiles: Vec<Profile> = budgets
        .iter()
        .map(|(budget, cell)| profile::fit(cell, *budget))
        .collect();
    let fresh = runs.iter().filter(|(_, run)| !run.repeats()).copied();
    let (places, fresh): (Vec<usize>, Vec<&Observation>) = fresh.unzip();
    let points: Vec<_> = fresh.iter().map(|run| run.point()).collect();
    let surface = surface(&fresh, &points, settings.objective);
    let by_profiles = [
        ProfileForm::Parabola,
        ProfileForm::Cubic,
        ProfileForm::Windowed,
    ]
    .map(|form| FitMethod::Profiles {
        form,
        cells: cells(form, &profiles, &budgets),
    });
    let by_surface = surface.as_ref().ok();
    let by_surface = by_surface.map(|(fit, per_token)| FitMethod::Surface {
        runs: places,
        points,
        objective: settings.objective,
        from: fit.surface,
        per_token: *per_token,
    });
    let envelope = envelope_points(study, &runs);
    PreparedArm {
        name: name.to_owned(),
        runs: runs.into_iter().map(|(_, run)| run).collect(),
        fresh,
        profiles,
        surface,
        methods: by_profiles
            .into_iter()
            .chain(by_surface)
            .chain([FitMethod::Envelope { points: envelope }])
            .collect(),
    }
}

/// Runs at each budget, cheapest first.
type Budgets<'a> = BTreeMap<Budget, Vec<(usize, &'a Observation)>>;

fn cells(form: ProfileForm, profiles: &[Profile], budgets: &Budgets<'_>) -> Vec<ProfileCell> {
    let used = |profile: &Profile| match form {
        ProfileForm::Parabola => profile.usable_vertex().is_some(),
        other => profile
            .other_forms
            .iter()
            .any(|found| found.form == other && profile.contains_size(found.n_opt)),
    };
    let run = |(at, run): &(usize, &Observation)| (run.params.ln(), run.loss, *at);
    let cells = profiles.iter().zip(budgets.values()).enumerate();
    // A table without planned budgets has about one budget per run, and such a budget has no
    // profile.
    cells
        .filter(|(_, (_, runs))| runs.len() >= FEWEST)
        .map(|(at, (profile, runs))| ProfileCell {
            profile: at,
            log_flops: profile.flops.ln(),
            runs: runs.iter().map(run).collect(),
            used: used(profile),
        })
        .collect()
}

fn surface(
    runs: &[&Observation],
    points: &[surface::SurfacePoint],
    objective: Objective,
) -> Result<(SurfaceFit, PerToken), SurfaceRefusal> {
    let fit = surface::fit_with_search(points, objective)?;
    let per_token = PerToken::of(runs.iter().copied()).ok_or(SurfaceRefusal::NotConverged)?;
    Ok((fit, per_token))
}

/// Returns the points of the arm's training curves, or the final losses of its runs if it has no
/// curves.
fn envelope_points(study: &Study, runs: &[(usize, &Observation)]) -> Vec<EnvelopePoint> {
    let places: HashMap<&str, usize> = runs
        .iter()
        .map(|(at, run)| (run.run.as_str(), *at))
        .collect();
    let point = |run: usize, n: f64, c: f64, loss: f64| EnvelopePoint {
        log_flops: c.ln(),
        log_n: n.ln(),
        log_loss: loss.ln(),
        run,
    };
    let curves = study.trajectories.iter();
    let curves = curves.filter_map(|curve| Some((*places.get(curve.run.as_str())?, curve)));
    let points: Vec<EnvelopePoint> = curves
        .flat_map(|(at, curve)| {
            let reached = curve.points.iter();
            reached.map(move |p| point(at, curve.params, p.flops, p.loss))
        })
        .collect();
    if !points.is_empty() {
        return points;
    }
    runs.iter()
        .map(|(at, run)| point(*at, run.params, run.flops, run.loss))
        .collect()
}

impl PreparedArm<'_> {
    /// Estimates each method at weights of 1 and adds its replicates. Methods without a law are
    /// omitted.
    pub(super) fn estimate(
        &self,
        runs: usize,
        draws: Vec<Vec<Option<Replicate>>>,
    ) -> Vec<ArmEstimate> {
        let ones = vec![1.0; runs];
        let made = |(method, draws): (&FitMethod, Vec<Option<Replicate>>)| {
            let estimate = match method {
                // This is the full fit already. A refit would only repeat it.
                FitMethod::Surface { from, .. } => Replicate::Surface(*from),
                _ => method.draw(&ones)?,
            };
            let law = method.law(&estimate)?;
            let [flops_range, loss_range] = self.measured(method, &estimate, &law)?;
            Some(ArmEstimate {
                method: method.clone(),
                estimate,
                law,
                flops_range,
                loss_range,
                draws,
            })
        };
        self.methods.iter().zip(draws).filter_map(made).collect()
    }

    /// Returns the ranges of compute and L* that a method was measured at: those of its vertices,
    /// or those of the runs and the law.
    fn measured(
        &self,
        method: &FitMethod,
        estimate: &Replicate,
        law: &Law,
    ) -> Option<[(f64, f64); 2]> {
        if let Some(optima) = method.optima(estimate) {
            let flops = range(optima.iter().map(|(log_flops, _)| log_flops.exp()));
            return Some([flops, range(optima.iter().map(|(_, loss)| *loss))]);
        }
        let flops = range(self.runs.iter().map(|run| run.flops));
        Some([flops, (law.loss(flops.1)?, law.loss(flops.0)?)])
    }

    /// Assembles the fits of the arm. `draws` are the replicates of the parabolas, which exist even
    /// if the arm has no frontier.
    pub(super) fn arm_fit(
        &self,
        study: &Study,
        made: &[ArmEstimate],
        draws: &[Option<Replicate>],
    ) -> ArmFit {
        let by = |approach: Approach| ArmEstimate::of_approach(approach, made);
        let mut profiles = self.profiles.clone();
        if let Some(FitMethod::Profiles { cells, .. }) = self.methods.first() {
            for (at, cell) in cells.iter().enumerate() {
                add_intervals(&mut profiles[cell.profile], at, draws);
            }
        }
        let surface = self.surface.as_ref().map_err(|refusal| *refusal);
        let fitted = surface.ok().map(|(fit, _)| &fit.surface);
        ArmFit {
            runs: self.runs.len(),
            over_training: over_training::fit(&self.fresh),
            data_constrained: fitted
                .and_then(|surface| data_constrained::fit(surface, &self.runs).ok()),
            irreducible: irreducible(&profiles),
            seed_noise: study.seed_noise(&self.name),
            arm: self.name.clone(),
            frontier: frontier(&profiles, by(Approach::Profiles), by(Approach::Surface)),
            profiles,
            surface: surface.map(|(fit, per_token)| {
                ArmSurface::new(fit, per_token, by(Approach::Surface), &self.fresh)
            }),
            diagnosis: fitted.map(|surface| diagnose(&self.fresh, surface)),
        }
    }
}

/// Returns the frontier through the profiles, or the one along the surface if the profiles have
/// none.
fn frontier(
    profiles: &[Profile],
    by_profiles: Option<&ArmEstimate>,
    by_surface: Option<&ArmEstimate>,
) -> Result<Frontier, FrontierRefusal> {
    match (frontier::fit(profiles), by_profiles, by_surface) {
        (Ok(frontier), Some(made), _) => Ok(with_intervals(frontier, made)),
        (Err(refusal), _, Some(made)) => frontier::along(made).ok_or(refusal),
        (frontier, ..) => frontier,
    }
}

fn add_intervals(profile: &mut Profile, at: usize, draws: &[Option<Replicate>]) {
    let widening = widening(profile.points.len(), 3, PARABOLA);
    let Ok(vertex) = &mut profile.vertex else {
        return;
    };
    let of = |of: fn(&Parabola) -> f64| {
        let drawn = draws.iter().map(|drawn| drawn.as_ref()?.vertices());
        drawn.map(move |vertices| vertices?[at].as_ref().map(of))
    };
    vertex.n_opt_interval =
        interval(of(|p| p.log_n_opt), vertex.n_opt.ln(), widening).map(exp_interval);
    vertex.loss_opt_interval = interval(of(|p| p.loss_opt), vertex.loss_opt, widening);
}

fn with_intervals(frontier: Frontier, made: &ArmEstimate) -> Frontier {
    Frontier {
        k_interval: made.interval(|drawn| drawn.lines().map(|(loss, _)| -loss.slope)),
        n_exponent_interval: made.n_exponent_interval(),
        ..frontier
    }
}
