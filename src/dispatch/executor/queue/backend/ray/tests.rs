//! Tests with recorded responses of Ray 2.60.0, and with invalid ones.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::thread::JoinHandle;

use isoflop_sweep::{FiniteNumber, LocatedValue, WholeNumber};

use super::*;

const SUBMITTED: &str = r#"{"job_id": "isoflop-a-1-b", "submission_id": "isoflop-a-1-b"}"#;

const TWICE: &str = r#"Traceback (most recent call last):
  File "/opt/ray/dashboard/modules/job/job_head.py", line 134, in _raise_error
    raise RuntimeError(f"Request failed with status code {status}: {error_text}.")
RuntimeError: Request failed with status code 400: Traceback (most recent call last):
  File "/opt/ray/dashboard/modules/job/job_manager.py", line 553, in submit_job
    raise ValueError(
ValueError: Job with submission_id isoflop-a-1-b already exists. Please use a different submission_id.
.
"#;

const INVALID: &str = r#"Traceback (most recent call last):
  File "/opt/ray/dashboard/modules/job/common.py", line 483, in __post_init__
    raise TypeError(f"entrypoint must be a string, got {type(self.entrypoint)}")
TypeError: entrypoint must be a string, got <class 'int'>
"#;

/// Two jobs that ended, one that waits, one that runs, and a driver that was not submitted as a
/// job.
const LISTED: &str = r#"[{"type": "SUBMISSION", "job_id": null, "submission_id": "isoflop-a-1-b", "driver_info": null, "status": "SUCCEEDED", "entrypoint": "sh -c \"echo hi; sleep 1\"", "message": "Job finished successfully.", "error_type": null, "start_time": 1795697825057, "end_time": 1795697827684, "metadata": {"isoflop": "x"}, "runtime_env": null, "driver_agent_http_address": "http://127.0.0.1:52365", "driver_node_id": "2e015826d0933b57", "driver_exit_code": 0}, {"type": "SUBMISSION", "job_id": null, "submission_id": "isoflop-fails", "driver_info": null, "status": "FAILED", "entrypoint": "exit 3", "message": "Job entrypoint command failed with exit code 3, last available logs (truncated to 20,000 chars):\n2026-11-26 12:57:05,213\tINFO job_manager.py:581 -- Runtime env is setting up.\nRunning entrypoint for job isoflop-fails: exit 3\n", "error_type": "JOB_ENTRYPOINT_COMMAND_ERROR", "start_time": 1795697825212, "end_time": 1795697826859, "metadata": null, "runtime_env": null, "driver_agent_http_address": "http://127.0.0.1:52365", "driver_node_id": "2e015826d0933b57", "driver_exit_code": 3}, {"type": "SUBMISSION", "job_id": null, "submission_id": "isoflop-waits", "driver_info": null, "status": "PENDING", "entrypoint": "sleep 100", "message": "Job has not started yet. It may be waiting for resources (CPUs, GPUs, memory, custom resources) to become available.", "error_type": null, "start_time": 1795697825182, "end_time": null, "metadata": null, "runtime_env": null, "driver_agent_http_address": null, "driver_node_id": null, "driver_exit_code": null}, {"type": "SUBMISSION", "job_id": "02000000", "submission_id": "isoflop-runs", "driver_info": {"id": "02000000", "node_ip_address": "127.0.0.1", "pid": "28212"}, "status": "RUNNING", "entrypoint": "sleep 9", "message": "Job is currently running.", "error_type": null, "start_time": 1795697825278, "end_time": null, "metadata": {}, "runtime_env": {}, "driver_exit_code": null}, {"type": "DRIVER", "job_id": "01000000", "submission_id": null, "driver_info": {"id": "01000000", "node_ip_address": "127.0.0.1", "pid": "1"}, "status": "RUNNING", "entrypoint": "", "message": null, "error_type": null, "start_time": 1795697825057, "end_time": null, "metadata": {}, "runtime_env": {}, "driver_exit_code": null}]"#;

fn answer(status: u16, text: &str) -> RayResponse {
    RayResponse {
        status: StatusCode::from_u16(status).unwrap(),
        text: text.to_owned(),
    }
}

#[test]
fn what_is_taken_and_what_is_not() {
    let said = |status, text: &str| taken(&answer(status, text), "isoflop-a-1-b");
    assert_eq!(said(200, SUBMITTED), Ok(()));
    assert_eq!(
        said(500, TWICE),
        Ok(()),
        "a job that was submitted twice exists"
    );
    // Ray quotes the name of the job. The name of another job does not count.
    assert!(taken(&answer(500, TWICE), "isoflop-c-1-d").is_err());
    let refusals = [
        said(400, INVALID),
        said(401, "Unauthorized: Missing authentication token"),
        said(403, "Forbidden: Invalid authentication token"),
        said(404, "404: Not Found"),
        said(500, ""),
        said(502, &"<html>".repeat(1000)),
        said(200, "<!doctype html>\n<title>Something else</title>"),
        said(200, "{}"),
    ];
    let words = refusals.map(|refusal| refusal.unwrap_err().to_string());
    insta::assert_snapshot!(words.join("\n"));
}

#[test]
fn what_is_gone() {
    let one = |status: &str, message: &str| {
        let text =
            json!({ "submission_id": "x", "status": status, "message": message }).to_string();
        one_job(&answer(200, &text))
            .unwrap()
            .fate()
            .map(|fate| fate.message())
    };
    let too_long = "Job supervisor actor failed to start within 900.0 seconds. This timeout can be configured by setting the \
                    environment variable RAY_JOB_START_TIMEOUT_SECONDS.";
    let logs = "last available logs (truncated to 20,000 chars):\nRunning entrypoint for job x: sh '/nfs/job.sh'";
    let printed = format!(
        "Job entrypoint command failed with exit code 2, {logs}\nsh: 0: cannot open /nfs/job.sh: No such file\n"
    );
    let silent = format!("Job entrypoint command failed with exit code -9, {logs}\n");
    let all = [
        one("FAILED", too_long),
        one("FAILED", &printed),
        one("FAILED", &silent),
        one(
            "FAILED",
            "Job supervisor actor died: The actor died unexpectedly before finishing this task.",
        ),
        one("FAILED", ""),
        one("STOPPED", "Job was intentionally stopped."),
        one("SUCCEEDED", "Job finished successfully."),
        one("RUNNING", "Job is currently running."),
        one("A_WORD_OF_TOMORROW", ""),
    ];
    insta::assert_snapshot!(
        all.map(|word| word.unwrap_or("nothing".to_owned()))
            .join("\n")
    );
    assert!(one_job(&answer(404, "Job nobody does not exist")).is_none());
}

/// Starts a server that sends these responses, one per connection, and returns the requests.
fn listener(answers: Vec<(u16, String)>) -> (String, JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let asked = std::thread::spawn(move || {
        let mut asked = Vec::new();
        for (status, text) in answers {
            let mut stream = listener.accept().unwrap().0;
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            let mut head = Vec::new();
            let mut line = String::new();
            while reader.read_line(&mut line).unwrap() > 2 {
                head.push(std::mem::take(&mut line).trim().to_owned());
            }
            let length = head
                .iter()
                .find_map(|line| line.strip_prefix("content-length: ")?.parse().ok())
                .unwrap_or(0);
            let mut body = vec![0; length];
            reader.read_exact(&mut body).unwrap();
            let token = head
                .iter()
                .find(|line| line.starts_with("authorization"))
                .cloned()
                .unwrap_or_default();
            asked.push(format!(
                "{} {token} {}",
                head[0],
                String::from_utf8(body).unwrap()
            ));
            let length = text.len();
            let _ = write!(
                stream,
                "HTTP/1.1 {status} Said\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{text}"
            );
        }
        asked
    });
    (address, asked)
}

fn at(address: &str) -> RayBackend {
    with_token(address, None)
}

fn with_token(address: &str, file: Option<&Path>) -> RayBackend {
    let token_file = file.map(|file| LocatedValue::without_location(file.display().to_string()));
    RayBackend::new(&RayExecutor {
        address: LocatedValue::without_location(address.to_owned()),
        token_file,
        gpus: LocatedValue::without_location(WholeNumber(1)),
        threads_per_run: LocatedValue::without_location(WholeNumber(2)),
        memory_bytes: Some(LocatedValue::without_location(WholeNumber(1 << 30))),
        pending_seconds: LocatedValue::without_location(FiniteNumber(60.0)),
        ..RayExecutor::default()
    })
    .unwrap()
}

fn run<T>(future: impl Future<Output = T>) -> T {
    crate::exchange::runtime().unwrap().block_on(future)
}

fn names<const N: usize>(names: [&str; N]) -> Option<HashSet<String>> {
    Some(names.map(str::to_owned).into())
}

#[test]
fn what_is_asked() {
    let (address, asked) = listener(vec![
        (200, SUBMITTED.to_owned()),
        (200, LISTED.to_owned()),
        (200, r#"{"stopped": true}"#.to_owned()),
        (200, LISTED.to_owned()),
        (404, "Job isoflop-gone does not exist".to_owned()),
        (500, INVALID.to_owned()),
    ]);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    std::fs::write(&file, "secret\n").unwrap();
    std::fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    let ray = with_token(&format!("{address}/"), Some(&file));
    let script = PathBuf::from("/it's here/job.sh");
    let job = QueueJob {
        tag: "isoflop-a-1-b".to_owned(),
        script,
        folder: PathBuf::from("/it's here"),
        threads: 2,
        command: None,
    };
    run(async {
        ray.submit(&job).await.unwrap();
        assert_eq!(
            ray.live().await.ok(),
            names(["isoflop-waits", "isoflop-runs"])
        );
        ray.cancel("isoflop-waits").await.unwrap();
        assert_eq!(
            ray.live().await.ok(),
            names(["isoflop-runs"]),
            "a cancelled job that waits is not listed"
        );
        ray.cancel("isoflop-gone").await.unwrap();
        assert!(ray.cancel("isoflop-runs").await.is_err());
    });
    insta::assert_snapshot!(asked.join().unwrap().join("\n"));
    assert!(!format!("{ray:?}").contains("secret"));
}

/// Invalid lists are errors, so that no job counts as lost.
#[test]
fn what_is_no_answer() {
    let nonsense = [
        (500, LISTED.to_owned()),
        (401, "Unauthorized".to_owned()),
        (302, LISTED.to_owned()),
        (200, String::new()),
        (200, "<html>".to_owned()),
        (200, "{}".to_owned()),
        (200, LISTED[..LISTED.len() - 1].to_owned()),
        (200, r#"[{"submission_id": "isoflop-a"}]"#.to_owned()),
    ];
    let (address, asked) = listener(nonsense.to_vec());
    let ray = at(&address);
    for (status, text) in &nonsense {
        assert_eq!(run(ray.live()).ok(), None, "{status} {text}");
    }
    asked.join().unwrap();
    // The server has stopped.
    assert_eq!(run(ray.live()).ok(), None);
    assert!(run(ray.fate("isoflop-a")).is_none());
    assert_eq!(run(at("http://127.0.0.1:1").live()).ok(), None);
}

/// A head that accepts connections and sends nothing, or an endless response.
#[test]
fn what_is_too_slow() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let client = http::client(Duration::from_millis(300)).build().unwrap();
    let slow = RayBackend {
        client,
        ..at(&address)
    };
    assert_eq!(run(slow.live()).ok(), None);
    let job = QueueJob {
        tag: "isoflop-a".to_owned(),
        script: PathBuf::new(),
        folder: PathBuf::new(),
        threads: 1,
        command: None,
    };
    let words = run(slow.submit(&job)).unwrap_err().to_string();
    assert!(words.contains("timed out"), "{words}");
    // The last connection receives one byte now and then.
    let dribbles = std::thread::spawn(move || {
        let mut streams: Vec<_> = (0..3).map(|_| listener.accept().unwrap().0).collect();
        let stream = streams.last_mut().unwrap();
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n[");
        while stream.write_all(b" ").is_ok() {
            std::thread::sleep(Duration::from_millis(20));
        }
    });
    assert_eq!(run(slow.live()).ok(), None);
    dribbles.join().unwrap();
}
