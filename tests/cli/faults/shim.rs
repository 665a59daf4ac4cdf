//! Deaths, full disks and wrong clocks from below: `durable.c`, compiled and asked for.

use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::Command;

use nix::sys::signal::Signal;
use tempfile::TempDir;

/// Environment variables for a program.
pub(super) type Variables = Vec<(&'static str, OsString)>;

/// Around a change on the disk.
#[derive(Clone, Copy, Debug)]
pub(super) enum Moment {
    Before,
    After,
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Before => "before",
            Self::After => "after",
        })
    }
}

/// The shared object, and where it keeps its own files.
pub(super) struct Shim {
    folder: TempDir,
}

impl Shim {
    /// Compiles it; without a C compiler there is no such test, and no isoflop either.
    pub(super) fn compiled() -> Self {
        let shim = Self {
            folder: TempDir::new().unwrap(),
        };
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cli/faults/durable.c");
        let mut compiler = Command::new(std::env::var_os("CC").unwrap_or_else(|| "cc".into()));
        compiler
            .args(["-shared", "-fPIC", "-O1", "-o"])
            .arg(shim.object())
            .arg(source);
        let status = compiler
            .status()
            .expect("a C compiler, `cc` or what CC names, is needed");
        assert!(
            status.success(),
            "tests/cli/faults/durable.c does not compile"
        );
        shim
    }

    fn object(&self) -> PathBuf {
        self.folder.path().join("durable.so")
    }

    fn loaded_into(&self, program: &str, folder: &Path) -> Variables {
        vec![
            ("LD_PRELOAD", self.object().into()),
            ("SHIM_PROCESS", program.into()),
            ("SHIM_FOLDER", folder.canonicalize().unwrap().into()),
        ]
    }

    /// One process of the program kills itself around its n-th change in the folder, and leaves `mark`.
    pub(super) fn kills(
        &self,
        program: &str,
        folder: &Path,
        (moment, change): (Moment, usize),
        mark: &Path,
    ) -> Variables {
        let mut variables = self.loaded_into(program, folder);
        variables.push(("SHIM_WHEN", moment.to_string().into()));
        variables.push(("SHIM_KILL", change.to_string().into()));
        variables.push(("SHIM_KILLED", mark.into()));
        variables
    }

    /// One process of the program stops itself there instead.
    pub(super) fn stops(
        &self,
        program: &str,
        folder: &Path,
        place: (Moment, usize),
        mark: &Path,
    ) -> Variables {
        let mut variables = self.kills(program, folder, place, mark);
        let signal = (Signal::SIGSTOP as i32).to_string();
        variables.push(("SHIM_SIGNAL", signal.into()));
        variables
    }

    /// The disk is full for the program from its n-th change in the folder on.
    pub(super) fn fills_the_disk(&self, program: &str, folder: &Path, change: usize) -> Variables {
        let mut variables = self.loaded_into(program, folder);
        variables.push(("SHIM_FULL", change.to_string().into()));
        variables
    }

    /// The program's changes in the folder are written down in `log`, a line each.
    pub(super) fn writes_down(&self, program: &str, folder: &Path, log: &Path) -> Variables {
        let mut variables = self.loaded_into(program, folder);
        variables.push(("SHIM_LOG", log.into()));
        variables
    }

    /// The program's time of day is off by the seconds that stand in `clock`.
    pub(super) fn shifts_the_clock(&self, program: &str, folder: &Path, clock: &Path) -> Variables {
        let mut variables = self.loaded_into(program, folder);
        variables.push(("SHIM_CLOCK", clock.into()));
        variables
    }
}
