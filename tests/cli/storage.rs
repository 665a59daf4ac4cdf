//! Jobs that share no file system with their coordinator: what they need and bring goes through a storage. Here that is a folder;
//! `scripts/test-s3` has a server that speaks S3.

use std::fs;
use std::path::PathBuf;

use nix::sys::signal::Signal;

use crate::faults::{kill_at_once, slow, start, strike, while_they_stand};
use crate::queue::{LOCAL, attempts, examples};
use crate::sandbox::{Sandbox, outcome_field, processes_of, skipped, until, untouched};

/// Two jobs at a time, each by its one line and in a folder where nothing lies. A job's file in `queue` is there as long as the engine
/// knows it.
const ENGINE: &str = r#"#!/bin/sh
case $1 in
submit)
  mkdir -p queue scratch; echo "$ISOFLOP_TAG" >> submitted; : > "queue/$ISOFLOP_TAG"
  setsid sh -c 'cd scratch && TMPDIR=$PWD flock ../$$.lock sh -c "$ISOFLOP_COMMAND"; cd .. && rm -f "queue/$ISOFLOP_TAG" $$.lock' \
    >> said 2>&1 < /dev/null & ;;
poll) ls queue ;;
cancel) rm -f "queue/$ISOFLOP_TAG"; pkill -TERM -f "attempts/$ISOFLOP_TAG"; true ;;
esac
"#;

/// The keys of a storage, for any engine, and `more` of them.
fn keys(url: &str, more: &str) -> String {
    let isoflop = env!("CARGO_BIN_EXE_isoflop");
    format!(
        "    storage:\n      url: {url}\n      isoflop: {isoflop}\n      beat_seconds: 0.2{more}\n"
    )
}

fn folder(sandbox: &Sandbox) -> String {
    format!("file://{}", sandbox.path("storage").display())
}

/// The keys of one in a folder of the sandbox.
pub(crate) fn folder_keys(sandbox: &Sandbox) -> String {
    keys(&folder(sandbox), "")
}

/// The sweep given to the engine, by way of a storage.
fn stored_at(sandbox: Sandbox, url: &str, more: &str) -> Sandbox {
    let storage = keys(url, more);
    let executor = format!(
        "  command:
    submit: 'sh engine.sh submit # $ISOFLOP_COMMAND $ISOFLOP_TAG'
    poll: sh engine.sh poll
    cancel: 'sh engine.sh cancel # $ISOFLOP_TAG'
{storage}    max_pending: 2
"
    );
    sandbox.edit(LOCAL, &executor);
    sandbox.policy(&["retry_seconds: 0", "checkpoint_seconds: 0.2"]);
    sandbox.queue(&["poll_seconds: 0.1", "grace_seconds: 0.5"]);
    sandbox.write("engine.sh", ENGINE);
    sandbox
}

fn stored(sandbox: Sandbox) -> Sandbox {
    let url = folder(&sandbox);
    stored_at(sandbox, &url, "")
}

/// The attempts in the storage.
fn shelves(sandbox: &Sandbox) -> Vec<PathBuf> {
    fs::read_dir(sandbox.path("storage/attempts"))
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        .collect()
}

/// Whether an attempt has brought a checkpoint and goes on.
fn is_midway(shelf: &std::path::Path) -> bool {
    let brought = fs::read_dir(shelf.join("brought/run"))
        .into_iter()
        .flatten()
        .flatten();
    !shelf.join("end.json").exists()
        && brought
            .flat_map(|step| fs::metadata(step.path().join("manifest")))
            .count()
            > 0
}

/// The attempts that jobs execute, all of which the engine has.
fn under_way(sandbox: &Sandbox) -> Vec<PathBuf> {
    let submitted = sandbox.lines("submitted");
    let is_under_way = |shelf: &PathBuf| {
        let has = |name: &str| shelf.join(name).exists();
        has("claim.json") && !has("end.json") && submitted.iter().any(|tag| shelf.ends_with(tag))
    };
    shelves(sandbox).into_iter().filter(is_under_way).collect()
}

fn processes_on(shelf: &std::path::Path) -> Vec<i32> {
    processes_of(&PathBuf::from(shelf.file_name().unwrap()))
}

/// Stops all jobs where two are under way of which `so` holds, for as long as `then` takes.
fn while_jobs_stand(
    sandbox: &Sandbox,
    so: impl Fn(&[PathBuf]) -> bool,
    then: impl FnOnce(&[PathBuf]),
) {
    let find = || Some(under_way(sandbox)).filter(|jobs| jobs.len() == 2 && so(jobs));
    let processes =
        |jobs: &Vec<PathBuf>| jobs.iter().flat_map(|shelf| processes_on(shelf)).collect();
    while_they_stand(find, processes, |jobs| then(jobs));
}

/// Nothing of any attempt is left, neither in the storage nor where it was executed.
fn is_clear(sandbox: &Sandbox) -> bool {
    let scratch = fs::read_dir(sandbox.path("scratch"))
        .into_iter()
        .flatten()
        .count();
    scratch == 0
        && shelves(sandbox)
            .iter()
            .all(|shelf| !shelf.join("order.json").exists())
}

#[test]
fn a_storage_gives_the_bits_of_this_machine() {
    let sandbox = stored(Sandbox::new());
    sandbox.ok(&["run", "sweep.yaml"]);
    assert_eq!(sandbox.losses("results"), untouched(Sandbox::new));
    assert_eq!(attempts(&sandbox), [1; 8]);
    assert_eq!(
        fs::read_dir(sandbox.path("storage/blobs")).unwrap().count(),
        2,
        "text is brought once"
    );
    until("all is cleared away", || is_clear(&sandbox));
    // What was printed is there as well.
    let run = sandbox.outcomes()[0]
        .0
        .parent()
        .unwrap()
        .file_name()
        .unwrap()
        .to_string_lossy()
        .into_owned();
    sandbox.ok(&["logs", &run]);
}

/// The coordinator is killed while jobs run; they end and bring what they have without it, and the next one fetches it.
#[test]
fn jobs_bring_results_without_a_coordinator() {
    let sandbox = stored(slow());
    let coordinator = start(&sandbox);
    while_jobs_stand(
        &sandbox,
        |jobs| jobs.iter().any(|shelf| is_midway(shelf)),
        |_| kill_at_once(coordinator),
    );
    until("jobs have ended", || {
        shelves(&sandbox)
            .iter()
            .all(|shelf| shelf.join("end.json").exists())
    });
    let resumed = sandbox.ok(&["resume", "sweep"]);
    assert!(
        resumed
            .err
            .contains("attempts that an earlier session gave to the engine"),
        "{}",
        resumed.err
    );
    assert_eq!(sandbox.losses("results"), untouched(slow));
    assert_eq!(attempts(&sandbox), [1; 8]);
    assert_eq!(sandbox.lines("submitted").len(), 8);
}

/// A machine dies with its job: neither word nor job is left. The next attempt goes on from the checkpoint that was brought.
#[test]
fn a_job_that_is_killed_goes_on_elsewhere() {
    let sandbox = stored(slow());
    let mut coordinator = start(&sandbox);
    let mut struck = String::new();
    // Its checkpoint has come to the coordinator.
    let has_brought = |shelf: &PathBuf| {
        let run = run_of(shelf);
        let here = fs::read_dir(sandbox.path(&format!("results/sweep/runs/{run}/checkpoints")))
            .into_iter()
            .flatten();
        is_midway(shelf)
            && here
                .flatten()
                .any(|step| step.path().join("manifest.json").exists() && is_number(&step.path()))
    };
    while_jobs_stand(
        &sandbox,
        |jobs| jobs.iter().any(has_brought),
        |jobs| {
            let shelf = jobs.iter().find(|shelf| has_brought(shelf)).unwrap();
            struck = run_of(shelf);
            for pid in processes_on(shelf) {
                nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), Signal::SIGKILL).unwrap();
            }
        },
    );
    assert!(coordinator.wait().unwrap().success());
    assert_eq!(sandbox.losses("results"), untouched(slow));
    let attempts = attempts(&sandbox);
    assert_eq!(attempts.iter().sum::<u64>(), 9, "{attempts:?}");
    let from = outcome_field(&sandbox, &struck, "resumed_from_step");
    assert!(from.as_u64() > Some(0), "it began at its beginning: {from}");
}

/// The run of an attempt.
fn run_of(shelf: &std::path::Path) -> String {
    shelf
        .file_name()
        .unwrap()
        .to_string_lossy()
        .split('-')
        .nth(1)
        .unwrap()
        .to_owned()
}

fn is_number(path: &std::path::Path) -> bool {
    path.file_name()
        .is_some_and(|name| name.to_string_lossy().parse::<u64>().is_ok())
}

/// Every job is started twice, and one once more when all is over: it trains once.
#[test]
fn a_job_that_is_started_twice_trains_once() {
    let sandbox = stored(Sandbox::new());
    let twice = ENGINE.replace("sh -c \"$ISOFLOP_COMMAND\"", "sh ../twice.sh");
    assert!(twice.contains("twice.sh"));
    sandbox.write(
        "twice.sh",
        "sh -c \"$ISOFLOP_COMMAND\" & sh -c \"$ISOFLOP_COMMAND\"; wait\n",
    );
    sandbox.write("engine.sh", twice);
    sandbox.ok(&["run", "sweep.yaml"]);
    assert_eq!(sandbox.losses("results"), untouched(Sandbox::new));
    assert_eq!(attempts(&sandbox), [1; 8]);
    // The second comes while the first has it, or when all is over.
    let others = |line: &&String| {
        line.contains("another job executes this attempt") || line.contains("not in the storage")
    };
    assert_eq!(sandbox.lines("said").iter().filter(others).count(), 8);
    let before = sandbox.outcomes();
    let job = before[0].0.with_file_name("attempts").join("1/job.sh");
    let again = std::process::Command::new("sh").arg(job).output().unwrap();
    assert!(again.status.success());
    assert!(
        String::from_utf8_lossy(&again.stderr).contains("not in the storage, or no longer in it")
    );
    assert_eq!(sandbox.outcomes(), before);
}

/// An interrupt reaches jobs by way of the storage; run again, they go on from their checkpoints.
#[test]
fn an_interrupt_reaches_jobs() {
    let sandbox = stored(slow());
    let mut coordinator = start(&sandbox);
    while_jobs_stand(
        &sandbox,
        |jobs| jobs.iter().any(|shelf| is_midway(shelf)),
        |_| strike(&coordinator, Signal::SIGINT),
    );
    assert_eq!(coordinator.wait().unwrap().code(), Some(130));
    until("all is cleared away", || is_clear(&sandbox));
    let kept = sandbox.outcomes();
    sandbox.ok(&["run", "sweep.yaml"]);
    assert!(
        kept.iter()
            .all(|outcome| sandbox.outcomes().contains(outcome))
    );
    assert_eq!(sandbox.losses("results"), untouched(slow));
}

#[test]
fn what_a_storage_may_not_be() {
    let mut said = String::new();
    for (from, to) in [
        ("url: file://", "url: gs://"),
        ("url: file://", "url: s3://me:secret@bucket"),
        ("url: file://", "address: file://"),
        ("beat_seconds: 0.2", "beat_seconds: 0"),
        ("beat_seconds: 0.2", "endpoint: http://127.0.0.1:9000"),
        ("beat_seconds: 0.2", "region: here or there"),
        ("# $ISOFLOP_COMMAND $ISOFLOP_TAG", "# $ISOFLOP_TAG"),
    ] {
        let mistaken = stored(Sandbox::new());
        mistaken.edit(from, to);
        let ran = mistaken.run(&["plan", "sweep.yaml"]);
        assert_eq!(ran.code, 3, "{}", ran.err);
        said += &ran
            .err
            .replace(&mistaken.path("").display().to_string(), "/SANDBOX/");
    }
    let mistaken = stored(Sandbox::new());
    mistaken.write("storage", "a file");
    for arguments in [
        &["run", "sweep.yaml"][..],
        &["attempt", "s3://bucket/prefix"],
    ] {
        let ran = mistaken.run(arguments);
        assert_ne!(ran.code, 0);
        let error = &ran.err[ran.err.find("error: ").unwrap()..];
        said += &error.replace(&mistaken.path("").display().to_string(), "/SANDBOX/");
    }
    insta::assert_snapshot!(said);
}

/// The example of text in a bucket, whose storage is not there: it is asked for the text, so the keys are understood.
#[test]
fn the_example_of_text_in_a_bucket_is_read() {
    let [example] = &examples("storage", "data:")[..] else {
        panic!("one example")
    };
    let sandbox = Sandbox::new();
    sandbox.edit(
        "data:\n  train: train.txt\n  validation: val.txt\n",
        example,
    );
    sandbox.edit("https://minio.example.org:9000", "http://127.0.0.1:9");
    let mut plan = sandbox.command(&["plan", "sweep.yaml", "--no-calibration"]);
    plan.envs([
        ("AWS_ACCESS_KEY_ID", "key"),
        ("AWS_SECRET_ACCESS_KEY", "secret"),
    ]);
    let said = plan
        .envs([("NO_PROXY", "127.0.0.1"), ("no_proxy", "127.0.0.1")])
        .output()
        .unwrap()
        .stderr;
    let said = String::from_utf8(said).unwrap();
    assert!(
        said.contains(
            "cannot read the corpus `s3://lab/text/books.train.txt.zst`: Connection refused"
        ),
        "{said}"
    );
}

/// A server that speaks S3, given by its address and its process; without, this says so.
fn server() -> Option<(String, i32)> {
    let Ok(given) = std::env::var("ISOFLOP_TEST_S3") else {
        skipped("no server that speaks S3: `scripts/test-s3` starts one");
        return None;
    };
    let (endpoint, process) = given.rsplit_once(' ').unwrap();
    Some((endpoint.to_owned(), process.parse().unwrap()))
}

mod real {
    use super::*;

    fn on(sandbox: Sandbox, endpoint: &str, name: &str) -> Sandbox {
        stored_at(
            sandbox,
            &format!("s3://isoflop/{name}"),
            &format!("\n      endpoint: {endpoint}"),
        )
    }

    #[test]
    fn s3_gives_the_bits_of_this_machine() {
        let Some((endpoint, _)) = server() else {
            return;
        };
        let sandbox = on(Sandbox::new(), &endpoint, "bits/of");
        sandbox.ok(&["run", "sweep.yaml"]);
        assert_eq!(sandbox.losses("results"), untouched(Sandbox::new));
        assert_eq!(attempts(&sandbox), [1; 8]);
    }

    /// Both jobs come at once: one has it.
    #[test]
    fn s3_lets_one_of_two_jobs_train() {
        let Some((endpoint, _)) = server() else {
            return;
        };
        let sandbox = on(Sandbox::new(), &endpoint, "twice");
        sandbox.write(
            "engine.sh",
            ENGINE.replace("sh -c \"$ISOFLOP_COMMAND\"", "sh ../twice.sh"),
        );
        sandbox.write(
            "twice.sh",
            "sh -c \"$ISOFLOP_COMMAND\" & sh -c \"$ISOFLOP_COMMAND\"; wait\n",
        );
        sandbox.ok(&["run", "sweep.yaml"]);
        assert_eq!(sandbox.losses("results"), untouched(Sandbox::new));
        assert_eq!(attempts(&sandbox), [1; 8]);
    }

    /// The server stands still for longer than anybody waits for an answer: that is a pause.
    #[test]
    fn s3_may_be_away() {
        let Some((endpoint, process)) = server() else {
            return;
        };
        let sandbox = on(slow(), &endpoint, "away");
        let said = fs::File::create(sandbox.path("told")).unwrap();
        let mut coordinator = sandbox
            .command(&["run", "sweep.yaml"])
            .stderr(said)
            .spawn()
            .unwrap();
        until("a run is done", || !sandbox.outcomes().is_empty());
        let server = nix::unistd::Pid::from_raw(process);
        nix::sys::signal::kill(server, Signal::SIGSTOP).unwrap();
        let told = || fs::read_to_string(sandbox.path("told")).unwrap();
        until("it is said", || {
            told().contains("command: the storage does not answer")
        });
        nix::sys::signal::kill(server, Signal::SIGCONT).unwrap();
        assert!(coordinator.wait().unwrap().success(), "{}", told());
        assert!(
            told().contains("command: the storage answers again"),
            "{}",
            told()
        );
        assert_eq!(sandbox.losses("results"), untouched(slow));
        assert_eq!(attempts(&sandbox), [1; 8]);
    }

    #[test]
    fn what_s3_refuses() {
        let Some((endpoint, _)) = server() else {
            return;
        };
        let nobody = stored_at(
            Sandbox::new(),
            "s3://nobodys",
            &format!("\n      endpoint: {endpoint}"),
        );
        let ran = nobody.run(&["run", "sweep.yaml"]);
        assert!(
            ran.code == 6 && ran.err.contains("no such bucket"),
            "{} {}",
            ran.code,
            ran.err
        );
        let nowhere = stored_at(
            Sandbox::new(),
            "s3://isoflop",
            "\n      endpoint: http://127.0.0.1:9",
        );
        let ran = nowhere.run(&["run", "sweep.yaml"]);
        assert!(
            ran.code == 6 && ran.err.contains("refused"),
            "{} {}",
            ran.code,
            ran.err
        );
    }

    /// Puts a file into the bucket.
    fn put(sandbox: &Sandbox, file: &str, url: &str) {
        let status = std::process::Command::new("curl")
            .args([
                "--silent",
                "--fail",
                "--aws-sigv4",
                "aws:amz:us-east-1:s3",
                "--user",
                "isoflop:isoflop",
                "-T",
            ])
            .arg(sandbox.path(file))
            .arg(url)
            .status();
        assert!(status.unwrap().success());
    }

    /// Text in a bucket is brought once, again when it is another there, and not at all where the results have its tokens.
    #[test]
    fn text_may_lie_in_s3() {
        let Some((endpoint, _)) = server() else {
            return;
        };
        let sandbox = Sandbox::new();
        sandbox.write(
            "train.zst",
            zstd::encode_all(&*fs::read(sandbox.path("train.txt")).unwrap(), 3).unwrap(),
        );
        put(
            &sandbox,
            "train.zst",
            &format!("{endpoint}/isoflop/a%20text/train.zst"),
        );
        put(
            &sandbox,
            "val.txt",
            &format!("{endpoint}/isoflop/a%20text/val.txt"),
        );
        sandbox.edit(
            "train: train.txt",
            &format!("train: s3://isoflop/a text/train.zst\n  endpoint: {endpoint}"),
        );
        sandbox.edit(
            "validation: val.txt",
            "validation: s3://isoflop/a text/val.txt",
        );
        fs::remove_file(sandbox.path("train.txt")).unwrap();
        fs::remove_file(sandbox.path("val.txt")).unwrap();
        let run = |arguments: &[&str]| {
            let output = sandbox
                .command(arguments)
                .env("XDG_CACHE_HOME", sandbox.path("cache"))
                .output()
                .unwrap();
            let said = String::from_utf8(output.stderr).unwrap();
            assert!(output.status.success(), "{said}");
            said
        };
        let said = run(&["run", "sweep.yaml"]);
        assert_eq!(
            said.matches("downloading `s3://isoflop/a text/").count(),
            2,
            "{said}"
        );
        assert_eq!(sandbox.losses("results"), untouched(Sandbox::new));
        let said = run(&["run", "sweep.yaml"]);
        assert!(
            !said.contains("downloading") && said.contains("8 of them already done"),
            "{said}"
        );
        sandbox.write("other", crate::sandbox::text(5000..9000));
        put(
            &sandbox,
            "other",
            &format!("{endpoint}/isoflop/a%20text/train.zst"),
        );
        let said = run(&["plan", "sweep.yaml", "--no-calibration"]);
        assert_eq!(said.matches("downloading").count(), 1, "{said}");
        let strangers = sandbox
            .command(&["resume", "sweep"])
            .env_remove("AWS_ACCESS_KEY_ID")
            .output()
            .unwrap();
        assert!(
            strangers.status.success(),
            "the results are enough: {}",
            String::from_utf8_lossy(&strangers.stderr)
        );
        sandbox.edit("a text/train.zst", "a text/trian.zst");
        let ran = sandbox.run(&["plan", "sweep.yaml"]);
        assert!(
            ran.code == 3 && ran.err.contains("sweep.yaml:2:10"),
            "{} {}",
            ran.code,
            ran.err
        );
        assert!(
            ran.err.contains("no such object") && ran.err.contains("hint: "),
            "{}",
            ran.err
        );
    }
}
