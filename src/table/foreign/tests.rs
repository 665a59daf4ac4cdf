//! Tests of tables as other people write them.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use polars::prelude::{Column, DataFrame, ParquetWriter};
use proptest::prelude::*;
use tempfile::TempDir;

use isoflop_core::run::{Budget, SweepDir};
use isoflop_fit::{ExcludedRun, Study};

use super::*;
use crate::{RunStatus, SweepTables};

/// Value of `--map`.
type Map = &'static [(&'static str, &'static str)];

/// Reads bytes as a file of this name. Removes the temporary folder from messages.
fn read_as(
    name: &str,
    bytes: &[u8],
    map: &[(&str, &str)],
    keep: bool,
) -> Result<ForeignTable, String> {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join(name);
    std::fs::write(&path, bytes).unwrap();
    let map: Vec<(String, String)> = map
        .iter()
        .map(|(r, c)| ((*r).to_owned(), (*c).to_owned()))
        .collect();
    read_foreign(&path, &map, keep).map_err(|error| {
        let text = format!("error: {error}\nhint: {}", error.fault.hint());
        text.replace(&format!("{}/", folder.path().display()), "")
    })
}

pub(super) fn csv(text: &str) -> ForeignTable {
    read_as("runs.csv", text.as_bytes(), &[], false).unwrap_or_else(|e| panic!("{e}\n{text}"))
}

fn law(n: f64, d: f64) -> f64 {
    1.7 + 400.0 / n.powf(0.34) + 410.0 / d.powf(0.28)
}

/// Six sizes at three budgets, as (N, D, L).
fn grid() -> Vec<(f64, f64, f64)> {
    let cells = [1e17, 1e18, 1e19]
        .into_iter()
        .flat_map(|c| (0..6).map(move |i| (c, 5e6 * 2f64.powi(i))));
    cells
        .map(|(c, n): (f64, f64)| (n, (c / (6.0 * n)).round(), law(n, (c / (6.0 * n)).round())))
        .collect()
}

fn lines(header: &str, rows: impl IntoIterator<Item = String>) -> String {
    rows.into_iter()
        .fold(format!("{header}\n"), |mut text, row| {
            let _ = writeln!(text, "{row}");
            text
        })
}

fn grid_csv() -> String {
    lines(
        "params,tokens,loss",
        grid().iter().map(|(n, d, l)| format!("{n},{d},{l}")),
    )
}

/// Formats the notes of a table and the rows that are left out.
pub(super) fn format_notes(foreign: &ForeignTable) -> String {
    let mut text = String::new();
    for note in &foreign.notes {
        let _ = match note {
            TableNote::Remark(note) => writeln!(text, "note: {note}"),
            TableNote::Warning(warning) => writeln!(text, "warning: {warning}"),
        };
    }
    for ExcludedRun { run, reason } in &foreign.study.excluded {
        let _ = writeln!(text, "left out: {run}: {reason}");
    }
    let _ = writeln!(text, "{} runs", foreign.study.observations.len());
    text
}

#[test]
fn files_that_are_no_tables() {
    let cases = [
        ("an empty file", "runs.csv", vec![]),
        ("blank lines alone", "runs.csv", b"\n\n".to_vec()),
        (
            "a header alone",
            "runs.csv",
            b"params,tokens,loss\n".to_vec(),
        ),
        (
            "a row too short",
            "runs.csv",
            b"params,tokens,loss\n1e6,1e9,3\n1e6,1e9\n".to_vec(),
        ),
        (
            "a row too long",
            "runs.csv",
            b"params,tokens,loss\n1,000,000,1e9,3\n".to_vec(),
        ),
        (
            "another separator",
            "runs.csv",
            b"\nparams|tokens|loss\n1|2|3\n".to_vec(),
        ),
        (
            "spaces",
            "runs.tsv",
            b"params tokens  loss\n1 2 3\n".to_vec(),
        ),
        (
            "quotes around lines",
            "runs.csv",
            b"\"params,tokens,loss\"\n\"1,2,3\"\n".to_vec(),
        ),
        (
            "a comment",
            "runs.csv",
            b"# of last week\nparams,tokens,loss\n1,2,3\n".to_vec(),
        ),
        ("one column", "runs.csv", b"loss\n3\n".to_vec()),
        (
            "a long column",
            "runs.csv",
            [b"loss".repeat(50), b"\n3\n".to_vec()].concat(),
        ),
        (
            "another encoding",
            "runs.csv",
            b"arch,params,tokens,loss\ncaf\xe9,1e6,1e9,3\n".to_vec(),
        ),
        (
            "another encoding, of an old Mac",
            "runs.csv",
            b"arch,params\rb,1\rcaf\xe9,1e6\r".to_vec(),
        ),
        ("UTF-16", "runs.csv", b"\xff\xfep\0a\0".to_vec()),
        (
            "UTF-16 without a mark",
            "runs.csv",
            b"p\0a\0r\0a\0".to_vec(),
        ),
        (
            "the other UTF-16 without a mark",
            "runs.csv",
            b"\0p\0a\0r\0a".to_vec(),
        ),
        (
            "a NUL byte",
            "runs.csv",
            b"params,tokens,loss\n1e6,1e\09,3\n".to_vec(),
        ),
        (
            "an old Mac's row too short",
            "runs.csv",
            b"params,tokens,loss\r1e6,1e9,3\r1e6,1e9\r".to_vec(),
        ),
        (
            "not Parquet",
            "runs.parquet",
            b"params,tokens,loss\n1e6,1e9,3\n".to_vec(),
        ),
        (
            "not zstd",
            "runs.csv.zst",
            b"params,tokens,loss\n1e6,1e9,3\n".to_vec(),
        ),
        ("another ending", "runs.xlsx", b"PK".to_vec()),
    ];
    let mut text = String::new();
    for (name, file, bytes) in cases {
        let _ = writeln!(
            text,
            "## {name}\n{}\n",
            read_as(file, &bytes, &[], false).unwrap_err()
        );
    }
    insta::assert_snapshot!(text);
}

#[test]
fn columns_that_are_not_found() {
    let header = |header: &str| format!("{header}\n1e6,1e9,3,5\n");
    let cases: [(&str, String, Map); 15] = [
        ("no params", header("prams,tokens,loss,x"), &[]),
        (
            "params by a longer name",
            header("params (M),tokens,loss,x"),
            &[],
        ),
        ("no tokens", header("params,tokns,loss,x"), &[]),
        ("no loss", header("params,tokens,a,b"), &[]),
        (
            "two losses",
            header("params,tokens,val_loss,eval_loss"),
            &[],
        ),
        ("two architectures", header("Model,model_name,loss,x"), &[]),
        ("a column twice", header("params,params,tokens,loss"), &[]),
        (
            "an unknown role",
            header("params,tokens,loss,x"),
            &[("parms", "x")],
        ),
        (
            "a role by its synonym",
            header("params,tokens,loss,x"),
            &[("val_loss", "x")],
        ),
        (
            "a role without similar names",
            header("params,tokens,loss,x"),
            &[("zzz", "x")],
        ),
        (
            "an unknown column",
            header("params,tokens,loss,x"),
            &[("loss", "los")],
        ),
        (
            "a column without similar names",
            header("params,tokens,loss,x"),
            &[("loss", "zzz")],
        ),
        (
            "a role twice",
            header("params,tokens,loss,x"),
            &[("loss", "loss"), ("loss", "x")],
        ),
        (
            "a column of another role",
            header("arch,params,tokens,loss"),
            &[("params", "tokens")],
        ),
        (
            "many columns",
            format!(
                "{}\n{}1\n",
                (0..40)
                    .map(|i| format!("k{i}"))
                    .collect::<Vec<_>>()
                    .join(","),
                "1,".repeat(39)
            ),
            &[],
        ),
    ];
    let mut text = String::new();
    for (name, table, map) in cases {
        let _ = writeln!(
            text,
            "## {name}\n{}\n",
            read_as("runs.csv", table.as_bytes(), map, false).unwrap_err()
        );
    }
    insta::assert_snapshot!(text);
}

#[test]
fn values_that_no_run_has() {
    let cases = [
        ("a text", "params,tokens,loss", "many,1e9,3"),
        ("no params at all", "params,tokens,loss", "0,1e9,3"),
        ("tokens below 0", "params,tokens,loss", "1e6,-3,3"),
        ("infinite tokens", "params,tokens,loss", "1e6,inf,3"),
        ("a loss of 0", "params,tokens,loss", "1e6,1e9,0"),
        ("a loss below 0", "params,tokens,loss", "1e6,1e9,-2.5"),
        ("a loss in words", "params,tokens,loss", "1e6,1e9,low"),
        ("a decimal comma", "params;tokens;loss", "1e6;1e9;3,141"),
        (
            "a comma that is decimal",
            "params;tokens;loss",
            "1e6;1e9;4,5689",
        ),
        (
            "a fractional seed",
            "params,tokens,loss,seed",
            "1e6,1e9,3,1.5",
        ),
        (
            "a learning rate of 0",
            "params,tokens,loss,lr",
            "1e6,1e9,3,0",
        ),
        (
            "a part above all",
            "n params,non-embedding params,d,l",
            "1.0e6,1.1e6,1e9,3",
        ),
        (
            "a name with a colour code",
            "arch,params,tokens,loss",
            "\x1b[31mred,1e6,1e9,3",
        ),
        (
            "a name of two lines",
            "arch,params,tokens,loss",
            "\"a\nb\",1e6,1e9,3",
        ),
        (
            "a control character for a number",
            "params,tokens,loss",
            "1e6,\x07,3",
        ),
        ("a number too large", "params,tokens,loss", "1e999,1e9,3"),
        (
            "no finished run",
            "params,tokens,loss,status",
            "1e6,1e9,3,crashed\n1e6,1e9,,finished\n1e6,1e9,nan,ok",
        ),
    ];
    let mut text = String::new();
    for (name, header, rows) in cases {
        let table = format!("{header}\n{rows}\n");
        let _ = writeln!(
            text,
            "## {name}\n{}\n",
            read_as("runs.csv", table.as_bytes(), &[], false).unwrap_err()
        );
    }
    insta::assert_snapshot!(text);
}

#[test]
fn what_is_assumed_is_said() {
    let bits = |n: f64| n / std::f64::consts::LN_2;
    let some = |header: &str, row: &dyn Fn(usize, (f64, f64, f64)) -> String| {
        lines(
            header,
            grid().into_iter().enumerate().map(|(i, cell)| row(i, cell)),
        )
    };
    let cases = [
        ("only N, D and L", grid_csv()),
        ("FLOPs but no tokens", some("arch,params,flops,loss", &|_, (n, d, l)| format!("a,{n},{},{l}", 6.0 * n * d))),
        ("rows twice", grid_csv() + &grid_csv().lines().nth(3).map(|l| format!("{l}\n")).unwrap()),
        ("repeats", grid_csv() + some("", &|_, (n, d, l)| format!("{n},{d},{}", l + 0.01)).trim_start()),
        ("repeats with a seed", "params,tokens,loss,seed\n1e6,1e9,3,1\n1e6,1e9,3.1,1\n1e6,1e9,3.2,2\n".to_owned()),
        ("repeats by another name", "params,tokens,loss,dataset\n1e6,1e9,3,c4\n1e6,1e9,3.1,pile\n".to_owned()),
        (
            "rows without a usable loss",
            "params,tokens,loss,status\n1e6,1e9,nan,ok\n1e6,1e9,,ok\n1e6,1e9,9,Diverged\n,1e9,3,ok\n1e6,1e9,3,ok\n"
                .to_owned(),
        ),
        (
            "three that diverged",
            some("params,tokens,loss", &|i, (n, d, l)| {
                format!(
                    "{n},{d},{}",
                    match i {
                        2 => 7.6,
                        7 => 9.0,
                        16 => 10.8,
                        _ => l,
                    }
                )
            }),
        ),
        (
            "a few runs, of which one diverged",
            "params,tokens,loss\n1e6,1e9,3.1\n2e6,1e9,3\n4e6,1e9,9\n8e6,1e9,2.9\n".to_owned(),
        ),
        ("losses in bits by name", grid_csv().replace("loss", "Loss (bits)")),
        ("perplexities by name", some("params,tokens,val_ppl", &|_, (n, d, l)| format!("{n},{d},{}", l.exp()))),
        ("perplexities", some("params,tokens,loss", &|_, (n, d, l)| format!("{n},{d},{}", l.exp()))),
        (
            "perplexities of one architecture",
            some("arch,params,tokens,loss", &|_, (n, d, l)| format!("a,{n},{d},{l}\nb,{n},{d},{}", l.exp())),
        ),
        (
            "a few losses in bits",
            some("params,tokens,loss", &|i, (n, d, l)| {
                format!("{n},{d},{}", if [1, 8, 13].contains(&i) { bits(l) } else { l })
            }),
        ),
        (
            "one architecture in bits",
            some("arch,params,tokens,loss", &|_, (n, d, l)| format!("a,{n},{d},{l}\nb,{n},{d},{}", bits(l * 0.99))),
        ),
        (
            "params in millions",
            some("params,tokens,flops,loss", &|_, (n, d, l)| format!("{},{d},{},{l}", n / 1e6, 6.0 * n * d)),
        ),
        ("tokens in billions", some("params,tokens,loss", &|_, (n, d, l)| format!("{n},{},{l}", d / 1e9))),
        ("both in billions", some("params,tokens,loss", &|_, (n, d, l)| format!("{},{},{l}", n / 1e9, d / 1e9))),
        (
            "a training log",
            some("run,params,tokens,loss", &|i, (n, d, l)| {
                format!("r{i},{n},{},{}\nr{i},{n},{d},{l}", d / 2.0, l * 1.05)
            }),
        ),
        (
            "sizes of other N",
            some("arch,params,tokens,loss", &|_, (n, d, l)| format!("a,{n},{d},{l}\nb,{},{},{l}", n * 1.3, d / 1.3)),
        ),
        (
            "several learning rates",
            some("params,tokens,loss,lr", &|_, (n, d, l)| format!("{n},{d},{l},1e-3\n{n},{d},{},2e-3", l + 0.02)),
        ),
    ];
    let mut text = String::new();
    for (name, table) in cases {
        let map: &[(&str, &str)] = match name {
            "losses in bits by name" => &[("loss", "Loss (bits)")],
            "perplexities by name" => &[("loss", "val_ppl")],
            _ => &[],
        };
        let foreign = read_as("runs.csv", table.as_bytes(), map, false)
            .unwrap_or_else(|e| panic!("{name}: {e}"));
        let _ = writeln!(text, "## {name}\n{}", format_notes(&foreign));
    }
    insta::assert_snapshot!(text);
}

#[test]
fn budgets_are_found_where_profiles_are() {
    let foreign = csv(&grid_csv());
    let budgets = budgets(&foreign.study);
    assert_eq!(budgets.len(), 3);
    for (found, asked) in budgets.iter().zip([1e17, 1e18, 1e19]) {
        assert!((found / asked - 1.0).abs() < 1e-3, "{found}");
    }
}

#[test]
fn runs_at_every_compute_have_no_budget() {
    let rows = (0..60).map(|i| format!("{},1e9,3", 1e6 * 1.04f64.powi(i)));
    let foreign = csv(&lines("params,tokens,loss", rows));
    assert!(
        foreign
            .study
            .observations
            .iter()
            .all(|o| o.budget.value() == o.flops)
    );
}

/// Spreadsheets wrap names with line breaks. A table must not control the terminal.
#[test]
fn control_characters_are_not_passed_on() {
    let foreign = csv(
        "run,\"val\nloss\",params,tokens,state\n\x1b[31mred,3,1e6,1e9,ok\nb,3,1e6,1e9,\x1b[2J\n",
    );
    assert_eq!(foreign.study.observations[0].run, "\\u{1b}[31mred (line 3)");
    assert_eq!(foreign.study.excluded[0].reason, "status `\\u{1b}[2J`");
    assert!(
        foreign
            .columns
            .contains(&(ColumnRole::Loss, "val loss".to_owned())),
        "{:?}",
        foreign.columns
    );
}

#[test]
fn suspects_are_kept_where_it_is_asked() {
    let table = grid_csv() + "5e6,1e9,9.5\n";
    let (without, with) = (
        csv(&table),
        read_as("runs.csv", table.as_bytes(), &[], true).unwrap(),
    );
    assert_eq!(
        (
            without.study.observations.len(),
            with.study.observations.len()
        ),
        (18, 19)
    );
    assert!(format_notes(&with).contains("kept because of `--keep-suspects`"));
}

#[test]
fn equal_n_is_an_equal_size_between_arms() {
    let foreign = csv("arch,params,tokens,loss\na,1e6,1e9,3\nb,1e6,1e9,3.1\nb,2e6,1e9,3\n");
    let sizes: Vec<&str> = foreign
        .study
        .observations
        .iter()
        .map(|o| o.size.as_str())
        .collect();
    assert_eq!(sizes, ["1000000", "1000000", "2000000"]);
}

#[test]
fn parquet_of_any_type_is_read() {
    let mut bytes = Vec::new();
    let columns = vec![
        Column::new("N".into(), [1_000_000i32, 2_000_000]),
        Column::new("D".into(), ["1B", "2B"]),
        Column::new("L".into(), [Some(3.5f32), None]),
        Column::new("finished".into(), [true, false]),
        Column::new("seed".into(), [7i32, 8]),
    ];
    ParquetWriter::new(&mut bytes)
        .finish(&mut DataFrame::new(2, columns).unwrap())
        .unwrap();
    let foreign = read_as("runs.parquet", &bytes, &[("arch", "finished")], false).unwrap();
    let [o] = foreign.study.observations.as_slice() else {
        panic!("{foreign:?}")
    };
    assert_eq!(
        (o.params, o.tokens, o.loss, o.seed, o.arm.as_str()),
        (1e6, 1e9, 3.5, 7, "true")
    );
    assert_eq!(
        foreign.study.excluded,
        [ExcludedRun {
            run: "row 2".to_owned(),
            reason: "no loss".to_owned()
        }]
    );
    let error = read_as("runs.parquet", &bytes, &[("loss", "finished")], false).unwrap_err();
    assert!(
        error.starts_with(
            "error: `runs.parquet, row 1`: invalid `finished`: expected a number such as"
        ),
        "{error}"
    );
}

/// A file that pyarrow wrote: categories, small integers, and columns of times, decimals and lists
/// that the fit does not use.
#[test]
fn a_file_of_pyarrow_is_read() {
    let bytes = include_bytes!("pyarrow.parquet");
    let foreign = read_as("runs.parquet", bytes, &[], false).unwrap();
    let read: Vec<_> = foreign
        .study
        .observations
        .iter()
        .map(|o| (o.arm.as_str(), o.params, o.tokens, o.loss))
        .collect();
    assert_eq!(
        read,
        [("a", 100.0, 1000.0, 3.0), ("b", 200.0, 2000.0, 2.75)]
    );
    let error = |role| read_as("runs.parquet", bytes, &[(role, "price")], false).unwrap_err();
    assert_eq!(
        error("loss"),
        "error: `runs.parquet`: column `price` has an unsupported type: expected numbers, found Decimal\n\
         hint: cast it to float64, for example with `df[\"price\"].astype(\"float64\")`"
    );
    assert!(
        error("arch").contains("expected text, found Decimal\nhint: cast it to text"),
        "{}",
        error("arch")
    );
}

/// polars panics on each of these bytes, in page headers, values and the footer.
#[test]
fn damaged_parquet_is_told_of() {
    for (at, byte) in [(40, 0x7f), (61, 0), (65, 0xff), (1495, 0x15)] {
        let mut bytes = include_bytes!("pyarrow.parquet").to_vec();
        bytes[at] = byte;
        let error = read_as("runs.parquet", &bytes, &[], false).unwrap_err();
        let begin = "error: `runs.parquet` is not a valid Parquet file: polars panicked: ";
        assert!(error.starts_with(begin), "{at}: {error}");
    }
}

#[test]
fn compressed_text_is_read() {
    let bytes = zstd::encode_all(grid_csv().as_bytes(), 3).unwrap();
    assert_eq!(
        read_as("runs.csv.zst", &bytes, &[], false),
        Ok(csv(&grid_csv()))
    );
}

/// The tables of the committed example, built from its outcomes.
fn example() -> (SweepDir, SweepTables) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let dir = SweepDir::new(&root.join("results"), "example");
    let plan = isoflop_sweep::Plan::read(&dir.plan()).unwrap();
    let tables = crate::collect(&dir, &plan);
    (dir, tables)
}

/// The study of a sweep without its curves, which are in another table.
fn without_curves(tables: &SweepTables) -> Study {
    Study {
        trajectories: Vec::new(),
        ..tables.study()
    }
}

/// The table of a sweep gives the same study as the sweep itself.
#[test]
fn our_own_table_is_read_as_its_sweep_is() {
    let (dir, tables) = example();
    let foreign = read_foreign(&dir.runs_table(), &[], false).unwrap();
    assert_eq!(foreign.study, without_curves(&tables));
    assert_eq!(foreign.notes, []);
}

/// The same if runs are missing or diverged, have other budgets or a trunk, and if the first run of
/// the first arm is not finished.
#[test]
fn our_own_table_is_read_as_its_sweep_is_while_that_is_unfinished() {
    let (_, mut tables) = example();
    let first = tables.runs[0].arm.clone();
    let other = tables.runs.iter().position(|run| run.arm != first).unwrap();
    let row = tables.runs.remove(other);
    tables.runs.insert(1, row);
    for (place, status) in [(0, RunStatus::Missing), (3, RunStatus::Diverged)] {
        let run = &mut tables.runs[place];
        (run.status, run.scores) = (status, None);
    }
    (tables.runs[0].train_seconds, tables.runs[0].trunk_steps) = (None, None);
    tables.runs[4].budget = Budget::TokensPerParam(20.0);
    tables.runs[4].budget_kind = tables.runs[4].budget.kind();
    tables.runs[5].lr_factor = 2.0;
    tables.runs[6].trunk_steps = Some(3);
    tables.runs[7].train_seconds = Some(0.0);

    let folder = TempDir::new().unwrap();
    let dir = SweepDir::new(folder.path(), "unfinished");
    std::fs::create_dir_all(dir.runs_table().parent().unwrap()).unwrap();
    tables.write(&dir).unwrap();
    let foreign = read_foreign(&dir.runs_table(), &[], false).unwrap();
    let study = without_curves(&tables);
    assert_eq!(foreign.study, study);
    assert_eq!(study.arms()[0], first);
    assert_eq!((study.excluded.len(), study.unprofiled.len()), (3, 1));
}

/// A row with an unknown unit of the budget is left out with the reason.
#[test]
fn a_budget_has_a_unit_that_is_known() {
    let rows = [
        ("1e16", ""),
        ("", "flops"),
        ("20", "tokens_per_param"),
        ("", "tokens"),
        ("5", "epochs"),
    ];
    let rows: String = rows
        .iter()
        .map(|(budget, kind)| format!("a,1e6,1e9,3,{budget},{kind}\n"))
        .collect();
    let study = csv(&format!(
        "arch,params,tokens,loss,flops_budget,budget_kind\n{rows}"
    ))
    .study;
    assert_eq!(study.observations.len(), 2);
    assert_eq!(study.unprofiled.len(), 1);
    let reasons: Vec<&str> = study
        .excluded
        .iter()
        .map(|run| run.reason.as_str())
        .collect();
    assert_eq!(
        reasons,
        [
            "no `flops_budget`",
            "unknown `budget_kind` `epochs`: expected `flops`, `tokens` or `tokens_per_param`",
            "its budget is in tokens per param, but a profile needs budgets in FLOPs",
        ]
    );
}

/// Path of a published table, if it exists next to the checkout.
fn reference(name: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../../shared/reference")
        .join(name);
    let found = path.exists();
    if !found {
        eprintln!("SKIPPED: {} is missing", path.display());
    }
    found.then_some(path)
}

#[test]
fn published_tables_are_read() {
    for (name, rows) in [
        ("gemstones-cool-end.csv", 199),
        ("olmo-ladder-c4.csv", 30),
        ("gadre-104-models.csv", 104),
    ] {
        let Some(path) = reference(name) else {
            continue;
        };
        let foreign = read_foreign(&path, &[], false).unwrap();
        assert_eq!(
            foreign.study.observations.len(),
            rows,
            "{name}: {}",
            format_notes(&foreign)
        );
        insta::assert_snapshot!(name.trim_end_matches(".csv"), format_notes(&foreign));
    }
}

#[test]
fn a_hundred_thousand_rows_are_read() {
    let row = |i: u32| {
        let (n, d) = (
            1e6 * 1.0001f64.powi(i as i32 % 50_000),
            1e9 * (1.0 + f64::from(i % 97)),
        );
        format!("a{},{n},{d},{},{i}", i % 3, law(n, d))
    };
    let foreign = csv(&lines(
        "arch,params,tokens,loss,seed",
        (0..100_000).map(row),
    ));
    assert_eq!(foreign.study.observations.len(), 100_000);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// A table that is written and read back is the same, for any separator, order and case of
    /// columns.
    #[test]
    fn written_and_read_back(
        rows in prop::collection::vec((1e3..1e12f64, 1e3..1e14f64, 0.5..12f64, 0u64..1000), 1..40),
        order in Just(vec![0usize, 1, 2, 3]).prop_shuffle(),
        upper in any::<bool>(),
        separator in prop::sample::select(vec![',', ';', '\t']),
    ) {
        let names = ["params", "tokens", "loss", "seed"];
        let line = |values: [String; 4]| {
            let values: Vec<String> = order.iter().map(|place| values[*place].clone()).collect();
            values.join(&separator.to_string())
        };
        let header = line(names.map(|name| if upper { name.to_uppercase() } else { name.to_owned() }));
        let text = lines(&header, rows.iter().map(|(n, d, l, s)| line([n.to_string(), d.to_string(), l.to_string(), s.to_string()])));
        let foreign = read_as("runs.csv", text.as_bytes(), &[], true).unwrap();
        let read: Vec<(f64, f64, f64, u64)> =
            foreign.study.observations.iter().map(|o| (o.params, o.tokens, o.loss, o.seed)).collect();
        prop_assert_eq!(read, rows);
    }
}

/// Budgets of a study in ascending order.
fn budgets(study: &Study) -> Vec<f64> {
    let mut budgets: Vec<f64> = study
        .observations
        .iter()
        .map(|run| run.budget.value())
        .collect();
    budgets.sort_by(f64::total_cmp);
    budgets.dedup();
    budgets
}
