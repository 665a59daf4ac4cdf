//! All that is said of one arm: its profiles, its surface, its frontiers, and how far they can be trusted.

use std::collections::{BTreeMap, HashMap};

use isoflop_core::run::Budget;
use schemars::JsonSchema;
use serde::Serialize;

use super::data_constrained::{self, DataConstrained};
use super::diagnosis::{Diagnosis, diagnose};
use super::envelope::EnvelopePoint;
use super::frontier::{self, Frontier, FrontierRefusal};
use super::interval::{PARABOLA, exp, interval, widening};
use super::irreducible::{Irreducible, irreducible};
use super::law::Law;
use super::made::Made;
use super::method::{Cell, Drawn, Method};
use super::numbers::range;
use super::over_training::{self, OverTraining, OverTrainingRefusal};
use super::per_token::PerToken;
use super::polynomial::{FEWEST, Form, Parabola};
use super::profile::{self, Profile};
use super::surface::{self, Objective, SurfaceFit, SurfaceRefusal};
use super::{Approach, ArmSurface, Observation, Settings, Study};

/// The fits of one arm.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct ArmFit {
    /// The arm.
    pub arm: String,
    /// Runs that are used.
    pub runs: usize,
    /// One for each budget, cheapest first.
    pub profiles: Vec<Profile>,
    /// Loss and size against compute, through the profiles' vertices; along the surface where there are no profiles.
    #[serde(serialize_with = "super::answer")]
    #[schemars(with = "super::Answer<Frontier>")]
    pub frontier: Result<Frontier, FrontierRefusal>,
    /// L* = E + a·C^-k through the same vertices with E free, from four profiles on.
    pub irreducible: Option<Irreducible>,
    /// L(N, D) = E + A·N^-α + B·D^-β through all runs.
    #[serde(serialize_with = "super::answer")]
    #[schemars(with = "super::Answer<ArmSurface>")]
    pub surface: Result<ArmSurface, SurfaceRefusal>,
    /// L = E + a·N^c + b·6^(c/2)·D^c (Gadre et al., arXiv:2403.08540), where tokens per parameter were varied enough: one
    /// exponent for both, as runs at few sizes and many token counts ask for.
    #[serde(serialize_with = "super::answer")]
    #[schemars(with = "super::Answer<OverTraining>")]
    pub over_training: Result<OverTraining, OverTrainingRefusal>,
    /// What repeated text is worth (Muennighoff et al., arXiv:2305.16264), where some runs read theirs more than once. The surface
    /// is then one of the runs that did not.
    pub data_constrained: Option<DataConstrained>,
    /// Standard deviation of the loss between seeds of one (size, budget), nats/token, pooled; absent with one seed.
    pub seed_noise: Option<f64>,
    /// What the residuals of the surface say.
    pub diagnosis: Option<Diagnosis>,
}

impl ArmFit {
    /// What a token costs at N parameters, as a curve through the sizes of the arm's runs; none where it does not rise with N.
    pub fn flops_per_token(&self) -> Option<impl Fn(f64) -> f64 + use<>> {
        let runs = self.profiles.iter().flat_map(|profile| &profile.points);
        let curve = PerToken::of(runs)?;
        Some(move |n: f64| curve.log(n.ln()).exp())
    }
}

/// An arm with its methods, before the draws.
pub(super) struct Prepared<'a> {
    pub(super) name: String,
    pub(super) runs: Vec<&'a Observation>,
    /// Those that read no text twice, which its surface goes through.
    pub(super) fresh: Vec<&'a Observation>,
    pub(super) profiles: Vec<Profile>,
    pub(super) surface: Result<(SurfaceFit, PerToken), SurfaceRefusal>,
    pub(super) methods: Vec<Method>,
}

/// Finds the estimates of an arm that the methods start from.
pub(super) fn prepare<'a>(study: &'a Study, name: &str, settings: &Settings) -> Prepared<'a> {
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
    let by_profiles = [Form::Parabola, Form::Cubic, Form::Windowed].map(|form| Method::Profiles {
        form,
        cells: cells(form, &profiles, &budgets),
    });
    let by_surface = surface.as_ref().ok();
    let by_surface = by_surface.map(|(fit, per_token)| Method::Surface {
        runs: places,
        points,
        objective: settings.objective,
        from: fit.surface,
        per_token: *per_token,
    });
    let envelope = envelope_points(study, &runs);
    Prepared {
        name: name.to_owned(),
        runs: runs.into_iter().map(|(_, run)| run).collect(),
        fresh,
        profiles,
        surface,
        methods: by_profiles
            .into_iter()
            .chain(by_surface)
            .chain([Method::Envelope { points: envelope }])
            .collect(),
    }
}

/// The runs at each budget, cheapest first.
type Budgets<'a> = BTreeMap<Budget, Vec<(usize, &'a Observation)>>;

fn cells(form: Form, profiles: &[Profile], budgets: &Budgets<'_>) -> Vec<Cell> {
    let used = |profile: &Profile| match form {
        Form::Parabola => profile.trusted().is_some(),
        other => profile
            .other_forms
            .iter()
            .any(|found| found.form == other && profile.holds(found.n_opt)),
    };
    let run = |(at, run): &(usize, &Observation)| (run.params.ln(), run.loss, *at);
    let cells = profiles.iter().zip(budgets.values()).enumerate();
    // A table whose runs were not planned by budget has as many budgets as runs, and none of them draws a curve.
    cells
        .filter(|(_, (_, runs))| runs.len() >= FEWEST)
        .map(|(at, (profile, runs))| Cell {
            profile: at,
            log_flops: profile.flops.ln(),
            runs: runs.iter().map(run).collect(),
            used: used(profile),
        })
        .collect()
}

fn surface(
    runs: &[&Observation],
    points: &[surface::Point],
    objective: Objective,
) -> Result<(SurfaceFit, PerToken), SurfaceRefusal> {
    let fit = surface::searched(points, objective)?;
    let per_token = PerToken::of(runs.iter().copied()).ok_or(SurfaceRefusal::NotConverged)?;
    Ok((fit, per_token))
}

/// The arm's training curves; the ends of its runs where none are known.
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

impl Prepared<'_> {
    /// The approaches carried out, with the draws of their methods; those that have no answer are left out.
    pub(super) fn carry_out(&self, runs: usize, draws: Vec<Vec<Option<Drawn>>>) -> Vec<Made> {
        let ones = vec![1.0; runs];
        let made = |(method, draws): (&Method, Vec<Option<Drawn>>)| {
            let estimate = match method {
                // The full fit, of which a refit is a repetition.
                Method::Surface { from, .. } => Drawn::Surface(*from),
                _ => method.draw(&ones)?,
            };
            let law = method.law(&estimate)?;
            let [flops_range, loss_range] = self.measured(method, &estimate, &law)?;
            Some(Made {
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

    /// Compute and L* that a method was measured at: those of its vertices, or of the runs and the law.
    fn measured(&self, method: &Method, estimate: &Drawn, law: &Law) -> Option<[(f64, f64); 2]> {
        if let Some(optima) = method.optima(estimate) {
            let flops = range(optima.iter().map(|(log_flops, _)| log_flops.exp()));
            return Some([flops, range(optima.iter().map(|(_, loss)| *loss))]);
        }
        let flops = range(self.runs.iter().map(|run| run.flops));
        Some([flops, (law.loss(flops.1)?, law.loss(flops.0)?)])
    }

    /// What is told of the arm; `draws` are the parabolas', which are there even where no frontier comes of them.
    pub(super) fn tell(&self, study: &Study, made: &[Made], draws: &[Option<Drawn>]) -> ArmFit {
        let by = |approach: Approach| Made::by(approach, made);
        let mut profiles = self.profiles.clone();
        if let Some(Method::Profiles { cells, .. }) = self.methods.first() {
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
                ArmSurface::tell(fit, per_token, by(Approach::Surface), &self.fresh)
            }),
            diagnosis: fitted.map(|surface| diagnose(&self.fresh, surface)),
        }
    }
}

/// The frontier through the profiles; along the surface where they have none.
fn frontier(
    profiles: &[Profile],
    by_profiles: Option<&Made>,
    by_surface: Option<&Made>,
) -> Result<Frontier, FrontierRefusal> {
    match (frontier::fit(profiles), by_profiles, by_surface) {
        (Ok(frontier), Some(made), _) => Ok(with_intervals(frontier, made)),
        (Err(refusal), _, Some(made)) => frontier::along(made).ok_or(refusal),
        (frontier, ..) => frontier,
    }
}

fn add_intervals(profile: &mut Profile, at: usize, draws: &[Option<Drawn>]) {
    let widening = widening(profile.points.len(), 3, PARABOLA);
    let Ok(vertex) = &mut profile.vertex else {
        return;
    };
    let of = |of: fn(&Parabola) -> f64| {
        let drawn = draws.iter().map(|drawn| drawn.as_ref()?.vertices());
        drawn.map(move |vertices| vertices?[at].as_ref().map(of))
    };
    vertex.n_opt_interval = interval(of(|p| p.log_n_opt), vertex.n_opt.ln(), widening).map(exp);
    vertex.loss_opt_interval = interval(of(|p| p.loss_opt), vertex.loss_opt, widening);
}

fn with_intervals(frontier: Frontier, made: &Made) -> Frontier {
    Frontier {
        k_interval: made.interval(|drawn| drawn.lines().map(|(loss, _)| -loss.slope)),
        n_exponent_interval: made.n_exponent_interval(),
        ..frontier
    }
}
