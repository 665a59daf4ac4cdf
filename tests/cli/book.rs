//! The book: every page is listed, every link leads somewhere, every command works, every sweep file is valid.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use nix::sys::signal::Signal;
use serde_json::Value;

use crate::faults::strike;
use crate::queue::queued;
use crate::sandbox::{SWEEP, Sandbox};
use crate::workers::free_port;

pub(crate) fn root(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(file)
}

pub(crate) fn read(file: &str) -> String {
    fs::read_to_string(root(file)).unwrap_or_else(|e| panic!("{file}: {e}"))
}

/// Copies folders of the repository into a sandbox.
pub(crate) fn copy_into(sandbox: &Sandbox, folders: &[&str]) {
    for folder in folders {
        let mut copy = Command::new("cp");
        copy.arg("-r").arg(root(folder)).arg(sandbox.path(folder));
        assert!(copy.status().unwrap().success());
    }
}

/// The pages of `docs/`.
fn pages() -> BTreeSet<String> {
    let names = fs::read_dir(root("docs"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name());
    let names = names.map(|name| format!("docs/{}", name.to_str().unwrap()));
    names
        .filter(|name| name.ends_with(".md") && name != "docs/SUMMARY.md")
        .collect()
}

/// The pages, and the documents beside them.
fn documents() -> Vec<String> {
    let others = [
        "README.md",
        "CONTRIBUTING.md",
        "ARCHITECTURE.md",
        "CHANGELOG.md",
        "docs/SUMMARY.md",
        "sweeps/README.md",
        "results/README.md",
        "reports/example/report.md",
    ];
    others
        .map(str::to_owned)
        .into_iter()
        .chain(pages())
        .collect()
}

/// A fenced or indented block of code: its language, and its lines.
struct CodeBlock {
    language: String,
    lines: Vec<String>,
}

/// Splits a document into its text without code, and its blocks of code.
fn split(document: &str) -> (Vec<String>, Vec<CodeBlock>) {
    let (mut text, mut blocks) = (Vec::new(), Vec::<CodeBlock>::new());
    let (mut fenced, mut indented) = (false, false);
    for line in document.lines() {
        if let Some(language) = line.trim_start().strip_prefix("```") {
            fenced = !fenced;
            indented = false;
            if fenced {
                blocks.push(CodeBlock {
                    language: language.to_owned(),
                    lines: Vec::new(),
                });
            }
        } else if fenced {
            blocks.last_mut().unwrap().lines.push(line.to_owned());
        } else if let Some(code) = line.strip_prefix("    ") {
            if !indented {
                blocks.push(CodeBlock {
                    language: String::new(),
                    lines: Vec::new(),
                });
            }
            indented = true;
            blocks.last_mut().unwrap().lines.push(code.to_owned());
        } else {
            indented = false;
            text.push(line.to_owned());
        }
    }
    (text, blocks)
}

/// Commands of a program that a document shows, each as its words.
pub(crate) fn commands(document: &str, program: &str) -> Vec<Vec<String>> {
    let blocks = split(document).1.into_iter();
    let shown = blocks
        .filter(|block| block.language != "yaml")
        .flat_map(|block| block.lines);
    let shown = shown.filter(|line| line.starts_with(&format!("{program} ")));
    shown
        .map(|line| {
            let command = line.split(" #").next().unwrap();
            command
                .split_whitespace()
                .skip(1)
                .map(str::to_owned)
                .collect()
        })
        .collect()
}

/// The YAML that a document shows.
pub(crate) fn yaml_blocks(document: &str) -> Vec<String> {
    let blocks = split(&read(document)).1.into_iter();
    let blocks = blocks.filter(|block| block.language == "yaml");
    blocks.map(|block| block.lines.join("\n") + "\n").collect()
}

#[test]
fn every_page_is_in_the_summary() {
    let summary = links(&read("docs/SUMMARY.md"));
    let listed: BTreeSet<_> = summary.iter().map(|page| format!("docs/{page}")).collect();
    assert_eq!(listed, pages());
    assert!(listed.len() > 20);
}

/// Targets of the links of a document.
fn links(document: &str) -> Vec<String> {
    let text = split(document).0.join("\n");
    // Code within a line, which may look like a link.
    let plain: String = text.split('`').step_by(2).collect();
    let targets = plain.split("](").skip(1);
    targets
        .map(|rest| rest.split([')', ' ']).next().unwrap().to_owned())
        .collect()
}

/// The anchors of a document's headings.
fn anchors(document: &str) -> BTreeSet<String> {
    let headings = split(document)
        .0
        .into_iter()
        .filter(|line| line.starts_with('#'));
    let anchor = |line: String| {
        let title = line.trim_start_matches('#').trim().to_lowercase();
        let kept = title
            .chars()
            .filter(|c| c.is_alphanumeric() || " -_".contains(*c));
        kept.map(|c| if c == ' ' { '-' } else { c }).collect()
    };
    headings.map(anchor).collect()
}

#[test]
fn every_link_leads_somewhere() {
    let (mut checked, mut broken) = (0, Vec::new());
    for document in documents() {
        let folder = root(&document).parent().unwrap().to_owned();
        for link in links(&read(&document)) {
            if link.contains("://") {
                continue;
            }
            checked += 1;
            let (file, anchor) = link.split_once('#').unwrap_or((&link, ""));
            let target = if file.is_empty() {
                root(&document)
            } else {
                folder.join(file)
            };
            let leads = target.exists()
                && (anchor.is_empty()
                    || anchors(&fs::read_to_string(&target).unwrap()).contains(anchor));
            if !leads {
                broken.push(format!("{document}: {link}"));
            }
        }
    }
    assert!(checked > 150, "{checked} links");
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

/// A reader who types the commands of a page, one after another.
struct Reader {
    sandbox: Sandbox,
    /// The address that pages write as port 7575.
    port: u16,
    /// The run that pages write as RUN, and the sweep that has it.
    run: Option<String>,
    fingerprint: Option<String>,
    coordinator: Option<Child>,
}

impl Reader {
    /// A reader in a clone whose sweeps take moments: `sweeps/quickstart.yaml` here, `sweeps/mine.yaml` with this executor.
    fn new(executor: &str) -> Self {
        let sandbox = queued(Sandbox::new());
        let here = SWEEP
            .replace("train.txt", "../train.txt")
            .replace("val.txt", "../val.txt");
        let (keys, _) = here.split_once("executor:").unwrap();
        fs::create_dir(sandbox.path("sweeps")).unwrap();
        sandbox.write("sweeps/quickstart.yaml", &here);
        let queue = "queue: { poll_seconds: 0.1, grace_seconds: 0.5 }";
        sandbox.write("sweeps/mine.yaml", format!("{keys}{queue}\n{executor}"));
        copy_into(&sandbox, &["docs", "results"]);
        // A coordinator needs a token before it listens; not every page repeats that.
        sandbox.ok(&["worker-token", "new", "reader"]);
        Self {
            sandbox,
            port: free_port(),
            run: None,
            fingerprint: None,
            coordinator: None,
        }
    }

    /// Types the commands, with words in place of the placeholders.
    fn type_all(&mut self, commands: Vec<Vec<String>>) {
        for command in commands {
            let words: Vec<String> = command.into_iter().map(|word| self.word(word)).collect();
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            self.type_one(&words);
        }
        if self.coordinator.is_some() {
            self.work(&[]);
        }
    }

    fn word(&mut self, word: String) -> String {
        match word.as_str() {
            "RUN" => self.run.clone().expect("a run before RUN"),
            "FINGERPRINT" => self
                .fingerprint
                .clone()
                .expect("a certificate before FINGERPRINT"),
            _ => word
                .replace("7575", &self.port.to_string())
                .replace("lab.example.org", "localhost")
                .replace("0.0.0.0", "127.0.0.1"),
        }
    }

    fn type_one(&mut self, words: &[&str]) {
        match words {
            ["run", .., "--listen", _] | ["run", _, "--listen", ..] => {
                // Nothing is left to train where an earlier command of the page has trained it.
                let _ = fs::remove_dir_all(self.sandbox.path("results/mine"));
                let coordinator = self
                    .sandbox
                    .command(words)
                    .stdout(Stdio::null())
                    .stderr(Stdio::null())
                    .spawn();
                self.coordinator = Some(coordinator.unwrap());
            }
            ["worker", "--connect", address, rest @ ..] => {
                if address.starts_with("http:") {
                    // Through ssh: the coordinator's own address, without a certificate.
                    let listen = format!("127.0.0.1:{}", self.port);
                    self.type_one(&["run", "sweeps/mine.yaml", "--listen", &listen]);
                }
                self.work(&[&["worker", "--connect", address], rest].concat());
            }
            _ => self.type_and_wait(words),
        }
    }

    fn type_and_wait(&mut self, words: &[&str]) {
        let ran = self.sandbox.run(words);
        // The small sweeps here have too few sizes to fit, which is not a fault of the command.
        let fits = ["fit", "predict", "suggest"].contains(&words[0]);
        let is_small =
            ["quickstart", "mine", "swiglu"].contains(&words.get(1).copied().unwrap_or(""));
        let allowed: &[i32] = if fits && is_small { &[0, 5] } else { &[0] };
        assert!(
            allowed.contains(&ran.code),
            "isoflop {}\n{}{}",
            words.join(" "),
            ran.out,
            ran.err
        );
        match words[0] {
            "run" | "resume" => {
                let sweep = Path::new(words[1]).file_stem().unwrap().to_str().unwrap();
                let runs = self.sandbox.json(&["status", sweep]);
                self.run = Some(runs[0]["id"].as_str().unwrap().to_owned());
            }
            "worker-cert" => {
                let digits = |word: &&str| {
                    word.len() > 40 && word.chars().all(|c| c.is_ascii_hexdigit() || c == ':')
                };
                let said = format!("{} {}", ran.out, ran.err);
                self.fingerprint = said.split_whitespace().find(digits).map(str::to_owned);
            }
            _ => {}
        }
    }

    /// A worker, until the coordinator has ended well. Without a command of the page, one that connects as its coordinator listens.
    fn work(&mut self, words: &[&str]) {
        let (url, fingerprint);
        let mut words = words.to_vec();
        if words.is_empty() {
            let scheme = if self.fingerprint.is_some() {
                "https://localhost"
            } else {
                "http://127.0.0.1"
            };
            url = format!("{scheme}:{}", self.port);
            fingerprint = self.fingerprint.clone().unwrap_or_default();
            words = vec!["worker", "--connect", &url, "--token-file", "reader.token"];
            if !fingerprint.is_empty() {
                words.extend(["--fingerprint", &fingerprint]);
            }
        }
        let folder = ["--folder", "worker", "--cores", "2", "--gpus", "0"];
        let mut worker = self.sandbox.command(&[&words[..], &folder].concat());
        let mut worker = worker
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut coordinator = self
            .coordinator
            .take()
            .expect("a coordinator before its worker");
        let ended = coordinator.wait().unwrap();
        strike(&worker, Signal::SIGINT);
        worker.wait().unwrap();
        assert!(
            ended.success(),
            "isoflop {}: the coordinator ended with {ended}",
            words.join(" ")
        );
    }
}

const LOCAL: &str = "executor: { local: { device: cpu, slots: 2, threads_per_run: 1 } }\n";
const WORKERS: &str = "executor: { workers: { threads_per_run: 1 } }\n";
const QUEUE: &str = "executor:
  command:
    submit: 'sh engine.sh submit # $ISOFLOP_JOB $ISOFLOP_TAG'
    poll: sh engine.sh poll
    cancel: 'sh engine.sh cancel # $ISOFLOP_TAG'
";

/// Pages with commands, and the executor of the `sweeps/mine.yaml` that they speak of.
const PAGES: [(&str, &str); 16] = [
    ("README.md", LOCAL),
    ("docs/architectures.md", LOCAL),
    ("docs/clusters.md", QUEUE),
    ("docs/command-line.md", LOCAL),
    ("docs/commands.md", QUEUE),
    ("docs/designing-a-sweep.md", LOCAL),
    ("docs/fitting.md", LOCAL),
    ("docs/next-runs.md", LOCAL),
    ("docs/ray.md", QUEUE),
    ("docs/several.md", WORKERS),
    ("docs/slurm.md", QUEUE),
    ("docs/sweep-reference.md", LOCAL),
    ("docs/tutorial.md", LOCAL),
    ("docs/without-root.md", QUEUE),
    ("docs/workers.md", WORKERS),
    ("docs/adding.md", LOCAL),
];

#[test]
fn every_page_with_commands_has_a_test() {
    let has_commands = |page: &String| !commands(&read(page), "isoflop").is_empty();
    let to_type = documents()
        .into_iter()
        .filter(|page| !page.starts_with("reports"));
    let found: BTreeSet<_> = to_type.filter(has_commands).collect();
    assert_eq!(
        found,
        PAGES.map(|(page, _)| page.to_owned()).into_iter().collect()
    );
}

/// Types the commands of a page.
fn follow(page: &str) {
    let (_, executor) = PAGES
        .into_iter()
        .find(|(name, _)| *name == page)
        .expect("a page");
    let mut reader = Reader::new(executor);
    if page == "docs/tutorial.md" {
        study(&reader.sandbox);
    }
    let commands = commands(&read(page), "isoflop");
    assert!(!commands.is_empty(), "{page} shows no command");
    reader.type_all(commands);
}

/// The tutorial's sweep, with smaller sizes and budgets and a text of moments.
fn study(sandbox: &Sandbox) {
    let [sweep] = &yaml_blocks("docs/tutorial.md")[..] else {
        panic!("one sweep file")
    };
    let smaller = sweep
        .replace("4e10, 8e10, 1.6e11", "2e8, 4e8")
        .replace(", d24-l2, d32-l2, d40-l2, d48-l2]", "]");
    assert!(
        !smaller.contains("1.6e11") && !smaller.contains("d48-l2"),
        "the tutorial's sweep has changed: {sweep}"
    );
    fs::create_dir(sandbox.path("study")).unwrap();
    sandbox.write(
        "study/swiglu.yaml",
        format!("{smaller}\nevaluation: {{ tokens: 1024, points: 2 }}\n{LOCAL}"),
    );
    fs::copy(sandbox.path("train.txt"), sandbox.path("study/train.txt")).unwrap();
    fs::copy(
        sandbox.path("val.txt"),
        sandbox.path("study/validation.txt"),
    )
    .unwrap();
}

macro_rules! commands_of_pages_work {
    ($($name:ident: $page:literal;)+) => {
        /// Commands of each page, in their order.
        mod commands_work {
            $(#[test]
            fn $name() {
                super::follow($page);
            })+
        }
    };
}

commands_of_pages_work! {
    readme: "README.md";
    adding: "docs/adding.md";
    architectures: "docs/architectures.md";
    clusters: "docs/clusters.md";
    command_line: "docs/command-line.md";
    custom_commands: "docs/commands.md";
    designing_a_sweep: "docs/designing-a-sweep.md";
    fitting: "docs/fitting.md";
    next_runs: "docs/next-runs.md";
    ray: "docs/ray.md";
    several: "docs/several.md";
    slurm: "docs/slurm.md";
    sweep_reference: "docs/sweep-reference.md";
    tutorial: "docs/tutorial.md";
    without_root: "docs/without-root.md";
    workers: "docs/workers.md";
}

#[test]
fn make_targets_and_scripts_exist() {
    let mut checked = 0;
    for document in documents() {
        for command in commands(&read(&document), "make") {
            let mut make = Command::new("make");
            let make = make.arg("-n").arg(&command[0]).current_dir(root(""));
            assert!(
                make.output().unwrap().status.success(),
                "{document}: make {}",
                command[0]
            );
            checked += 1;
        }
        let lines = split(&read(&document))
            .1
            .into_iter()
            .flat_map(|block| block.lines);
        for line in lines.filter(|line| line.starts_with("scripts/")) {
            let script = line.split_whitespace().next().unwrap();
            assert!(root(script).exists(), "{document}: {script}");
        }
    }
    assert!(checked > 5, "{checked} targets");
}

/// Parts of sweep files that pages show, each in place of the same keys of a whole one.
#[test]
fn sweep_files_of_the_book_are_valid() {
    let whole: Value = serde_yaml::from_str(SWEEP).unwrap();
    let keys: BTreeSet<_> = isoflop_sweep::schema()["properties"]
        .as_object()
        .unwrap()
        .keys()
        .cloned()
        .collect();
    let (mut checked, mut executors) = (0, BTreeMap::new());
    for document in documents() {
        for text in yaml_blocks(&document) {
            let part: Value =
                serde_yaml::from_str(&text).unwrap_or_else(|e| panic!("{document}: {e}\n{text}"));
            let Some(part) = part
                .as_object()
                .filter(|part| part.keys().all(|key| keys.contains(key)))
            else {
                continue;
            };
            let mut sweep = whole.clone();
            sweep.as_object_mut().unwrap().extend(part.clone());
            // The text is the one thing that only its page's reader has.
            sweep["data"] = whole["data"].clone();
            let sandbox = Sandbox::new();
            sandbox.write("sweep.yaml", serde_json::to_string(&sweep).unwrap());
            let ran = sandbox.run(&["plan", "sweep.yaml", "--no-calibration"]);
            let too_little_text =
                ran.err.contains("no run repeats its data") || ran.err.contains("training tokens");
            assert!(
                ran.code == 0 || too_little_text,
                "{document}:\n{text}\n{}",
                ran.err
            );
            checked += 1;
            if text.starts_with("executor:") {
                let slots = if ["docs/ray.md", "docs/workers.md"].contains(&document.as_str()) {
                    "100 runs side by side (cpu)"
                } else {
                    "runs side by side"
                };
                assert!(ran.out.contains(slots), "{document}:\n{text}\n{}", ran.out);
                *executors.entry(document.clone()).or_insert(0) += 1;
            }
        }
    }
    assert!(checked > 15, "{checked} sweep files");
    for (page, count) in EXECUTORS {
        assert_eq!(executors.get(page), Some(&count), "{page}");
    }
}

/// Pages that show the executors of sweep files, and how many.
const EXECUTORS: [(&str, i32); 7] = [
    ("docs/commands.md", 6),
    ("docs/ray.md", 1),
    ("docs/several.md", 1),
    ("docs/slurm.md", 2),
    ("docs/storage.md", 2),
    ("docs/without-root.md", 1),
    ("docs/workers.md", 1),
];

/// Paths in the repository that pages name. A renamed file must be renamed there, too.
#[test]
fn paths_that_pages_name_exist() {
    let (mut checked, mut missing) = (0, Vec::new());
    for document in documents()
        .into_iter()
        .filter(|page| !page.ends_with("LOG.md"))
    {
        let text = split(&read(&document)).0.join("\n");
        for code in text.split('`').skip(1).step_by(2) {
            let folders = [
                "src/",
                "tests/",
                "scripts/",
                "benches/",
                "examples/",
                "sweeps/",
            ];
            let is_path = folders.iter().any(|folder| code.starts_with(folder));
            if is_path
                && !code.contains(['*', '<', '{', ' '])
                && !code.contains("mine")
                && !code.contains("NAME")
            {
                checked += 1;
                missing.extend((!root(code).exists()).then(|| format!("{document}: {code}")));
            }
        }
    }
    assert!(checked > 50, "{checked} paths");
    assert!(missing.is_empty(), "{}", missing.join("\n"));
}
