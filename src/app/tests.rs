//! Tests of the use cases, without a terminal.

use std::fs;

use super::{
    ErrorKind, PlanRequest, SilentListener, StudyOrigin, StudySource, fit, fit_refusal, plan,
    predict, prediction_refusal, report, study,
};
use isoflop_fit::{FitSettings, PredictionRequest};

/// A table of runs that obey L = E + A·N^-α + B·D^-β, in a folder that is
/// deleted when the first value is dropped.
fn table(sizes: &[f64], budgets: &[f64]) -> (tempfile::TempDir, StudySource) {
    let dir = tempfile::tempdir().unwrap();
    let mut text = "params,tokens,loss\n".to_owned();
    for budget in budgets {
        for params in sizes {
            let tokens = budget / (6.0 * params);
            let loss = 1.7 + 400.0 * params.powf(-0.34) + 410.0 * tokens.powf(-0.28);
            text += &format!("{params},{tokens},{loss}\n");
        }
    }
    let path = dir.path().join("runs.csv");
    fs::write(&path, text).unwrap();
    let source = StudySource {
        name: path.to_str().unwrap().to_owned(),
        ..StudySource::default()
    };
    (dir, source)
}

fn settings(baseline: &str) -> FitSettings {
    FitSettings {
        replicates: 100,
        ..FitSettings::new(baseline)
    }
}

#[test]
fn a_table_is_fitted_and_predicted_by() {
    let sizes = [4e6, 8e6, 16e6, 32e6, 64e6];
    let (_dir, source) = table(&sizes, &[1e16, 1e17, 1e18]);
    let studied = study(&source, &mut SilentListener).unwrap();
    assert!(matches!(studied.origin, StudyOrigin::Table));
    let settings = settings(&studied.baseline);
    let fits = fit(&studied, &settings).unwrap();
    assert_eq!((fits.runs_used, fit_refusal(&studied, &fits)), (15, None));
    let asked = PredictionRequest {
        flops: vec![1e17],
        runs: Vec::new(),
        arm: None,
        approach: None,
    };
    let predictions = predict(&studied, &settings, &asked).unwrap();
    assert_eq!(prediction_refusal(&predictions), None);
    assert_eq!(predictions[0].budgets.len(), 1);
}

#[test]
fn too_little_is_a_value_with_a_refusal() {
    let (_dir, source) = table(&[4e6, 8e6], &[1e16]);
    let studied = study(&source, &mut SilentListener).unwrap();
    let fits = fit(&studied, &settings(&studied.baseline)).unwrap();
    let refusal = fit_refusal(&studied, &fits).unwrap();
    assert_eq!(refusal.kind, ErrorKind::FitImpossible);
    let error = fit(&studied, &settings("nobody")).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Usage);
}

#[test]
fn errors_have_a_kind_and_a_hint() {
    let dir = tempfile::tempdir().unwrap();
    let request = PlanRequest {
        file: dir.path().join("nothing.yaml"),
        ..PlanRequest::default()
    };
    let of_plan = plan(&request, &mut SilentListener).unwrap_err();
    let of_report = report("nothing", dir.path(), dir.path()).unwrap_err();
    assert_eq!(of_plan.kind, ErrorKind::BadSweep);
    assert_eq!(of_report.kind, ErrorKind::Usage);
    assert!(!of_plan.hint.is_empty() && of_report.hint.contains("isoflop run"));
}
