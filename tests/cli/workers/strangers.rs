//! Who is not known learns nothing and does nothing; who is known does no more than a worker does.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use super::{Site, request, with_workers};
use crate::faults::strike;
use crate::sandbox::{Sandbox, until};

const RUN: &str = "0123456789abcdef";

/// Every route, with a body that is none.
fn routes() -> Vec<(&'static str, String)> {
    vec![
        ("POST", "v1/hello".into()),
        ("POST", "v1/claim".into()),
        ("POST", "v1/beat".into()),
        ("POST", "v1/end".into()),
        ("GET", format!("v1/blobs/{}", "a".repeat(64))),
        ("PUT", format!("v1/checkpoints/{RUN}/1/7f-1/run/1/tensors")),
        ("PUT", format!("v1/checkpoints/{RUN}/1/7f-1/run/1/manifest")),
        ("GET", String::new()),
        ("GET", "v1/nothing".into()),
        ("DELETE", "v1/claim".into()),
    ]
}

/// A coordinator with a worker's token that counts, and one that was revoked.
struct Door<'a> {
    site: Site<'a>,
    coordinator: Child,
    good: String,
    revoked: String,
}

impl<'a> Door<'a> {
    fn open(sandbox: &'a Sandbox) -> Self {
        let site = Site::new(sandbox);
        let coordinator = site.coordinator_with(&["-vv"], &sandbox.path("said.txt"));
        let token = |name: &str| {
            std::fs::read_to_string(sandbox.path(&format!("{name}.token")))
                .unwrap()
                .trim()
                .to_owned()
        };
        let door = Self {
            good: token("good"),
            revoked: token("bad"),
            site,
            coordinator,
        };
        until("the coordinator answers", || {
            TcpStream::connect(("127.0.0.1", door.site.port)).is_ok()
        });
        sandbox.ok(&["worker-token", "revoke", "bad"]);
        door
    }

    fn ask(
        &self,
        method: &str,
        path: &str,
        token: Option<&str>,
        more: &[String],
        body: &[u8],
    ) -> (String, String) {
        let authorization = token.map(|token| format!("Authorization: Bearer {token}"));
        let headers: Vec<String> = authorization
            .into_iter()
            .chain(more.iter().cloned())
            .collect();
        request(self.site.port, method, path, &headers, body)
    }

    /// As a worker would.
    fn known(&self, method: &str, path: &str, body: impl AsRef<[u8]>) -> (String, String) {
        let version = format!(
            "isoflop-protocol: {}",
            isoflop_dispatch::protocol::version()
        );
        let headers = [version, "Content-Type: application/json".to_owned()];
        self.ask(method, path, Some(&self.good), &headers, body.as_ref())
    }

    fn close(mut self) {
        strike(&self.coordinator, Signal::SIGINT);
        assert_eq!(
            self.coordinator.wait().unwrap().code(),
            Some(130),
            "it was brought down"
        );
    }
}

#[test]
fn a_stranger_learns_nothing() {
    let sandbox = with_workers(Sandbox::new(), &["good", "bad"]);
    let door = Door::open(&sandbox);
    let wrong = "0".repeat(64);
    let mut too_many = false;
    for (method, path) in routes() {
        for token in [
            None,
            Some(""),
            Some(wrong.as_str()),
            Some(&door.good[1..]),
            Some(&door.revoked),
        ] {
            let (status, body) = door.ask(method, &path, token, &[], b"{}");
            // The same for all, whatever they ask, and after a few of them not even that.
            too_many |= status == "429";
            assert_eq!(
                status,
                if too_many { "429" } else { "401" },
                "{method} {path} {token:?}"
            );
            assert_eq!(body, "");
        }
    }
    assert!(too_many, "nothing bounds how often strangers are answered");
    // A worker is let in whoever else comes from its address.
    let (status, body) = door.known(
        "POST",
        "v1/hello",
        r#"{"isoflop":"0.1.0","host":"h","cores":1,"gpus":0}"#,
    );
    assert_eq!(status, "200", "{body}");
    assert!(body.contains(r#""worker":"good""#), "{body}");
    assert_eq!(sandbox.outcomes().len(), 0);
    // Each refusal can be read back, and no token with it.
    let log = std::fs::read_to_string(sandbox.path("said.txt")).unwrap();
    let refused = log.matches("request refused: no valid token").count();
    assert_eq!(refused, 5 * routes().len(), "{log}");
    assert!(log.contains("call{worker=\"good\"") && log.contains("worker connected"));
    for secret in [&door.good, &door.revoked, &wrong] {
        assert!(!log.contains(secret.as_str()), "{log}");
    }
    door.close();
}

#[test]
fn a_worker_does_no_more_than_a_worker_does() {
    let sandbox = with_workers(Sandbox::new(), &["good", "bad"]);
    let door = Door::open(&sandbox);
    sandbox.write("secret.txt", "secret");
    for path in [
        "v1/blobs/../../workers.json".to_owned(),
        "v1/blobs/..%2f..%2fsecret.txt".to_owned(),
        format!("v1/blobs/{}", "a".repeat(64)),
        "v1/checkpoints/..%2f..%2f..%2fx/1/7f-1/run/1/tensors".to_owned(),
        format!("v1/checkpoints/{RUN}/1/..%2f..%2fx/run/1/tensors"),
        format!("v1/checkpoints/{RUN}/1/7f-1/..%2fx/1/tensors"),
        format!("v1/checkpoints/{RUN}/1/7f-1/run/..%2f1/tensors"),
        format!("v1/checkpoints/{RUN}/1/7f-1/run/1/..%2ftensors"),
        format!("v1/checkpoints/{RUN}/1/7f-1/run/1/tensors"),
    ] {
        let method = if path.contains("blobs") { "GET" } else { "PUT" };
        let (status, body) = door.known(method, &path, "x");
        assert!(
            ["400", "404", "410"].contains(&status.as_str()),
            "{path}: {status} {body}"
        );
        assert!(!body.contains("secret"));
    }
    // Malformed.
    for (path, body) in [
        ("v1/claim", "{"),
        ("v1/claim", "[]"),
        ("v1/claim", r#"{"cores":-1,"gpus":0,"wait_seconds":0}"#),
        (
            "v1/claim",
            r#"{"cores":1,"gpus":0,"wait_seconds":0,"more":1}"#,
        ),
        (
            "v1/beat",
            r#"{"held":{"run":"../../../../etc/x","attempt":1,"fence":"7f-1"},"began":true,"offset":0,"events":""}"#,
        ),
        ("v1/end", "null"),
    ] {
        let (status, said) = door.known("POST", path, body);
        assert!(
            ["400", "422"].contains(&status.as_str()),
            "{path} {body}: {status} {said}"
        );
    }
    // Oversized: refused before it is read.
    let (status, _) = door.known("POST", "v1/end", vec![b' '; 9 << 20]);
    assert_eq!(status, "413");
    // Another's attempt, or nobody's.
    let nobodys = format!(
        r#"{{"held":{{"run":"{RUN}","attempt":1,"fence":"7f-1"}},"began":true,"offset":0,"events":"x\n"}}"#
    );
    let (status, body) = door.known("POST", "v1/beat", nobodys);
    assert_eq!(
        (status.as_str(), body.as_str()),
        ("200", r#"{"order":"forget","offset":0}"#)
    );
    door.close();
}

/// A claim of a negative or endless wait is answered; a header that never ends is not waited for.
#[test]
fn slow_and_endless_requests_end() {
    let sandbox = with_workers(Sandbox::new(), &["good", "bad"]);
    let door = Door::open(&sandbox);
    let began = Instant::now();
    for wait in ["-1", "1e-300"] {
        let body = format!(r#"{{"cores":0,"gpus":0,"wait_seconds":{wait}}}"#);
        assert_eq!(
            door.known("POST", "v1/claim", body),
            ("200".to_owned(), "null".to_owned())
        );
    }
    let mut endless = TcpStream::connect(("127.0.0.1", door.site.port)).unwrap();
    endless
        .write_all(b"POST /v1/hello HTTP/1.1\r\nHost: x\r\nX: ")
        .unwrap();
    endless
        .set_read_timeout(Some(Duration::from_secs(60)))
        .unwrap();
    let mut said = Vec::new();
    // The connection is ended by the other side.
    let _ = endless.read_to_end(&mut said);
    assert!(
        began.elapsed() < Duration::from_secs(50),
        "it is waited for"
    );
    let mut vast = TcpStream::connect(("127.0.0.1", door.site.port)).unwrap();
    let _ = vast.write_all(b"POST /v1/hello HTTP/1.1\r\nHost: x\r\n");
    let line = [&b"X: "[..], &[b'a'; 4096], b"\r\n"].concat();
    let written = (0..100)
        .take_while(|_| vast.write_all(&line).is_ok())
        .count();
    said.clear();
    let _ = vast.read_to_end(&mut said);
    let said = String::from_utf8_lossy(&said).into_owned();
    assert!(
        written < 100 || said.starts_with("HTTP/1.1 431"),
        "{written} lines, {said}"
    );
    door.close();
}

/// Strangers who connect and say nothing cost the coordinator a bounded number of open files: workers are served and results are written,
/// though its limit is lower than their number.
#[test]
fn strangers_who_stay_are_let_go() {
    let sandbox = with_workers(Sandbox::new(), &["good"]);
    let mut site = Site::new(&sandbox);
    let listen = format!("127.0.0.1:{}", site.port);
    let run = format!(
        "ulimit -n 256; exec {} run sweep.yaml --listen {listen}",
        env!("CARGO_BIN_EXE_isoflop")
    );
    let mut command = std::process::Command::new("sh");
    command
        .args(["-c", &run])
        .current_dir(sandbox.path(""))
        .stdin(Stdio::null())
        .stdout(Stdio::null());
    let mut coordinator = command.stderr(Stdio::null()).spawn().unwrap();
    let port = site.port;
    let connect = move || TcpStream::connect(("127.0.0.1", port));
    until("the coordinator answers", || connect().is_ok());
    // Where none is let go, the last of them wait to be let in.
    let strangers =
        std::thread::spawn(move || (0..400).map(|_| connect().unwrap()).collect::<Vec<_>>());
    site.worker("good");
    let open_files = || {
        std::fs::read_dir(format!("/proc/{}/fd", coordinator.id()))
            .unwrap()
            .count()
    };
    let mut most = 0;
    until("all runs are done", || {
        most = most.max(open_files());
        sandbox.outcomes().len() == 8
    });
    assert_eq!(strangers.join().unwrap().len(), 400);
    assert!(coordinator.wait().unwrap().success());
    assert!((64..200).contains(&most), "{most} files were open");
}

/// Another version says so, and is told what to do.
#[test]
fn other_versions_are_refused_kindly() {
    let sandbox = with_workers(Sandbox::new(), &["good", "bad"]);
    let door = Door::open(&sandbox);
    for version in [vec!["isoflop-protocol: 0.1".to_owned()], vec![]] {
        let (status, body) = door.ask("POST", "v1/hello", Some(&door.good), &version, b"{}");
        assert_eq!(status, "426");
        assert!(
            body.contains("install the same version of isoflop on both machines"),
            "{body}"
        );
    }
    door.close();
}

#[test]
fn what_is_refused_says_why() {
    let sandbox = with_workers(Sandbox::new(), &["good", "bad"]);
    let mut said = String::new();
    let mut refused = |arguments: &[&str], code: i32| {
        let ran = sandbox.run(arguments);
        assert_eq!(ran.code, code, "{arguments:?}: {}", ran.err);
        said += &ran.err;
    };
    refused(&["run", "sweep.yaml", "--listen", "0.0.0.0:7575"], 2);
    refused(&["run", "sweep.yaml", "--workers", "nobody.json"], 2);
    refused(
        &[
            "run",
            "sweep.yaml",
            "--cert",
            "nowhere.pem",
            "--key",
            "nowhere.pem",
        ],
        2,
    );
    refused(
        &[
            "run",
            "sweep.yaml",
            "--cert",
            "sweep.yaml",
            "--key",
            "sweep.yaml",
        ],
        2,
    );
    refused(&["run", "sweep.yaml", "--detach"], 2);
    refused(&["worker-token", "new", "good"], 2);
    refused(&["worker-token", "new", "../good"], 2);
    refused(&["worker-token", "revoke", "nobody"], 2);
    refused(
        &["worker-cert", "--cert", "a.pem", "--key", "sweep.yaml"],
        2,
    );
    let worker = |url, token| {
        [
            "worker",
            "--connect",
            url,
            "--token-file",
            token,
            "--folder",
            "w",
            "--gpus",
            "0",
        ]
    };
    refused(&worker("http://192.0.2.1:7575", "good.token"), 2);
    refused(&worker("not an address", "good.token"), 2);
    refused(&worker("http://127.0.0.1:1", "nowhere.token"), 6);
    refused(&worker("http://127.0.0.1:1", "sweep.yaml"), 6);
    let door = Door::open(&sandbox);
    let url = format!("http://127.0.0.1:{}", door.site.port);
    refused(&worker(&url, "bad.token"), 6);
    door.close();
    sandbox.edit("beat_seconds: 0.2", "beat_seconds: 20");
    refused(&["plan", "sweep.yaml"], 3);
    sandbox.edit("beat_seconds: 20", "heart_seconds: 20");
    refused(&["plan", "sweep.yaml"], 3);
    insta::assert_snapshot!(said);
}
