//! Test of the tables of the committed study.

use std::fs;
use std::path::Path;

use isoflop_core::run::SweepDir;
use isoflop_sweep::Plan;

use crate::collect;

/// Pins the names, types, order and values of the columns, which users' scripts read: the committed
/// tables are reproduced byte for byte.
#[test]
fn the_committed_tables_are_made_again() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let committed = SweepDir::new(&root.join("results"), "example");
    let plan = Plan::read(&committed.plan()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let made = SweepDir::new(folder.path(), "example");
    fs::create_dir(folder.path().join("example")).unwrap();
    collect(&committed, &plan).write(&made).unwrap();
    for (made, committed) in [
        (made.runs_table(), committed.runs_table()),
        (made.curves_table(), committed.curves_table()),
    ] {
        assert!(
            fs::read(&made).unwrap() == fs::read(&committed).unwrap(),
            "`{}` differs from the committed table",
            committed.display()
        );
    }
}
