//! A real Ray, whose heads are started and killed here. scripts/test-ray makes the place for them.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use nix::sys::signal::Signal;
use serde_json::{Value, json};

use super::on_ray;
use crate::faults::{slow, start, strike, while_they_stand};
use crate::queue::{attempts, killed_midway, processes_on, under_way, while_a_job_stands};
use crate::sandbox::{Sandbox, is_long, processes_of, skipped, until, untouched};
use crate::several::{here_and_on, run_with_a_death};
use crate::storage::folder_keys;

const ADDRESS: &str = "http://127.0.0.1:8265";

/// A head with two CPUs that takes no request without its token. It ends with this value, and its jobs with it.
struct Head {
    root: PathBuf,
    process: Child,
}

impl Head {
    /// A head, where there is a place for one.
    fn start() -> Option<Self> {
        let Some(root) = std::env::var_os("ISOFLOP_TEST_RAY").map(PathBuf::from) else {
            skipped("no Ray: scripts/test-ray starts one");
            return None;
        };
        Some(Self::start_in(&root))
    }

    fn start_in(root: &Path) -> Self {
        let head = Self {
            root: root.to_owned(),
            process: process(root),
        };
        head.answers();
        head
    }

    /// Its agent, which takes jobs, comes after its dashboard.
    fn answers(&self) {
        until("the head takes requests for jobs", || {
            self.ask("GET", "", "")
                .is_some_and(|(status, _)| status == 200)
        });
    }

    fn token(&self) -> String {
        self.root.join("token").to_str().unwrap().to_owned()
    }

    /// The sweep given to this head.
    fn given(&self, sandbox: Sandbox, keys: &str) -> Sandbox {
        on_ray(
            sandbox,
            ADDRESS,
            &format!("    token_file: {}\n{keys}", self.token()),
        )
    }

    /// What it answers, if it does.
    fn ask(&self, method: &str, path: &str, body: &str) -> Option<(u16, String)> {
        let token = fs::read_to_string(self.token()).unwrap();
        let mut stream = TcpStream::connect(ADDRESS.trim_start_matches("http://")).ok()?;
        let head = format!(
            "{method} /api/jobs/{path} HTTP/1.0\r\nAuthorization: Bearer {}\r\n",
            token.trim()
        );
        let kind = format!(
            "Content-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        stream
            .write_all(format!("{head}{kind}{body}").as_bytes())
            .ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        let status = answer.split_whitespace().nth(1)?.parse().ok()?;
        Some((status, answer.split_once("\r\n\r\n")?.1.to_owned()))
    }

    fn jobs(&self) -> Vec<Value> {
        serde_json::from_str(&self.ask("GET", "", "").unwrap().1).unwrap()
    }

    /// The names of the jobs of this status, as they were submitted.
    fn submitted(&self, status: &str) -> Vec<String> {
        let jobs = self.jobs().into_iter();
        // Ray lists its own drivers too, which were submitted by nobody.
        jobs.filter(|job| job["status"] == status)
            .filter_map(|job| Some(job["submission_id"].as_str()?.to_owned()))
            .collect()
    }

    /// Puts another head at its place, which knows nothing of what this one did.
    fn replace(&mut self) {
        self.die();
        self.process = process(&self.root);
        self.answers();
    }

    /// Nothing is told to end: all that it started is killed, as when its machine dies.
    fn die(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
        let folder = self.root.join("session");
        until("the head is gone", || processes_of(&folder).is_empty());
    }
}

fn process(root: &Path) -> Child {
    let log = fs::File::create(root.join("head.log")).unwrap();
    let mut command = Command::new(root.join("head"));
    command
        .stdin(Stdio::null())
        .stdout(log.try_clone().unwrap())
        .stderr(log);
    command.spawn().unwrap()
}

impl Drop for Head {
    fn drop(&mut self) {
        self.die();
    }
}

/// The coordinator is killed, and then the head, which forgets all and takes its jobs with it.
#[test]
fn ray_gives_the_bits_of_this_machine_whatever_is_killed() {
    let Some(mut head) = Head::start() else {
        return;
    };
    let sandbox = head.given(slow(), "");
    killed_midway(&sandbox, || head.replace());
    let kept = sandbox.outcomes();
    let resumed = sandbox.ok(&["resume", "sweep"]);
    assert!(
        resumed
            .err
            .contains("attempts that an earlier session gave to the engine"),
        "{}",
        resumed.err
    );
    assert!(
        kept.iter()
            .all(|outcome| sandbox.outcomes().contains(outcome))
    );
    assert_eq!(sandbox.losses("results"), untouched(slow));
    drop(head);
}

/// The coordinator alone is killed: jobs go on, deliver, and none is submitted twice.
#[test]
fn jobs_outlive_their_coordinator() {
    let Some(head) = Head::start() else { return };
    let sandbox = head.given(slow(), "");
    let mut coordinator = start(&sandbox);
    until("a job runs", || !under_way(&sandbox).is_empty());
    strike(&coordinator, Signal::SIGKILL);
    coordinator.wait().unwrap();
    sandbox.ok(&["resume", "sweep"]);
    assert_eq!(attempts(&sandbox), [1; 8]);
    assert_eq!(head.jobs().len(), 8);
    assert_eq!(sandbox.losses("results"), untouched(slow));
}

/// Jobs that see no folder of the sweep: what they need and bring goes by way of a storage.
#[test]
fn ray_by_way_of_a_storage() {
    let Some(head) = Head::start() else { return };
    let sandbox = Sandbox::new();
    let keys = folder_keys(&sandbox);
    let sandbox = head.given(sandbox, &keys);
    sandbox.ok(&["run", "sweep.yaml"]);
    assert_eq!(sandbox.losses("results"), untouched(Sandbox::new));
    assert_eq!(attempts(&sandbox), [1; 8]);
    assert_eq!(head.jobs().len(), 8);
}

/// The quickstart.
#[test]
fn the_quickstart_has_the_same_losses() {
    if !is_long() {
        return skipped("ISOFLOP_TEST_LONG is not set: the quickstart takes minutes");
    }
    let Some(head) = Head::start() else { return };
    let sandbox = head.given(Sandbox::quickstart(), "");
    sandbox.ok(&["run", "sweep.yaml"]);
    assert_eq!(sandbox.losses("results"), untouched(Sandbox::quickstart));
    assert_eq!(attempts(&sandbox), [1; 36]);
}

/// This machine, Ray and a worker at once on one sweep.
#[test]
fn ray_is_one_of_three_engines() {
    let Some(head) = Head::start() else { return };
    let engine = format!(
        "  ray:\n    address: {ADDRESS}\n    token_file: {}\n    max_pending: 2\n",
        head.token()
    );
    let sandbox = here_and_on(&engine, &["poll_seconds: 0.2", "grace_seconds: 3"]);
    run_with_a_death(&sandbox, "ray");
}

/// The head dies under a coordinator and another takes its place.
#[test]
fn a_head_that_forgets_all_costs_attempts_alone() {
    let Some(mut head) = Head::start() else {
        return;
    };
    let sandbox = head.given(slow(), "");
    let said = fs::File::create(sandbox.path("said")).unwrap();
    let mut coordinator = sandbox
        .command(&["run", "sweep.yaml"])
        .stdout(Stdio::null())
        .stderr(said)
        .spawn()
        .unwrap();
    while_a_job_stands(&sandbox, || head.replace());
    let ended = coordinator.wait().unwrap();
    assert!(
        ended.success(),
        "{}",
        fs::read_to_string(sandbox.path("said")).unwrap()
    );
    assert!(attempts(&sandbox).iter().any(|attempts| *attempts > 1));
    assert_eq!(sandbox.losses("results"), untouched(slow));
    drop(head);
}

#[test]
fn a_wrong_token_is_refused() {
    let Some(head) = Head::start() else { return };
    let sandbox = head.given(Sandbox::new(), "");
    let right = head.token();
    sandbox.edit(&format!("    token_file: {right}\n"), "");
    let ran = sandbox.run(&["run", "sweep.yaml"]);
    assert_eq!(ran.code, 4, "{}", ran.err);
    let words = "returned HTTP 401: Unauthorized: Missing authentication token; `token_file` must contain the token that Ray was started with";
    assert!(ran.err.contains(words), "{}", ran.err);
    sandbox.write("token", "0".repeat(64));
    fs::set_permissions(
        sandbox.path("token"),
        std::os::unix::fs::PermissionsExt::from_mode(0o600),
    )
    .unwrap();
    sandbox.edit(
        "  ray:\n",
        &format!(
            "  ray:\n    token_file: {}\n",
            sandbox.path("token").display()
        ),
    );
    let ran = sandbox.run(&["run", "sweep.yaml"]);
    assert_eq!(ran.code, 4, "{}", ran.err);
    assert!(
        ran.err
            .contains("returned HTTP 403: Forbidden: Invalid authentication token"),
        "{}",
        ran.err
    );
    assert!(head.jobs().is_empty());
    sandbox.edit(sandbox.path("token").to_str().unwrap(), &right);
    sandbox.ok(&["run", "sweep.yaml"]);
    assert_eq!(sandbox.losses("results"), untouched(Sandbox::new));
}

#[test]
fn a_request_that_cannot_be_met_comes_to_an_end() {
    let Some(head) = Head::start() else { return };
    let sandbox = head.given(
        Sandbox::new(),
        "    threads_per_run: 64\n    pending_seconds: 3\n",
    );
    let ran = sandbox.run(&["run", "sweep.yaml"]);
    assert_eq!(ran.code, 4, "{}", ran.err);
    let words =
        "no job of the sweep has started in 3.0 s (`pending_seconds`); each needs 64 CPUs, 0 GPUs";
    assert!(ran.err.contains(words), "{}", ran.err);
    assert!(sandbox.outcomes().is_empty());
}

/// A job that waits is taken back, an interrupt ends the others, and what Ray kept of them does not train when there is room. The two that
/// run stand meanwhile: Ray has no room for one that waits, however fast this machine is.
#[test]
fn what_was_cancelled_does_not_train() {
    let Some(head) = Head::start() else { return };
    let sandbox = head.given(slow(), "");
    let mut coordinator = start(&sandbox);
    let two_run_and_two_wait = || {
        let (running, waiting) = (under_way(&sandbox), head.submitted("PENDING"));
        (running.len() == 2 && waiting.len() == 2).then_some((running, waiting))
    };
    let mut cancelled = None;
    while_they_stand(
        two_run_and_two_wait,
        |(running, _)| {
            let processes = |attempt: &PathBuf| processes_on(&sandbox, attempt);
            running.iter().flat_map(processes).collect()
        },
        |(_, waiting)| {
            let status = sandbox.json(&["status", "sweep"]);
            let waits = |run: &&Value| waiting[0].contains(run["id"].as_str().unwrap());
            let run = status.as_array().unwrap().iter().find(waits).unwrap();
            assert_eq!(run["status"], "leased");
            let id = run["id"].as_str().unwrap().to_owned();
            let answer = sandbox.ok(&["cancel", &id]);
            assert!(answer.out.contains("cancelled"), "{}", answer.out);
            cancelled = Some(id);
            strike(&coordinator, Signal::SIGINT);
        },
    );
    let run = cancelled.unwrap();
    assert_eq!(coordinator.wait().unwrap().code(), Some(130));
    until("Ray has no job that waits or runs", || {
        head.submitted("RUNNING").is_empty() && head.submitted("PENDING").is_empty()
    });
    let trained = sandbox.outcomes();
    assert!(
        trained
            .iter()
            .all(|(path, _)| !path.to_str().unwrap().contains(&run)),
        "{trained:?}"
    );
    until("no process is left", || {
        processes_of(&sandbox.path("")).is_empty()
    });
    sandbox.ok(&["run", "sweep.yaml"]);
    assert_eq!(sandbox.outcomes().len(), 7);
}

/// A job is given to Ray again, under its name and under another: it trains once.
#[test]
fn an_attempt_that_is_submitted_twice_trains_once() {
    let Some(head) = Head::start() else { return };
    let sandbox = head.given(slow(), "");
    let mut coordinator = start(&sandbox);
    let mut running = None;
    until("a job runs", || {
        let jobs = head.jobs().into_iter();
        running = jobs.into_iter().find(|job| job["status"] == "RUNNING");
        running.is_some()
    });
    let job = running.unwrap();
    let again = |name: &str| {
        let body = json!({ "entrypoint": job["entrypoint"], "submission_id": name, "entrypoint_num_cpus": 0.01 });
        head.ask("POST", "", &body.to_string()).unwrap()
    };
    let (status, text) = again(job["submission_id"].as_str().unwrap());
    assert!(
        status == 500 && text.contains("already exists"),
        "{status} {text}"
    );
    assert_eq!(again("another").0, 200);
    assert!(coordinator.wait().unwrap().success());
    until("the other has ended", || {
        let status =
            |job: &&Value| job["submission_id"] == "another" && job["status"] == "SUCCEEDED";
        head.jobs().iter().any(|job| status(&job))
    });
    let printed = head.ask("GET", "another/logs", "").unwrap().1;
    assert!(
        printed.contains("another job executes this attempt"),
        "{printed}"
    );
    assert_eq!(attempts(&sandbox), [1; 8]);
    assert_eq!(sandbox.losses("results"), untouched(slow));
}
