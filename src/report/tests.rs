use std::fs;
use std::path::Path;

use super::fixture::{BUDGETS, Example, SIZES, example, fits, scores};
use super::{ReportInputs, write};
use isoflop_table::RunRow;

const ARMS: [&str; 2] = ["transformer", "primer_ez"];
const FIGURES: [&str; 10] = [
    "frontier",
    "profiles",
    "optima",
    "multiplier",
    "predicted",
    "residuals",
    "direct",
    "seconds",
    "curves",
    "learning_rate",
];
/// Figures of a study with profiles.
const OF_LAWS: [&str; 8] = [
    "frontier",
    "profiles",
    "optima",
    "multiplier",
    "predicted",
    "residuals",
    "seconds",
    "curves",
];

fn inputs(example: &Example) -> ReportInputs<'_> {
    ReportInputs {
        sweep: "small",
        fits: &example.fits,
        runs: &example.runs,
        curves: &example.curves,
        command: "isoflop report small",
    }
}

/// The page, and the names of its figures.
fn written(example: &Example) -> (String, Vec<&'static str>) {
    let folder = tempfile::tempdir().expect("a folder");
    let page = fs::read_to_string(write(folder.path(), &inputs(example)).expect("a report"))
        .expect("the page");
    let drawn: Vec<&str> = FIGURES
        .into_iter()
        .filter(|name| folder.path().join(name).with_extension("svg").exists())
        .collect();
    for name in FIGURES {
        assert_eq!(
            page.contains(&format!("({name}.png)")),
            drawn.contains(&name),
            "{name} in {page}"
        );
    }
    assert!(!page.contains("NaN") && !page.contains("inf"), "{page}");
    (page, drawn)
}

/// Width and height, from the header (PNG specification, section 11.2.2).
fn png_size(path: &Path) -> (u32, u32) {
    let bytes = fs::read(path).expect("a PNG");
    assert_eq!(&bytes[..8], b"\x89PNG\r\n\x1a\n");
    let number =
        |at: usize| u32::from_be_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
    assert!(bytes.len() > 10_000, "{} is empty", path.display());
    (number(16), number(20))
}

#[test]
fn a_study_becomes_a_page() {
    let (page, drawn) = written(&example(&ARMS, &SIZES, &BUDGETS));
    assert_eq!(drawn, OF_LAWS);
    insta::assert_snapshot!("report.md", page);
}

#[test]
fn figures_name_their_axes_and_are_the_same_each_time() {
    let (one, two) = (
        tempfile::tempdir().expect("a folder"),
        tempfile::tempdir().expect("a folder"),
    );
    let example = example(&ARMS, &SIZES, &BUDGETS);
    for folder in [&one, &two] {
        write(folder.path(), &inputs(&example)).expect("a report");
    }
    for (name, (width, height), titles) in [
        (
            "frontier",
            (760, 480),
            ["C, training FLOPs", "validation loss, nats/token"],
        ),
        (
            "profiles",
            (760, 480),
            ["N, parameters", "validation loss, nats/token"],
        ),
        (
            "optima",
            (1020, 330),
            ["C, training FLOPs", "D*/N*, tokens/param"],
        ),
        (
            "multiplier",
            (760, 480),
            [
                "C of the baseline, training FLOPs",
                "loss that both arms reach, nats/token",
            ],
        ),
        (
            "predicted",
            (760, 400),
            ["predicted loss, nats/token", "validation loss, nats/token"],
        ),
        (
            "residuals",
            (1020, 330),
            ["D, tokens", "predicted / measured loss - 1"],
        ),
        (
            "seconds",
            (760, 480),
            [
                "training time, device-seconds",
                "validation loss, nats/token",
            ],
        ),
        (
            "curves",
            (760, 480),
            ["training tokens", "validation loss, nats/token"],
        ),
    ] {
        let svg = fs::read_to_string(one.path().join(name).with_extension("svg")).expect("an SVG");
        assert!(titles.iter().all(|title| svg.contains(title)), "{name}");
        let size = format!(
            "<svg width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {} {}\"",
            4 * width,
            4 * height
        );
        assert!(svg.starts_with(&size), "{}", &svg[..90]);
        assert_eq!(
            png_size(&one.path().join(name).with_extension("png")),
            (2 * width, 2 * height),
            "{name}"
        );
    }
    let names = |folder: &Path| {
        let mut names: Vec<_> = fs::read_dir(folder)
            .expect("the folder")
            .map(|e| e.expect("a file").file_name())
            .collect();
        names.sort();
        names
    };
    assert_eq!(
        names(one.path()).len(),
        2 * OF_LAWS.len() + 1,
        "temporary files remain"
    );
    for name in names(one.path()) {
        let read = |folder: &Path| fs::read(folder.join(&name)).expect("a file");
        assert!(read(one.path()) == read(two.path()), "{name:?} differs");
    }
}

#[test]
fn one_arm_has_nothing_to_compare() {
    let (page, drawn) = written(&example(&ARMS[..1], &SIZES, &BUDGETS));
    assert!(page.contains("nothing to compare it with"));
    assert_eq!(
        drawn,
        [
            "frontier",
            "profiles",
            "optima",
            "predicted",
            "residuals",
            "seconds",
            "curves"
        ]
    );
}

#[test]
fn one_budget_has_no_frontier() {
    let (page, drawn) = written(&example(&ARMS, &SIZES, &BUDGETS[..1]));
    assert!(page.contains("a frontier needs at least 2"));
    assert_eq!(
        drawn,
        ["frontier", "profiles", "optima", "seconds", "curves"]
    );
}

/// One budget has enough sizes. At the others, the runs are compared side by side.
#[test]
fn refused_profiles_say_why() {
    let mut example = example(&ARMS, &SIZES, &BUDGETS);
    example
        .runs
        .retain(|run| run.budget.value() == BUDGETS[0] || run.params_total < u64::from(SIZES[3]));
    example.fits = fits(&example.runs);
    let (page, drawn) = written(&example);
    assert!(
        page.contains("refused: 3 finished runs of 3 sizes; a profile needs at least 4 of each")
    );
    assert!(
        page.contains("## Losses at equal budget and size") && page.contains("## IsoFLOP profiles")
    );
    // Without profiles, a surface can still give a frontier.
    assert_eq!(
        drawn,
        [
            "frontier",
            "profiles",
            "optima",
            "multiplier",
            "predicted",
            "residuals",
            "direct",
            "seconds",
            "curves"
        ]
    );
}

/// An ablation: many arms, one size, one budget, three seeds.
#[test]
fn arms_without_profiles_are_compared_side_by_side() {
    let names: Vec<String> = ["transformer".to_owned()]
        .into_iter()
        .chain((1..12).map(|i| format!("change_{i}")))
        .collect();
    let arms: Vec<&str> = names.iter().map(String::as_str).collect();
    let runs: Vec<RunRow> = (1..=3)
        .flat_map(|seed| {
            let noise = move |arm: usize| {
                0.01 * ((seed * 7 + arm as u64 * 3) as f64).sin() - 0.005 * arm as f64
            };
            let shift = move |(arm, run): (usize, RunRow)| RunRow {
                seed,
                scores: Some(scores(2.0 + noise(arm))),
                ..run
            };
            example(&arms, &SIZES[..1], &BUDGETS[..1])
                .runs
                .into_iter()
                .filter(|run| run.loss().is_some())
                .enumerate()
                .map(shift)
        })
        .collect();
    let ablation = Example {
        fits: fits(&runs),
        runs,
        curves: Vec::new(),
    };
    let (page, drawn) = written(&ablation);
    assert_eq!(drawn, ["direct", "seconds"]);
    insta::assert_snapshot!("ablation.md", page);
    let folder = tempfile::tempdir().expect("a folder");
    write(folder.path(), &inputs(&ablation)).expect("a report");
    let svg = fs::read_to_string(folder.path().join("direct.svg")).expect("the figure");
    assert!(
        names.iter().all(|name| svg.contains(name.as_str()))
            && svg.contains("loss minus the loss of transformer")
    );
}

#[test]
fn extrapolated_profiles_are_marked() {
    let (page, _) = written(&example(
        &ARMS,
        &[100_000, 150_000, 200_000, 300_000],
        &BUDGETS,
    ));
    assert!(page.contains("extrapolated: outside the measured sizes, not used"));
}

#[test]
fn a_baseline_that_is_not_there_is_named() {
    let (page, _) = written(&example(&["primer_ez", "primer"], &SIZES, &BUDGETS));
    assert!(page.contains("`transformer` has no frontier: it has no finished run"));
}

#[test]
fn without_curves_there_is_no_figure_of_them() {
    let without = Example {
        curves: Vec::new(),
        ..example(&ARMS, &SIZES, &BUDGETS)
    };
    assert_eq!(written(&without).1, OF_LAWS[..7]);
}

#[test]
fn without_a_finished_run_nothing_is_drawn_and_old_figures_go() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("frontier.png"), "old").expect("an old figure");
    let planned = example(&ARMS, &SIZES, &BUDGETS).runs.into_iter();
    let missing = |run| RunRow {
        scores: None,
        flops_spent: None,
        train_seconds: None,
        status: isoflop_table::RunStatus::Missing,
        ..run
    };
    let runs: Vec<RunRow> = planned.map(missing).collect();
    let nothing = Example {
        fits: fits(&runs),
        runs,
        curves: Vec::new(),
    };
    let page = fs::read_to_string(write(folder.path(), &inputs(&nothing)).expect("a report"))
        .expect("the page");
    assert!(page.contains("No run has finished"));
    assert!(!page.contains(".png") && !folder.path().join("frontier.png").exists());
}

/// Three learning-rate factors. The best factor of one arm is at the edge.
#[test]
fn tried_learning_rates_are_drawn() {
    let mut example = example(&ARMS, &SIZES, &BUDGETS);
    let tried = |run: &RunRow, factor: f64| {
        let best = if run.arm == ARMS[0] { 1.0 } else { 2.0f64 };
        let worse = 0.02 * (factor / best).ln().powi(2);
        RunRow {
            run_id: format!("{}-{factor}", run.run_id),
            lr_factor: factor,
            scores: run.loss().map(|loss| scores(loss + worse)),
            ..run.clone()
        }
    };
    example.runs = example
        .runs
        .iter()
        .flat_map(|run| [0.5, 1.0, 2.0].map(|factor| tried(run, factor)))
        .collect();
    example.fits = fits(&example.runs);
    let (page, drawn) = written(&example);
    assert!(
        drawn.contains(&"learning_rate") && page.contains("15 of 30 best factors are at the edge")
    );
}

/// A run that continued from a trunk did not spend the trunk's seconds.
#[test]
fn runs_with_a_trunk_have_no_seconds() {
    let mut example = example(&ARMS, &SIZES, &BUDGETS);
    for run in &mut example.runs {
        run.trunk_steps = Some(10);
    }
    assert!(!written(&example).1.contains(&"seconds"));
}

#[test]
fn a_folder_that_cannot_be_made_is_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("taken");
    fs::write(&file, "").expect("a file");
    let error = write(
        &file.join("report"),
        &inputs(&example(&ARMS, &SIZES, &BUDGETS)),
    )
    .expect_err("no folder");
    assert!(error.to_string().contains("taken/report"), "{error}");
}
