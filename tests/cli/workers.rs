//! Workers of our own: real coordinators, real workers, a real network between them, and all of them killed.

mod delivery;
mod faults;
mod many;
mod partition;
mod strangers;

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::Duration;

use nix::sys::signal::Signal;

use crate::faults::{strike, while_they_stand};
use crate::queue::LOCAL;
use crate::sandbox::{Sandbox, processes_of};

pub(crate) const EXECUTOR: &str = "  workers:
    beat_seconds: 0.2
    lease_seconds: 1
";

/// A sweep for workers, with a token for each of these.
fn with_workers(sandbox: Sandbox, names: &[&str]) -> Sandbox {
    sandbox.edit(LOCAL, EXECUTOR);
    sandbox.policy(&["retry_seconds: 0"]);
    for name in names {
        sandbox.ok(&["worker-token", "new", name]);
    }
    sandbox
}

/// A port that nobody listens at.
pub(crate) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port()
}

/// A coordinator and its workers, which end with the test.
pub(crate) struct Site<'a> {
    sandbox: &'a Sandbox,
    port: u16,
    children: Vec<Child>,
}

impl<'a> Site<'a> {
    pub(crate) fn new(sandbox: &'a Sandbox) -> Self {
        Self {
            sandbox,
            port: free_port(),
            children: Vec::new(),
        }
    }

    pub(crate) fn coordinator(&self) -> Child {
        self.quietly(&[
            "run",
            "sweep.yaml",
            "--listen",
            &format!("127.0.0.1:{}", self.port),
        ])
    }

    /// A coordinator whose words go to a file.
    pub(crate) fn coordinator_that_says(&self, path: &Path) -> Child {
        self.coordinator_with(&[], path)
    }

    fn coordinator_with(&self, more: &[&str], path: &Path) -> Child {
        let listen = format!("127.0.0.1:{}", self.port);
        let own = ["run", "sweep.yaml", "--listen", &listen];
        let mut command = self.sandbox.command(&[&own, more].concat());
        command
            .stdout(Stdio::null())
            .stderr(fs::File::create(path).unwrap())
            .spawn()
            .unwrap()
    }

    /// Starts a worker; what it says goes to a file of its name.
    pub(crate) fn worker(&mut self, name: &str) -> usize {
        self.worker_with(name, &[])
    }

    fn worker_with(&mut self, name: &str, more: &[&str]) -> usize {
        let url = format!("http://127.0.0.1:{}", self.port);
        let (token, folder) = (format!("{name}.token"), format!("worker-{name}"));
        let own = [
            "worker",
            "--connect",
            &url,
            "--token-file",
            &token,
            "--folder",
            &folder,
            "--cores",
            "1",
            "--gpus",
            "0",
        ];
        let said = fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(self.sandbox.path(&format!("{name}.txt")))
            .unwrap();
        let mut command = self.sandbox.command(&[&own, more].concat());
        self.children
            .push(command.stdout(Stdio::null()).stderr(said).spawn().unwrap());
        self.children.len() - 1
    }

    fn quietly(&self, arguments: &[&str]) -> Child {
        self.sandbox
            .command(arguments)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap()
    }

    fn strike(&self, worker: usize, signal: Signal) {
        strike(&self.children[worker], signal);
    }

    fn kill(&mut self, worker: usize) {
        self.strike(worker, Signal::SIGKILL);
        self.children[worker].wait().unwrap();
    }

    fn said(&self, name: &str) -> String {
        fs::read_to_string(self.sandbox.path(&format!("{name}.txt"))).unwrap_or_default()
    }
}

impl Drop for Site<'_> {
    fn drop(&mut self) {
        for child in &mut self.children {
            // One that ended by itself cannot be killed.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// A process that ends with the test.
struct Ends(Child);

impl Drop for Ends {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Whether a worker trains.
fn trains(sandbox: &Sandbox, name: &str) -> bool {
    !trainers(sandbox, name).is_empty()
}

/// The trainers of a worker.
fn trainers(sandbox: &Sandbox, name: &str) -> Vec<i32> {
    let folder = sandbox.path(&format!("worker-{name}/runs"));
    // It is named without symbolic links in the command line, as the sandbox is.
    processes_of(&folder)
        .into_iter()
        .filter(|pid| is_trainer(*pid))
        .collect()
}

/// A worker in the middle of a run: the coordinator has heard of steps, and no more of them are made while `then` is done.
fn in_the_middle(sandbox: &Sandbox, name: &str, then: impl FnOnce()) {
    while_it_trains(sandbox, name, || under_way_on(sandbox, name), then);
}

/// Stops a worker's trainer where `so` holds, for as long as `then` takes.
fn while_it_trains(sandbox: &Sandbox, name: &str, so: impl Fn() -> bool, then: impl FnOnce()) {
    let find = || Some(trainers(sandbox, name)).filter(|trainers| !trainers.is_empty() && so());
    while_they_stand(find, Vec::clone, |_| then());
}

fn is_trainer(pid: i32) -> bool {
    let program = fs::read_link(format!("/proc/{pid}/exe")).unwrap_or_default();
    program.ends_with("isoflop-trainer")
}

/// Attempts that a worker has kept.
fn kept(sandbox: &Sandbox, name: &str) -> usize {
    fs::read_dir(sandbox.path(&format!("worker-{name}/runs")))
        .into_iter()
        .flatten()
        .count()
}

fn has_ended(folder: &Path) -> bool {
    let attempts = fs::read_dir(folder).into_iter().flatten().flatten();
    attempts
        .flat_map(|run| {
            fs::read_dir(run.path().join("attempts"))
                .into_iter()
                .flatten()
                .flatten()
        })
        .any(|attempt| attempt.path().join("end.json").exists())
}

/// A request, by a client that is not ours: its status and its body.
fn request(
    port: u16,
    method: &str,
    path: &str,
    headers: &[String],
    body: &[u8],
) -> (String, String) {
    let mut connection = TcpStream::connect(("127.0.0.1", port)).unwrap();
    connection
        .set_read_timeout(Some(Duration::from_secs(60)))
        .unwrap();
    let headers: String = headers
        .iter()
        .map(|header| format!("{header}\r\n"))
        .collect();
    let length = body.len();
    let head = format!(
        "{method} /{path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: {length}\r\n{headers}\r\n"
    );
    connection.write_all(head.as_bytes()).unwrap();
    // Who refuses a body need not read it.
    let _ = connection.write_all(body);
    let mut said = Vec::new();
    let _ = connection.read_to_end(&mut said);
    let said = String::from_utf8_lossy(&said).into_owned();
    let (head, body) = said
        .split_once("\r\n\r\n")
        .unwrap_or_else(|| panic!("no answer to {method} {path}: {said:?}"));
    (head.split(' ').nth(1).unwrap().to_owned(), body.to_owned())
}

/// Whether the coordinator has heard of steps that a worker makes.
fn under_way_on(sandbox: &Sandbox, name: &str) -> bool {
    let under_way = crate::queue::under_way(sandbox).into_iter();
    let of_it = under_way.filter(|attempt| {
        let began = fs::read_to_string(attempt.join("began.json")).unwrap_or_default();
        began.contains(&format!("\"{name}\""))
    });
    let said = |attempt: std::path::PathBuf| {
        fs::read_to_string(attempt.join("metrics.jsonl")).unwrap_or_default()
    };
    of_it.map(said).any(|said| said.lines().count() > 1)
}
