//! Ray's Jobs API: a few lines that speak it and go wrong as Ray does, and a real Ray where scripts/test-ray starts one.

mod fake;
mod real;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use crate::faults::{slow, start, strike};
use crate::queue::{LOCAL, attempts};
use crate::sandbox::{Sandbox, until, untouched};
use fake::{Fake, Kind};

/// The sweep given to a Ray at an address, in short times.
fn on_ray(sandbox: Sandbox, address: &str, keys: &str) -> Sandbox {
    sandbox.edit(
        LOCAL,
        &format!("  ray:\n    address: {address}\n    max_pending: 4\n{keys}"),
    );
    sandbox.policy(&["retry_seconds: 0"]);
    sandbox.queue(&["poll_seconds: 0.2", "grace_seconds: 3"]);
    sandbox
}

/// Each job is taken, and the answer says that it had been: as when the first answer was lost.
#[test]
fn what_is_there_already_is_taken() {
    let fake = Fake::start(Kind::TakenBefore);
    let sandbox = on_ray(Sandbox::new(), &fake.address, "");
    sandbox.ok(&["run", "sweep.yaml"]);
    assert_eq!(sandbox.losses("results"), untouched(Sandbox::new));
    assert_eq!(attempts(&sandbox), [1; 8]);
    assert_eq!(fake.asked("POST /api/jobs/ "), 8);
    let plan = sandbox.ok(&["plan", "sweep.yaml"]);
    assert!(
        plan.out
            .contains("4 runs side by side (cpu), 1 CPU threads each"),
        "{}",
        plan.out
    );
}

/// Ends are learnt from the folders: nonsense from an engine costs nothing.
#[test]
fn an_engine_that_mumbles_has_lost_nothing() {
    let fake = Fake::start(Kind::Mumbles);
    let sandbox = on_ray(Sandbox::new(), &fake.address, "");
    sandbox.ok(&["run", "sweep.yaml"]);
    assert_eq!(sandbox.losses("results"), untouched(Sandbox::new));
    assert_eq!(attempts(&sandbox), [1; 8]);
}

/// Ray gives up what has waited a quarter of an hour. That is no crash: the run is submitted again.
#[test]
fn what_waited_too_long_for_ray_is_no_crash() {
    let fake = Fake::start(Kind::GivesUpOnce);
    let sandbox = on_ray(Sandbox::new(), &fake.address, "");
    sandbox.policy(&["max_attempts: 1"]);
    sandbox.edit("grace_seconds: 3", "grace_seconds: 0.2");
    sandbox.ok(&["run", "sweep.yaml"]);
    assert_eq!(sandbox.losses("results"), untouched(Sandbox::new));
    assert!(attempts(&sandbox).contains(&2), "{:?}", attempts(&sandbox));
}

/// Nothing ever begins: the sweep stops, says what was asked for, and takes its jobs back.
#[test]
fn what_never_begins_comes_to_an_end() {
    let fake = Fake::start(Kind::Full);
    let sandbox = on_ray(
        Sandbox::new(),
        &fake.address,
        "    threads_per_run: 64\n    pending_seconds: 2\n",
    );
    let ran = sandbox.run(&["run", "sweep.yaml"]);
    assert_eq!(ran.code, 4, "{}", ran.err);
    let words =
        "no job of the sweep has started in 2.0 s (`pending_seconds`); each needs 64 CPUs, 0 GPUs";
    assert!(ran.err.contains(words), "{}", ran.err);
    assert!(ran.err.contains("hint: "), "{}", ran.err);
    assert_eq!(fake.asked("/stop"), 4);
}

/// An interrupt does not wait for jobs that Ray keeps: they were told to end, and find the word of it when they begin.
#[test]
fn an_interrupt_does_not_wait_for_what_waits() {
    let fake = Fake::start(Kind::Full);
    let sandbox = on_ray(slow(), &fake.address, "");
    let mut coordinator = start(&sandbox);
    until("four jobs wait", || fake.asked("POST /api/jobs/ ") == 4);
    let struck = Instant::now();
    strike(&coordinator, Signal::SIGINT);
    assert_eq!(coordinator.wait().unwrap().code(), Some(130));
    assert!(
        struck.elapsed() < Duration::from_secs(30),
        "{:?}",
        struck.elapsed()
    );
    assert_eq!(fake.asked("/stop"), 4);
    fake.jobs().iter().for_each(|job| {
        let ran = std::process::Command::new("sh")
            .arg("-c")
            .arg(&job.entrypoint)
            .output()
            .unwrap();
        assert!(ran.status.success(), "{ran:?}");
    });
    assert!(
        sandbox.outcomes().is_empty(),
        "a job that was taken back has trained"
    );
}

#[test]
fn what_ray_refuses() {
    let mut said = String::new();
    for (name, kind) in [
        ("nobody listens", Kind::Gone),
        (
            "no token",
            Kind::Says(401, "Unauthorized: Missing authentication token"),
        ),
        (
            "a wrong token",
            Kind::Says(403, "Forbidden: Invalid authentication token"),
        ),
        ("no Ray", Kind::Says(404, "404: Not Found")),
        (
            "another server",
            Kind::Says(200, "<!doctype html>\n<title>It works!</title>\n"),
        ),
        (
            "a request that it cannot read",
            Kind::Says(400, "Traceback:\nTypeError: entrypoint must be a string\n"),
        ),
    ] {
        let fake = Fake::start(kind);
        let sandbox = on_ray(Sandbox::new(), &fake.address, "    max_pending: 1\n");
        sandbox.edit("    max_pending: 4\n", "");
        let ran = sandbox.run(&["run", "sweep.yaml"]);
        assert_eq!(ran.code, 4, "{}", ran.err);
        let error = ran.err[ran.err.find("error: the sweep").unwrap()..]
            .replace(&fake.address, "http://ADDRESS");
        said += &format!("## {name}\n{error}\n");
    }
    insta::assert_snapshot!(said);
}

#[test]
fn settings_that_make_no_sense() {
    let cases = [
        (
            "an address without a scheme",
            "address: http://localhost:1",
            "address: localhost:1",
        ),
        (
            "an address of Ray's own protocol",
            "address: http://localhost:1",
            "address: ray://localhost:10001",
        ),
        (
            "a password in an address",
            "address: http://localhost:1",
            "address: http://me:secret@localhost:1",
        ),
        (
            "a port that is none",
            "address: http://localhost:1",
            "address: http://localhost:99999",
        ),
        (
            "a token's file somewhere",
            "max_pending: 4",
            "token_file: token",
        ),
        ("two GPUs", "max_pending: 4", "gpus: 2"),
        ("no threads", "max_pending: 4", "threads_per_run: 0"),
        ("no patience", "max_pending: 4", "pending_seconds: 0"),
        (
            "a misspelt key",
            "max_pending: 4",
            "adress: http://localhost:1",
        ),
        (
            "a key of another engine",
            "max_pending: 4",
            "submit: sbatch",
        ),
        (
            "a key with nothing behind it",
            "max_pending: 4",
            "token_file:",
        ),
    ];
    let said = cases.map(|(name, from, to)| {
        let sandbox = on_ray(Sandbox::new(), "http://localhost:1", "");
        sandbox.edit(from, to);
        format!(
            "## {name}\n{}\n",
            crate::messages::said(&sandbox, &["plan", "sweep.yaml"])
        )
    });
    insta::assert_snapshot!(said.join("\n"));
}

#[test]
fn tokens_that_are_not_used() {
    let sandbox = Sandbox::new();
    let token = sandbox.path("token").to_str().unwrap().to_owned();
    let sandbox = on_ray(
        sandbox,
        "http://localhost:1",
        &format!("    token_file: {token}\n"),
    );
    let with = |text: &str, mode: u32| {
        sandbox.write("token", text);
        fs::set_permissions(&token, fs::Permissions::from_mode(mode)).unwrap();
        crate::messages::said(&sandbox, &["run", "sweep.yaml"])
    };
    let said = [
        crate::messages::said(&sandbox, &["run", "sweep.yaml"]),
        with("secret\n", 0o644),
        with("\n", 0o600),
        with("two words\n", 0o600),
    ];
    let said = said.map(|text| text[text.find("error: ").unwrap()..].replace(&token, "TOKEN"));
    insta::assert_snapshot!(said.join("\n"));
    assert!(!said.concat().contains("secret"));
}
