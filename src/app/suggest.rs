//! Suggestions of runs that would narrow an interval of a study.

use super::{AppError, ErrorKind, NamedStudy, StudyOrigin};
use isoflop_fit::{FitSettings, SuggestRefusal, Suggestion, SuggestionRequest, Target};

/// A request for a suggestion.
#[derive(Clone, Debug)]
pub struct SuggestRequest {
    /// Limit on the FLOPs of all suggested runs together.
    pub allowance: f64,
    /// The estimate whose interval the runs narrow.
    pub target: Target,
    /// Arm of the exponent, or variant of the multiplier. If `None`, the baseline or the only
    /// variant.
    pub arm: Option<String>,
    /// Compute of the baseline at which to take the multiplier, FLOPs. If `None`, the middle of the
    /// compute that both arms were measured at.
    pub at_flops: Option<f64>,
    /// Limit on the number of runs. If `None`, the number of runs that the study has of these arms.
    pub max_runs: Option<usize>,
    /// Limit on the tokens of a run.
    pub max_tokens: Option<f64>,
}

/// A suggestion, with the limit on its number of runs.
#[derive(Clone, Debug)]
pub struct BoundedSuggestion {
    /// The runs, and the interval expected with them.
    pub suggestion: Suggestion,
    /// Limit on the number of runs.
    pub max_runs: usize,
}

/// Suggests the runs that narrow an interval most, within an allowance of FLOPs.
///
/// # Errors
/// [`AppError`] if an arm has no finished runs, or no run narrows the interval.
pub fn suggest(
    studied: &NamedStudy,
    settings: &FitSettings,
    request: &SuggestRequest,
) -> Result<BoundedSuggestion, AppError> {
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
    let wanted = SuggestionRequest {
        allowance: request.allowance,
        target,
        at_flops: request.at_flops,
        max_runs,
        max_tokens: request.max_tokens.unwrap_or(f64::INFINITY),
        sizes: match &studied.origin {
            StudyOrigin::Sweep { sizes, .. } => Some(sizes.clone()),
            StudyOrigin::Table => None,
        },
        arm,
    };
    let suggestion = isoflop_fit::suggest(&studied.study, settings, &wanted)
        .map_err(|refusal| refused(&refusal, request))?;
    Ok(BoundedSuggestion {
        suggestion,
        max_runs,
    })
}

/// The arm of the target. By default the only variant for a multiplier, and the baseline for an
/// exponent.
fn arm(studied: &NamedStudy, baseline: &str, request: &SuggestRequest) -> Result<String, AppError> {
    let arms = studied.study.arms();
    let others: Vec<String> = arms.into_iter().filter(|arm| arm != baseline).collect();
    match (&request.arm, request.target, others.as_slice()) {
        (Some(arm), Target::Multiplier, _) if arm == baseline => {
            let message = format!("`{arm}` is the baseline, whose multiplier over itself is 1");
            Err(AppError::usage(
                message,
                "name another arm with `--arm`, or choose an exponent, for example with `--of alpha`",
            ))
        }
        (Some(arm), ..) => Ok(arm.clone()),
        (None, Target::Multiplier, [only]) => Ok(only.clone()),
        (None, Target::Multiplier, []) => {
            let message = format!(
                "`{baseline}` is the only arm with finished runs, but a multiplier needs two arms"
            );
            Err(AppError::new(
                ErrorKind::FitImpossible,
                message,
                "choose an exponent, for example with `--of alpha`",
            ))
        }
        (None, Target::Multiplier, several) => {
            let message = format!("the study has several variants: `{}`", several.join("`, `"));
            Err(AppError::usage(message, "choose one with `--arm`"))
        }
        (None, ..) => Ok(baseline.to_owned()),
    }
}

fn refused(refusal: &SuggestRefusal, request: &SuggestRequest) -> AppError {
    let (exit, hint) = match refusal {
        SuggestRefusal::NoSurface { .. } => (
            ErrorKind::FitImpossible,
            "run several sizes at each of several budgets first; `isoflop fit` shows the state of each arm".to_owned(),
        ),
        SuggestRefusal::NoOverlap => (ErrorKind::FitImpossible, "give the compute at which to take the multiplier with `--at-flops`".to_owned()),
        SuggestRefusal::TooFar { .. } => {
            (ErrorKind::Usage, "choose a compute nearer to the study with `--at-flops`".to_owned())
        }
        SuggestRefusal::TooLittle { cheapest, .. } => {
            (ErrorKind::Usage, format!("raise the allowance to at least `--flops {}`", rounded_up(*cheapest)))
        }
        SuggestRefusal::TooFewTokens { .. } => (ErrorKind::Usage, "raise `--max-tokens`".to_owned()),
        SuggestRefusal::TooFewRuns { .. } => (ErrorKind::Usage, "raise `--max-runs` to 2 or more".to_owned()),
        SuggestRefusal::NothingHelps if request.max_runs.is_some() => {
            (ErrorKind::Usage, "raise `--flops` or `--max-runs`".to_owned())
        }
        SuggestRefusal::NothingHelps => (ErrorKind::Usage, "raise `--flops`".to_owned()),
    };
    AppError::new(exit, refusal, hint)
}

/// Formats a value with three digits, rounded up.
fn rounded_up(value: f64) -> String {
    let shown = |value: f64| format!("{value:.2e}");
    let enough = shown(value).parse::<f64>().is_ok_and(|read| read >= value);
    if enough {
        shown(value)
    } else {
        shown(value * 1.005)
    }
}
