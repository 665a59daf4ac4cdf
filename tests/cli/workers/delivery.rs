//! What workers bring.

use std::process::{Command, Stdio};

use nix::sys::signal::Signal;

use super::{Ends, Site, free_port, with_workers};
use crate::faults::{slow, strike};
use crate::queue::attempts;
use crate::sandbox::{Sandbox, outcome_field, until, untouched};

#[test]
fn workers_give_the_bits_of_this_machine() {
    let sandbox = with_workers(Sandbox::new(), &["one", "two"]);
    let mut site = Site::new(&sandbox);
    // Workers may be there first.
    site.worker("one");
    site.worker("two");
    assert!(site.coordinator().wait().unwrap().success());
    assert_eq!(sandbox.losses("results"), untouched(Sandbox::new));
    assert_eq!(attempts(&sandbox), [1; 8]);
    until("nothing is kept that is acknowledged", || {
        super::kept(&sandbox, "one") + super::kept(&sandbox, "two") == 0
    });
}

/// A worker that is told to end leaves a checkpoint with the coordinator, from which another goes on.
#[test]
fn a_worker_that_leaves_hands_its_run_over() {
    let sandbox = with_workers(slow(), &["one", "two"]);
    sandbox.policy(&["max_attempts: 1"]);
    let mut site = Site::new(&sandbox);
    let mut coordinator = site.coordinator();
    let one = site.worker("one");
    super::in_the_middle(&sandbox, "one", || site.strike(one, Signal::SIGTERM));
    assert!(site.children[one].wait().unwrap().success());
    assert_eq!(super::kept(&sandbox, "one"), 0, "{}", site.said("one"));
    site.worker("two");
    assert!(coordinator.wait().unwrap().success());
    assert_eq!(sandbox.losses("results"), untouched(slow));
    assert!(resumed(&sandbox) > 0, "no run went on from a checkpoint");
}

/// A coordinator without workers says what it waits for.
#[test]
fn a_coordinator_without_workers_says_so() {
    let sandbox = with_workers(Sandbox::new(), &["one"]);
    let mut site = Site::new(&sandbox);
    let path = sandbox.path("said.txt");
    let said = || std::fs::read_to_string(&path).unwrap();
    let mut coordinator = site.coordinator_that_says(&path);
    until("that is said", || {
        said().contains("workers: no worker has connected yet")
    });
    site.worker("one");
    assert!(coordinator.wait().unwrap().success());
    assert!(
        said().contains("workers: a worker has connected"),
        "{}",
        said()
    );
}

/// Runs that were gone on with.
pub(super) fn resumed(sandbox: &Sandbox) -> usize {
    let ids = sandbox
        .outcomes()
        .into_iter()
        .map(|(path, _)| path.parent().unwrap().file_name().unwrap().to_owned());
    ids.filter(|id| !outcome_field(sandbox, id.to_str().unwrap(), "resumed_from_step").is_null())
        .count()
}

/// An interrupt stops what workers train, with checkpoints; the same command goes on from them.
#[test]
fn an_interrupt_reaches_workers() {
    let sandbox = with_workers(slow(), &["one"]);
    let mut site = Site::new(&sandbox);
    let mut coordinator = site.coordinator();
    site.worker("one");
    super::in_the_middle(&sandbox, "one", || strike(&coordinator, Signal::SIGINT));
    assert_eq!(coordinator.wait().unwrap().code(), Some(130));
    until("the worker trains no more", || {
        !super::trains(&sandbox, "one")
    });
    let kept = sandbox.outcomes();
    assert!(site.coordinator().wait().unwrap().success());
    assert!(
        kept.iter()
            .all(|outcome| sandbox.outcomes().contains(outcome))
    );
    assert_eq!(sandbox.losses("results"), untouched(slow));
}

/// Runs that go on from one another's trunks do so from one worker to another.
#[test]
fn trunks_go_from_worker_to_worker() {
    let chained = || {
        let sandbox = Sandbox::new();
        sandbox.edit(
            "fixed: 1e-2",
            "fixed: 1e-2\n  schedule: { wsd: { warmup_steps: 3, decay: 0.3, floor: 0 } }",
        );
        sandbox
    };
    let local = chained();
    local.ok(&["run", "sweep.yaml"]);
    let sandbox = with_workers(chained(), &["one", "two"]);
    let mut site = Site::new(&sandbox);
    site.worker("one");
    site.worker("two");
    assert!(site.coordinator().wait().unwrap().success());
    assert_eq!(sandbox.losses("results"), local.losses("results"));
    let trunks = |sandbox: &Sandbox| {
        let ids = sandbox
            .outcomes()
            .into_iter()
            .map(|(path, _)| path.parent().unwrap().file_name().unwrap().to_owned());
        ids.filter(|id| !outcome_field(sandbox, id.to_str().unwrap(), "trunk").is_null())
            .count()
    };
    assert!(trunks(&local) > 0);
    assert_eq!(trunks(&sandbox), trunks(&local));
}

/// TLS with a certificate of our own, known by its fingerprint.
#[test]
fn tls_is_known_by_its_fingerprint() {
    let sandbox = with_workers(Sandbox::new(), &["one"]);
    let said = sandbox.ok(&["worker-cert", "coordinator.example"]).out;
    let fingerprint = said.split_whitespace().last().unwrap().to_owned();
    let address = format!("0.0.0.0:{}", free_port());
    let url = format!("https://127.0.0.1:{}", address.rsplit(':').next().unwrap());
    let tls = [
        "--listen",
        &address,
        "--cert",
        "isoflop-cert.pem",
        "--key",
        "isoflop-key.pem",
    ];
    let mut coordinator = Ends(
        quiet(sandbox.command(&[&["run", "sweep.yaml"][..], &tls].concat()))
            .spawn()
            .unwrap(),
    );
    let other = format!("{}{}", &fingerprint[2..], &fingerprint[..2]);
    let worker = |fingerprint: &str, connect: &str| {
        let own = [
            "worker",
            "--connect",
            connect,
            "--token-file",
            "one.token",
            "--folder",
            "w",
            "--gpus",
            "0",
        ];
        sandbox.command(&[&own[..], &["--fingerprint", fingerprint]].concat())
    };
    let said = std::fs::File::create(sandbox.path("wrong.txt")).unwrap();
    let wrong = Ends(worker(&other, &url).stderr(said).spawn().unwrap());
    until("the wrong fingerprint is noticed", || {
        std::fs::read_to_string(sandbox.path("wrong.txt"))
            .unwrap()
            .contains("its certificate has the fingerprint")
    });
    drop(wrong);
    let _right = Ends(quiet(worker(&fingerprint, &url)).spawn().unwrap());
    assert!(coordinator.0.wait().unwrap().success());
    assert_eq!(sandbox.losses("results"), untouched(Sandbox::new));
}

fn quiet(mut command: Command) -> Command {
    command.stdout(Stdio::null()).stderr(Stdio::null());
    command
}
