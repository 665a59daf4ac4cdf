//! Gives `isoflop-trainer` the place of libtorch, so that it starts with no variable
//! set, and both programs the git revision they were built from.

use std::path::Path;
use std::process::Command;

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    // Set by torch-sys' build script; absent without the feature `torch`.
    println!("cargo:rerun-if-env-changed=DEP_TCH_LIBTORCH_LIB");
    if let Ok(lib) = std::env::var("DEP_TCH_LIBTORCH_LIB") {
        println!("cargo:rustc-link-arg-bin=isoflop-trainer=-Wl,-rpath,{lib}");
    }

    // HEAD's log changes with every commit and checkout.
    if Path::new(".git/logs/HEAD").exists() {
        println!("cargo:rerun-if-changed=.git/logs/HEAD");
    }
    if let Some(revision) = git_revision() {
        println!("cargo:rustc-env=ISOFLOP_GIT_REVISION={revision}");
    }
}

fn git_revision() -> Option<String> {
    let git = |args: &[&str]| {
        let output = Command::new("git").args(args).output().ok().filter(|o| o.status.success())?;
        String::from_utf8(output.stdout).ok()
    };
    let revision = git(&["rev-parse", "--short=12", "HEAD"])?.trim().to_owned();
    let changed = !git(&["status", "--porcelain", "--untracked-files=no", "src", "Cargo.lock"])?.trim().is_empty();
    Some(if changed { format!("{revision}+changes") } else { revision })
}
