//! Gives `isoflop-trainer` the place of libtorch, so that it starts with no variable set, and the git revision it was
//! built from.

use std::path::PathBuf;
use std::process::Command;

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    // From the trainer's build script; absent without the feature `torch`.
    println!("cargo:rerun-if-env-changed=DEP_ISOFLOP_TRAINER_LIBTORCH");
    if let Ok(lib) = std::env::var("DEP_ISOFLOP_TRAINER_LIBTORCH") {
        println!("cargo:rustc-link-arg-bin=isoflop-trainer=-Wl,-rpath,{lib}");
    }

    // The revision changes with a commit or a checkout, its `+changes` with the sources.
    println!("cargo:rerun-if-changed=src");
    for file in head_files() {
        println!("cargo:rerun-if-changed={}", file.display());
    }
    if let Some(revision) = git_revision() {
        println!("cargo:rustc-env=ISOFLOP_GIT_REVISION={revision}");
    }
}

fn git(arguments: &[&str]) -> Option<String> {
    let output = Command::new("git")
        .args(arguments)
        .output()
        .ok()
        .filter(|output| output.status.success())?;
    String::from_utf8(output.stdout)
        .ok()
        .map(|text| text.trim().to_owned())
}

/// The files that name the current commit, those that exist.
fn head_files() -> Vec<PathBuf> {
    let branch = git(&["symbolic-ref", "-q", "HEAD"]);
    let names = ["HEAD".to_owned(), "packed-refs".to_owned()]
        .into_iter()
        .chain(branch);
    let path = |name: String| git(&["rev-parse", "--git-path", &name]).map(PathBuf::from);
    names
        .filter_map(path)
        .filter(|path| path.exists())
        .collect()
}

fn git_revision() -> Option<String> {
    let revision = git(&["rev-parse", "--short=12", "HEAD"])?;
    let changed = !git(&[
        "status",
        "--porcelain",
        "--untracked-files=no",
        "src",
        "Cargo.lock",
    ])?
    .is_empty();
    Some(if changed {
        format!("{revision}+changes")
    } else {
        revision
    })
}
