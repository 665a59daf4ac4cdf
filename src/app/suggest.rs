//! Runs that would narrow what a study says.

use super::{AppError, ErrorKind, Origin, Studied};
use isoflop_fit::{Settings, SuggestRefusal, Suggestion, Target, Wanted};

/// What is asked of further runs.
#[derive(Clone, Debug)]
pub struct SuggestRequest {
    /// FLOPs that all of them may cost together.
    pub allowance: f64,
    /// What they are to tell of.
    pub target: Target,
    /// The arm whose exponent it is, or that is compared with the baseline; by itself the baseline, or the only other arm.
    pub arm: Option<String>,
    /// FLOPs of the baseline at which the multiplier is wanted; by itself the middle of what both arms were measured at.
    pub at_flops: Option<f64>,
    /// Most runs; by itself as many as the study has of these arms.
    pub max_runs: Option<usize>,
    /// Most tokens of a run.
    pub max_tokens: Option<f64>,
}

/// A suggestion, and the most runs that it could be of.
#[derive(Clone, Debug)]
pub struct Suggested {
    /// The runs, and what is expected of them.
    pub suggestion: Suggestion,
    /// Most runs that were allowed.
    pub max_runs: usize,
}

/// Suggests the runs that narrow an interval most, for so many FLOPs.
///
/// # Errors
/// [`AppError`] where an arm is none of the study's, or no run helps.
pub fn suggest(
    studied: &Studied,
    settings: &Settings,
    request: &SuggestRequest,
) -> Result<Suggested, AppError> {
    let baseline = &settings.baseline;
    studied.check_arm(baseline)?;
    request
        .arm
        .iter()
        .try_for_each(|arm| studied.check_arm(arm))?;
    let target = request.target;
    let arm = arm(studied, baseline, request)?;
    let is_of = |name: &str| name == arm || (target == Target::Multiplier && name == baseline);
    let observations = &studied.study.observations;
    let runs = || observations.iter().filter(|run| is_of(&run.arm)).count();
    let max_runs = request.max_runs.unwrap_or_else(runs);
    let wanted = Wanted {
        allowance: request.allowance,
        target,
        at_flops: request.at_flops,
        max_runs,
        max_tokens: request.max_tokens.unwrap_or(f64::INFINITY),
        sizes: match &studied.origin {
            Origin::Sweep { sizes, .. } => Some(sizes.clone()),
            Origin::Table => None,
        },
        arm,
    };
    let suggestion = isoflop_fit::suggest(&studied.study, settings, &wanted)
        .map_err(|refusal| refused(&refusal, request))?;
    Ok(Suggested {
        suggestion,
        max_runs,
    })
}

/// The arm that is meant: of two arms the other is the variant, and an exponent is the baseline's where nothing else is said.
fn arm(studied: &Studied, baseline: &str, request: &SuggestRequest) -> Result<String, AppError> {
    let arms = studied.study.arms();
    let others: Vec<String> = arms.into_iter().filter(|arm| arm != baseline).collect();
    match (&request.arm, request.target, others.as_slice()) {
        (Some(arm), Target::Multiplier, _) if arm == baseline => {
            let message = format!("`{arm}` is the baseline, and its multiplier over itself is 1");
            Err(AppError::usage(
                message,
                "name another arm with `--arm`, or ask `--of alpha`",
            ))
        }
        (Some(arm), ..) => Ok(arm.clone()),
        (None, Target::Multiplier, [only]) => Ok(only.clone()),
        (None, Target::Multiplier, []) => {
            let message =
                format!("`{baseline}` is the only arm with finished runs: a multiplier takes two");
            Err(AppError::new(
                ErrorKind::FitImpossible,
                message,
                "ask for an exponent, as with `--of alpha`",
            ))
        }
        (None, Target::Multiplier, several) => {
            let message = format!(
                "the study compares several arms: `{}`",
                several.join("`, `")
            );
            Err(AppError::usage(
                message,
                "say with `--arm` whose multiplier is meant",
            ))
        }
        (None, ..) => Ok(baseline.to_owned()),
    }
}

fn refused(refusal: &SuggestRefusal, request: &SuggestRequest) -> AppError {
    let (exit, hint) = match refusal {
        SuggestRefusal::NoSurface { .. } => (
            ErrorKind::FitImpossible,
            "run several sizes at each of several budgets first; `isoflop fit` says how each arm stands".to_owned(),
        ),
        SuggestRefusal::NoOverlap => (ErrorKind::FitImpossible, "say with `--at-flops` where it is wanted".to_owned()),
        SuggestRefusal::TooFar { .. } => {
            (ErrorKind::Usage, "name a compute nearer to the study with `--at-flops`".to_owned())
        }
        SuggestRefusal::TooLittle { cheapest, .. } => {
            (ErrorKind::Usage, format!("allow that much: `--flops {}`", rounded_up(*cheapest)))
        }
        SuggestRefusal::TooFewTokens { .. } => (ErrorKind::Usage, "allow more with `--max-tokens`".to_owned()),
        SuggestRefusal::TooFewRuns { .. } => (ErrorKind::Usage, "allow two or more with `--max-runs`".to_owned()),
        SuggestRefusal::NothingHelps if request.max_runs.is_some() => {
            (ErrorKind::Usage, "allow more with `--flops` or `--max-runs`".to_owned())
        }
        SuggestRefusal::NothingHelps => (ErrorKind::Usage, "allow more with `--flops`".to_owned()),
    };
    AppError::new(exit, refusal, hint)
}

/// Three digits that are no less than the value.
fn rounded_up(value: f64) -> String {
    let shown = |value: f64| format!("{value:.2e}");
    let enough = shown(value).parse::<f64>().is_ok_and(|read| read >= value);
    if enough {
        shown(value)
    } else {
        shown(value * 1.005)
    }
}
