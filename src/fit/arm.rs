//! All that is said of one arm: its profiles, its surface, its frontiers, and how far they can be trusted.

use std::collections::BTreeMap;

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
use super::surface::{self, Objective, Surface, SurfaceFit, SurfaceRefusal};
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
    pub(super) runs: Vec<(usize, &'a Observation)>,
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
        .map(|(budget, cell)| profile::fit(cell.clone(), *budget))
        .collect();
    let fresh = fresh(&runs);
    let surface = surface_of(&fresh, settings.objective);
    let mut methods: Vec<Method> = [Form::Parabola, Form::Cubic, Form::Windowed]
        .into_iter()
        .map(|form| Method::Profiles {
            form,
            cells: cells(form, &profiles, &budgets),
        })
        .collect();
    let by_surface = |(fit, per_token): &(SurfaceFit, PerToken)| Method::Surface {
        runs: fresh.iter().map(|(at, _)| *at).collect(),
        points: points(&fresh),
        objective: settings.objective,
        from: fit.surface,
        per_token: *per_token,
    };
    methods.extend(surface.as_ref().ok().map(by_surface));
    methods.push(Method::Envelope {
        points: envelope_points(study, &runs),
    });
    Prepared {
        name: name.to_owned(),
        runs,
        profiles,
        surface,
        methods,
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
    let mut cells = Vec::new();
    for (at, (profile, runs)) in profiles.iter().zip(budgets.values()).enumerate() {
        // A table whose runs were not planned by budget has as many budgets as runs, and none of them draws a curve.
        if runs.len() >= FEWEST {
            let runs = runs
                .iter()
                .map(|(at, run)| (run.params.ln(), run.loss, *at))
                .collect();
            cells.push(Cell {
                profile: at,
                log_flops: profile.flops.ln(),
                runs,
                used: used(profile),
            });
        }
    }
    cells
}

fn points(runs: &[(usize, &Observation)]) -> Vec<surface::Point> {
    runs.iter().map(|(_, run)| run.point()).collect()
}

fn surface_of(
    runs: &[(usize, &Observation)],
    objective: Objective,
) -> Result<(SurfaceFit, PerToken), SurfaceRefusal> {
    let fit = surface::searched(&points(runs), objective)?;
    let per_token =
        PerToken::of(runs.iter().map(|(_, run)| *run)).ok_or(SurfaceRefusal::NotConverged)?;
    Ok((fit, per_token))
}

/// The arm's training curves; the ends of its runs where none are known.
fn envelope_points(study: &Study, runs: &[(usize, &Observation)]) -> Vec<EnvelopePoint> {
    let places: BTreeMap<&str, usize> = runs
        .iter()
        .map(|(at, run)| (run.run.as_str(), *at))
        .collect();
    let point = |run: usize, n: f64, c: f64, loss: f64| EnvelopePoint {
        log_flops: c.ln(),
        log_n: n.ln(),
        log_loss: loss.ln(),
        run,
    };
    let curves = study
        .trajectories
        .iter()
        .filter_map(|curve| Some((places.get(curve.run.as_str())?, curve)));
    let on_the_way: Vec<EnvelopePoint> = curves
        .flat_map(|(at, curve)| {
            curve
                .points
                .iter()
                .map(|p| point(*at, curve.params, p.flops, p.loss))
        })
        .collect();
    if !on_the_way.is_empty() {
        return on_the_way;
    }
    runs.iter()
        .map(|(at, run)| point(*at, run.params, run.flops, run.loss))
        .collect()
}

/// The runs that read no text twice: those that a surface goes through.
fn fresh<'a>(runs: &[(usize, &'a Observation)]) -> Vec<(usize, &'a Observation)> {
    runs.iter()
        .filter(|(_, run)| !run.repeats())
        .copied()
        .collect()
}

impl<'a> Prepared<'a> {
    /// The runs that its surface goes through, with their places among the observations.
    pub(super) fn fresh(&self) -> Vec<(usize, &'a Observation)> {
        fresh(&self.runs)
    }

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
            let flops_range = self.flops_range(method);
            let loss_range = self.loss_range(method, &estimate, &law, flops_range)?;
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

    /// Compute that a method was measured at.
    fn flops_range(&self, method: &Method) -> (f64, f64) {
        match method {
            Method::Profiles { cells, .. } => range(
                cells
                    .iter()
                    .filter(|cell| cell.used)
                    .map(|cell| cell.log_flops.exp()),
            ),
            _ => range(self.runs.iter().map(|(_, run)| run.flops)),
        }
    }

    /// L* that a method was measured at: the vertices' own, or the law's at the ends of the compute.
    fn loss_range(
        &self,
        method: &Method,
        estimate: &Drawn,
        law: &Law,
        flops: (f64, f64),
    ) -> Option<(f64, f64)> {
        match (method, estimate) {
            (Method::Profiles { cells, .. }, Drawn::Profiles { vertices, .. }) => {
                let used = cells.iter().zip(vertices).filter(|(cell, _)| cell.used);
                let losses: Option<Vec<f64>> =
                    used.map(|(_, vertex)| Some((*vertex)?.loss_opt)).collect();
                Some(range(losses?.iter().copied()))
            }
            _ => Some((law.loss(flops.1)?, law.loss(flops.0)?)),
        }
    }

    /// What is told of the arm; `draws` are the parabolas', which are there even where no frontier comes of them.
    pub(super) fn tell(&self, study: &Study, made: &[Made], draws: &[Option<Drawn>]) -> ArmFit {
        let by = |approach: Approach| Made::by(approach, made);
        let mut profiles = self.profiles.clone();
        if let Some(Method::Profiles { cells, .. }) = self.methods.first() {
            cells
                .iter()
                .enumerate()
                .for_each(|(at, cell)| add_intervals(&mut profiles[cell.profile], at, draws));
        }
        let fresh = self.fresh();
        let surface = self.surface.as_ref().map_err(|refusal| *refusal);
        let fitted = surface.ok().map(|(fit, _)| &fit.surface);
        ArmFit {
            runs: self.runs.len(),
            over_training: over_training(&fresh),
            data_constrained: fitted.and_then(|surface| repeated(&self.runs, surface)),
            irreducible: irreducible(&profiles),
            seed_noise: study.seed_noise(&self.name),
            arm: self.name.clone(),
            frontier: frontier(&profiles, by(Approach::Profiles), by(Approach::Surface)),
            profiles,
            surface: surface.map(|(fit, per_token)| {
                ArmSurface::tell(fit, per_token, by(Approach::Surface), &fresh)
            }),
            diagnosis: fitted.map(|surface| diagnose(&fresh, surface)),
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
        let draw = |drawn: &Option<Drawn>| match drawn {
            Some(Drawn::Profiles { vertices, .. }) => vertices[at].as_ref().map(of),
            _ => None,
        };
        draws.iter().map(draw).collect::<Vec<_>>()
    };
    vertex.n_opt_interval = interval(of(|p| p.log_n_opt), vertex.n_opt.ln(), widening).map(exp);
    vertex.loss_opt_interval = interval(of(|p| p.loss_opt), vertex.loss_opt, widening);
}

fn with_intervals(frontier: Frontier, made: &Made) -> Frontier {
    let lines = |drawn: &Drawn| match drawn {
        Drawn::Profiles { lines, .. } => *lines,
        _ => None,
    };
    Frontier {
        k_interval: made.interval(|drawn| lines(drawn).map(|(loss, _)| -loss.slope)),
        n_exponent_interval: made.n_exponent_interval(),
        ..frontier
    }
}

fn over_training(runs: &[(usize, &Observation)]) -> Result<OverTraining, OverTrainingRefusal> {
    let run = |(_, run): &(usize, &Observation)| over_training::Run {
        n: run.params,
        d: run.tokens,
        loss: run.loss,
    };
    over_training::fit(&runs.iter().map(run).collect::<Vec<_>>())
}

fn repeated(runs: &[(usize, &Observation)], surface: &Surface) -> Option<DataConstrained> {
    let run = |(_, run): &(usize, &Observation)| {
        let unique = run.further.unique_tokens.filter(|_| run.repeats())?;
        Some(data_constrained::Run {
            n: run.params,
            d: run.tokens,
            unique,
            loss: run.loss,
        })
    };
    data_constrained::fit(surface, &runs.iter().filter_map(run).collect::<Vec<_>>()).ok()
}
