//! Text in, tables out.

use std::process::Command;

use crate::sandbox::{Sandbox, skipped};

/// Plain or compressed, with or without a BOM: the same runs.
#[test]
fn compression_does_not_matter() {
    let ids = |sandbox: &Sandbox| {
        sandbox
            .ok(&["plan", "sweep.yaml", "--no-calibration", "--json"])
            .out
    };
    let (plain, packed) = (Sandbox::new(), Sandbox::new());
    let text = std::fs::read(packed.path("train.txt")).unwrap();
    packed.write("train.txt", zstd::encode_all(text.as_slice(), 19).unwrap());
    let bom = [
        "\u{feff}".as_bytes(),
        &std::fs::read(packed.path("val.txt")).unwrap(),
    ]
    .concat();
    packed.write("val.txt", bom);
    assert_eq!(ids(&plain), ids(&packed));
}

/// The tables open in pandas and DuckDB, and results/README.md explains every column.
#[test]
fn tables_open_elsewhere() {
    let sandbox = Sandbox::new();
    sandbox.ok(&["run", "sweep.yaml"]);
    let script = r#"
import json, sys
try:
    import pandas, duckdb, pyarrow
except ImportError as missing:
    print("SKIPPED:", missing); sys.exit(0)
tables = {}
for name in ("runs", "curves"):
    frame = pandas.read_parquet(f"results/sweep/{name}.parquet")
    rows = duckdb.connect().execute(f"select count(*) from 'results/sweep/{name}.parquet'").fetchall()[0][0]
    assert rows == len(frame), (rows, len(frame))
    tables[name] = len(frame)
runs = pandas.read_parquet("results/sweep/runs.parquet")
assert (runs.status == "finished").all() and runs.loss_val.notna().all()
assert (runs.flops_6nd == 6 * runs.params_total * runs.tokens).all()
best = duckdb.connect().execute("select min(loss_val) from 'results/sweep/runs.parquet'").fetchall()[0][0]
assert best == runs.loss_val.min()
print(json.dumps(tables))
"#;
    let output = Command::new("python3")
        .args(["-c", script])
        .current_dir(sandbox.path(""))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        output.status.success(),
        "{said}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    if said.starts_with("SKIPPED") {
        skipped(said.trim_start_matches("SKIPPED: "));
        return;
    }
    assert_eq!(said.trim(), r#"{"runs": 8, "curves": 24}"#);
}
