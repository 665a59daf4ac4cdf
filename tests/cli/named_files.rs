//! Results that go where the user says, or nowhere without a word.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::Stdio;

use crate::messages::said;
use crate::sandbox::Sandbox;

const FIT: [&str; 6] = [
    "fit",
    "runs.csv",
    "--map",
    "loss=final/val",
    "--replicates",
    "100",
];

fn with_runs() -> Sandbox {
    let sandbox = Sandbox::new();
    let runs = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/example-runs.csv");
    sandbox.write("runs.csv", fs::read(runs).unwrap());
    sandbox
}

#[test]
fn an_output_leads_where_its_name_does() {
    let sandbox = with_runs();
    sandbox.write("real.json", "{}");
    fs::set_permissions(sandbox.path("real.json"), fs::Permissions::from_mode(0o600)).unwrap();
    symlink("real.json", sandbox.path("link.json")).unwrap();
    let output = |name| [&FIT[..], &["--output", name]].concat();
    sandbox.ok(&output("link.json"));
    let real = sandbox.path("real.json");
    assert!(
        fs::symlink_metadata(sandbox.path("link.json"))
            .unwrap()
            .is_symlink()
    );
    assert_eq!(
        fs::metadata(&real).unwrap().permissions().mode() & 0o777,
        0o600
    );
    let fits: serde_json::Value = serde_json::from_slice(&fs::read(real).unwrap()).unwrap();
    assert_eq!(fits["runs_used"], 38);
    // A device stays one.
    sandbox.ok(&output("/dev/null"));
    assert!(!fs::metadata("/dev/null").unwrap().is_file());
}

#[test]
fn what_is_not_written_is_said() {
    let sandbox = with_runs();
    let before = fs::read(sandbox.path("runs.csv")).unwrap();
    let own = said(&sandbox, &[&FIT[..], &["--output", "./runs.csv"]].concat());
    assert_eq!(fs::read(sandbox.path("runs.csv")).unwrap(), before);
    let cost = said(
        &sandbox,
        &[&FIT[..], &["--cost", "device-seconds"]].concat(),
    );
    insta::assert_snapshot!(format!(
        "## the table itself\n{own}\n\n## a cost that it has not\n{cost}"
    ));
    let full = fs::OpenOptions::new()
        .write(true)
        .open("/dev/full")
        .unwrap();
    let ran = sandbox
        .command(&["schema", "fit"])
        .stdout(full)
        .stderr(Stdio::piped())
        .output()
        .unwrap();
    let words = String::from_utf8(ran.stderr).unwrap();
    assert_eq!(ran.status.code(), Some(1));
    assert!(
        words.starts_with("error: cannot write to standard output: No space left"),
        "{words}"
    );
}
