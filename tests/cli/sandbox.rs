//! A folder of its own for each test, with a small text and a sweep file.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// Longest wait for a condition; a test that reaches it has failed.
const PATIENCE: Duration = Duration::from_secs(120);

/// Two arms, two sizes, two budgets of a few steps each: under a second a run.
pub(crate) const SWEEP: &str = "\
data:
  train: train.txt
  validation: val.txt
architectures: [transformer, primer_ez]
sizes: [d12-l2, d16-l2]
budgets:
  flops: [2e8, 4e8]
seeds: [1]
train:
  sequence_length: 32
  batch_tokens: 128
  learning_rate:
    fixed: 1e-2
evaluation:
  tokens: 1024
  points: 2
executor:
  local:
    device: cpu
    slots: 2
    threads_per_run: 1
";

pub(crate) struct Sandbox {
    folder: TempDir,
}

impl Sandbox {
    /// A folder with [`SWEEP`] and its text.
    pub(crate) fn new() -> Self {
        let sandbox = Self {
            folder: TempDir::new().unwrap(),
        };
        sandbox.write("sweep.yaml", SWEEP);
        sandbox.write("train.txt", text(0..4000));
        sandbox.write("val.txt", text(4000..4400));
        sandbox
    }

    /// The sweep of the README, whole, on this machine: minutes.
    pub(crate) fn quickstart() -> Self {
        let sandbox = Self {
            folder: TempDir::new().unwrap(),
        };
        let root = env!("CARGO_MANIFEST_DIR");
        let sweep = fs::read_to_string(format!("{root}/sweeps/quickstart.yaml")).unwrap();
        let (_, here) = SWEEP.split_once("executor:").unwrap();
        sandbox.write(
            "sweep.yaml",
            format!(
                "{}\nexecutor:{here}",
                sweep.replace("../corpora", &format!("{root}/corpora"))
            ),
        );
        sandbox
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, contents: impl AsRef<[u8]>) {
        fs::write(self.path(name), contents).unwrap();
    }

    /// Changes the sweep file: `from` must stand in it.
    pub(crate) fn edit(&self, from: &str, to: &str) {
        let sweep = fs::read_to_string(self.path("sweep.yaml")).unwrap();
        assert!(sweep.contains(from), "the sweep has no `{from}`");
        self.write("sweep.yaml", sweep.replacen(from, to, 1));
    }

    /// Adds keys to the sweep's `policy`.
    pub(crate) fn policy(&self, keys: &[&str]) {
        self.add("policy", keys);
    }

    /// Adds keys to the sweep's `queue`.
    pub(crate) fn queue(&self, keys: &[&str]) {
        self.add("queue", keys);
    }

    fn add(&self, section: &str, keys: &[&str]) {
        let sweep = fs::read_to_string(self.path("sweep.yaml")).unwrap();
        let keys: String = keys.iter().map(|key| format!("  {key}\n")).collect();
        let heading = format!("\n{section}:\n");
        if sweep.contains(&heading) {
            self.edit(&heading, &format!("{heading}{keys}"));
        } else {
            self.write(
                "sweep.yaml",
                format!("{sweep}{}{keys}", heading.trim_start()),
            );
        }
    }

    /// A program that takes the trainer's place and breaks in its own way.
    pub(crate) fn broken_trainer(&self, script: &str) -> PathBuf {
        let path = self.path("trainer.sh");
        self.write("trainer.sh", format!("#!/bin/sh\n{script}\n"));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        path
    }

    /// `isoflop` in this folder.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_isoflop"));
        command
            .current_dir(self.folder.path())
            .args(arguments)
            .args(other_trainer(arguments))
            // Messages are asserted on one line each; [`Sandbox::run`] has the user's width.
            .env("COLUMNS", "10000")
            .env_remove("RUST_BACKTRACE")
            .env_remove("ISOFLOP_LOG")
            .stdin(Stdio::null());
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Ran {
        let ran = Ran::of(
            &self
                .command(arguments)
                .env_remove("COLUMNS")
                .output()
                .unwrap(),
        );
        fits_in_80_columns(arguments, &ran);
        ran
    }

    /// Runs what must go well.
    pub(crate) fn ok(&self, arguments: &[&str]) -> Ran {
        let ran = self.run(arguments);
        assert_eq!(
            ran.code,
            0,
            "isoflop {}\n{}\n{}",
            arguments.join(" "),
            ran.out,
            ran.err
        );
        ran
    }

    /// What a command that must go well answers with `--json`.
    pub(crate) fn json(&self, arguments: &[&str]) -> serde_json::Value {
        serde_json::from_str(&self.ok(&[arguments, &["--json"]].concat()).out).unwrap()
    }

    /// The sweep's plan, without times.
    pub(crate) fn plan(&self) -> serde_json::Value {
        self.json(&["plan", "sweep.yaml", "--no-calibration"])
    }

    /// What each run ended with: `status --json` without how it came there.
    pub(crate) fn losses(&self, results: &str) -> String {
        let mut runs = self.json(&["status", "sweep", "--results", results]);
        for run in runs.as_array_mut().unwrap() {
            for key in ["attempts", "slot", "failure", "message"] {
                run.as_object_mut().unwrap().remove(key).unwrap();
            }
        }
        serde_json::to_string_pretty(&runs).unwrap()
    }

    /// The lines of a file; none where it is not there.
    pub(crate) fn lines(&self, file: &str) -> Vec<String> {
        fs::read_to_string(self.path(file))
            .unwrap_or_default()
            .lines()
            .map(str::to_owned)
            .collect()
    }

    /// Live processes that work in this folder and whose command line names `part` of it. Sandboxes with one sweep have runs of one name.
    pub(crate) fn processes(&self, part: &Path) -> Vec<i32> {
        let root = self.folder.path().canonicalize().unwrap();
        let mine =
            |pid: &i32| fs::read_link(format!("/proc/{pid}/cwd")).is_ok_and(|cwd| cwd == root);
        processes_of(part).into_iter().filter(mine).collect()
    }

    /// The committed outcomes, as (path, bytes).
    pub(crate) fn outcomes(&self) -> Vec<(PathBuf, Vec<u8>)> {
        self.outcomes_in("results")
    }

    pub(crate) fn outcomes_in(&self, results: &str) -> Vec<(PathBuf, Vec<u8>)> {
        let Ok(runs) = fs::read_dir(self.path(results).join("sweep/runs")) else {
            return Vec::new();
        };
        let files = runs.map(|run| run.unwrap().path().join("outcome.json"));
        let mut found: Vec<_> = files
            .filter_map(|file| Some((file.clone(), fs::read(file).ok()?)))
            .collect();
        found.sort();
        found
    }
}

/// `--trainer` with what `ISOFLOP_TEST_TRAINER` names, where a command takes a trainer and was given none. With one that trains nothing
/// (`examples/noop-trainer.rs`), tests show which of them rest on the time that training takes.
fn other_trainer(arguments: &[&str]) -> Vec<String> {
    let takes_one = ["run", "resume", "worker"].contains(&arguments[0]);
    let other = std::env::var("ISOFLOP_TEST_TRAINER").ok();
    other
        .filter(|_| takes_one && !arguments.contains(&"--trainer"))
        .map(|trainer| vec!["--trainer".to_owned(), trainer])
        .unwrap_or_default()
}

/// What a sweep ends with on this machine, with nothing done to it.
pub(crate) fn untouched(sweep: fn() -> Sandbox) -> String {
    let local = sweep();
    local.ok(&["run", "sweep.yaml"]);
    local.losses("results")
}

/// Whether there is time for the long form of a test.
pub(crate) fn is_long() -> bool {
    std::env::var_os("ISOFLOP_TEST_LONG").is_some()
}

pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) out: String,
    /// Standard error, each message on one line.
    pub(crate) err: String,
    /// Standard error as printed.
    pub(crate) stderr: String,
}

impl Ran {
    pub(crate) fn of(output: &Output) -> Self {
        let [out, stderr] =
            [&output.stdout, &output.stderr].map(|bytes| String::from_utf8(bytes.clone()).unwrap());
        let err = unwrapped(&stderr);
        Self {
            code: output.status.code().unwrap_or(-1),
            out,
            err,
            stderr,
        }
    }
}

/// Fails at a line of more than 80 columns that has a space to break it at. JSON, and what a run prints, are not for reading in columns.
fn fits_in_80_columns(arguments: &[&str], Ran { out, stderr, .. }: &Ran) {
    let is_for_programs =
        arguments.contains(&"--json") || ["logs", "schema", "attempt"].contains(&arguments[0]);
    let out = if is_for_programs { "" } else { out };
    let log = |line: &&str| !line.starts_with("20") && !line.starts_with("thread ");
    for line in out.lines().chain(stderr.lines().filter(log)) {
        let fits = line.chars().count() <= 80 || !line.trim().contains(' ');
        assert!(
            fits,
            "isoflop {}: more than 80 columns:\n{line}",
            arguments.join(" ")
        );
    }
}

/// A text on one line, however it was wrapped.
pub(crate) fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Joins lines that continue a message, which are indented by four columns more than its first.
fn unwrapped(stderr: &str) -> String {
    let mut joined = String::new();
    for line in stderr.lines() {
        let words = line.trim_start();
        if line.len() - words.len() >= 4 && !joined.is_empty() {
            joined = format!("{} {words}\n", joined.trim_end());
        } else {
            joined = format!("{joined}{line}\n");
        }
    }
    joined
}

/// Waits until `condition` holds.
pub(crate) fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let began = Instant::now();
    while !condition() {
        assert!(began.elapsed() < PATIENCE, "waited in vain until {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Live processes whose command line names `folder`.
pub(crate) fn processes_of(folder: &Path) -> Vec<i32> {
    let name = folder.to_string_lossy().into_owned();
    let live = |entry: fs::DirEntry| {
        let pid: i32 = entry.file_name().to_str()?.parse().ok()?;
        let words = fs::read_to_string(entry.path().join("cmdline")).ok()?;
        // A dead process may stay a zombie for a moment: it has no command line.
        words.contains(&name).then_some(pid)
    };
    fs::read_dir("/proc")
        .unwrap()
        .flatten()
        .filter_map(live)
        .collect()
}

/// English enough to learn from: sentences in which each word hints at the next.
pub(crate) fn text(range: std::ops::Range<usize>) -> String {
    const WORDS: [&str; 12] = [
        "the", "old", "house", "stood", "by", "a", "river", "where", "children", "played", "until",
        "dark",
    ];
    let paragraph = |i: usize| {
        let words: Vec<&str> = (0..12)
            .map(|k| WORDS[(i * 7 + k * (1 + i % 5)) % 12])
            .collect();
        format!("{i} {}.\n\n", words.join(" "))
    };
    range.map(paragraph).collect()
}

/// A field of a run's committed outcome.
pub(crate) fn outcome_field(sandbox: &Sandbox, id: &str, field: &str) -> serde_json::Value {
    let bytes = fs::read(sandbox.path(&format!("results/sweep/runs/{id}/outcome.json"))).unwrap();
    serde_json::from_slice::<serde_json::Value>(&bytes).unwrap()[field].clone()
}

/// A test that cannot be made here says so, aloud.
pub(crate) fn skipped(reason: &str) {
    #[expect(clippy::print_stderr, reason = "a skipped test says so")]
    {
        eprintln!("SKIPPED: {reason}");
    }
}
