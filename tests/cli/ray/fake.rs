//! A few lines that speak Ray's Jobs API.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use serde_json::{Value, json};

/// In which way it goes wrong.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// It takes a job, and says that it had it already.
    TakenBefore,
    /// It says nonsense where jobs are listed.
    Mumbles,
    /// It gives up the first job that it is given.
    GivesUpOnce,
    /// It has room for none.
    Full,
    /// Nobody listens.
    Gone,
    /// It answers so, whatever it is asked.
    Says(u16, &'static str),
}

pub(super) struct Fake {
    pub(super) address: String,
    inner: Arc<Inner>,
}

struct Inner {
    kind: Kind,
    asked: Mutex<Vec<String>>,
    jobs: Mutex<Vec<Job>>,
}

pub(super) struct Job {
    tag: String,
    pub(super) entrypoint: String,
    process: Option<Child>,
    given_up: bool,
}

impl Fake {
    pub(super) fn start(kind: Kind) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let inner = Arc::new(Inner {
            kind,
            asked: Mutex::default(),
            jobs: Mutex::default(),
        });
        let fake = Self {
            address,
            inner: inner.clone(),
        };
        if kind != Kind::Gone {
            std::thread::spawn(move || {
                listener
                    .incoming()
                    .flatten()
                    .for_each(|stream| inner.answer(stream))
            });
        }
        fake
    }

    /// How many requests contained this, as `METHOD /path `.
    pub(super) fn asked(&self, what: &str) -> usize {
        self.inner
            .asked
            .lock()
            .unwrap()
            .iter()
            .filter(|line| line.contains(what))
            .count()
    }

    pub(super) fn jobs(&self) -> std::sync::MutexGuard<'_, Vec<Job>> {
        self.inner.jobs.lock().unwrap()
    }
}

impl Drop for Fake {
    fn drop(&mut self) {
        for job in self.jobs().iter_mut() {
            job.end(Signal::SIGKILL);
        }
    }
}

impl Job {
    fn end(&mut self, signal: Signal) {
        if let Some(process) = &mut self.process
            && process.try_wait().unwrap().is_none()
        {
            killpg(Pid::from_raw(process.id() as i32), signal).unwrap();
        }
    }

    fn told(&mut self) -> Value {
        let ended = self
            .process
            .as_mut()
            .and_then(|process| process.try_wait().unwrap());
        let (status, message) = match (self.given_up, &self.process, ended) {
            (true, ..) => (
                "FAILED",
                "Job supervisor actor failed to start within 900.0 seconds.",
            ),
            (_, None, _) => ("PENDING", "Job has not started yet."),
            (_, Some(_), None) => ("RUNNING", "Job is currently running."),
            (_, _, Some(status)) if status.success() => ("SUCCEEDED", "Job finished successfully."),
            _ => ("FAILED", "Job entrypoint command failed."),
        };
        json!({ "type": "SUBMISSION", "submission_id": self.tag, "status": status, "message": message })
    }
}

impl Inner {
    fn answer(&self, mut stream: TcpStream) {
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        let (mut first, mut length) = (String::new(), 0);
        reader.read_line(&mut first).unwrap();
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line).unwrap() <= 2 {
                break;
            }
            if let Some(given) = line.to_lowercase().strip_prefix("content-length: ") {
                length = given.trim().parse().unwrap();
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).unwrap();
        let words: Vec<&str> = first.split_whitespace().collect();
        let &[method, path, _] = words.as_slice() else {
            return;
        };
        self.asked.lock().unwrap().push(format!("{method} {path} "));
        let (status, text) = self.says(
            method,
            path,
            &serde_json::from_slice(&body).unwrap_or_default(),
        );
        let head = format!(
            "HTTP/1.1 {status} Said\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
            text.len()
        );
        // Whoever asked may be dead by now.
        let _ = stream.write_all(format!("{head}{text}").as_bytes());
    }

    fn says(&self, method: &str, path: &str, body: &Value) -> (u16, String) {
        if let Kind::Says(status, text) = self.kind {
            return (status, text.to_owned());
        }
        let mut jobs = self.jobs.lock().unwrap();
        let rest = path.strip_prefix("/api/jobs/").unwrap();
        match (method, rest.strip_suffix("/stop")) {
            ("POST", None) => self.submit(&mut jobs, body),
            ("POST", Some(tag)) => match jobs.iter_mut().find(|job| job.tag == tag) {
                Some(job) => {
                    job.end(Signal::SIGTERM);
                    (200, r#"{"stopped": true}"#.to_owned())
                }
                None => (404, format!("Job {tag} does not exist")),
            },
            _ if rest.is_empty() && self.kind == Kind::Mumbles => {
                (200, "[{\"submission_id\": \"isof".to_owned())
            }
            _ if rest.is_empty() => (
                200,
                Value::from_iter(jobs.iter_mut().map(Job::told)).to_string(),
            ),
            _ => match jobs.iter_mut().find(|job| job.tag == rest) {
                Some(job) => (200, job.told().to_string()),
                None => (404, format!("Job {rest} does not exist")),
            },
        }
    }

    fn submit(&self, jobs: &mut Vec<Job>, body: &Value) -> (u16, String) {
        let [tag, entrypoint] =
            ["submission_id", "entrypoint"].map(|key| body[key].as_str().unwrap().to_owned());
        let taken = json!({ "job_id": tag, "submission_id": tag }).to_string();
        let exists = format!(
            "ValueError: Job with submission_id {tag} already exists. Please use another.\n.\n"
        );
        assert!(
            jobs.iter().all(|job| job.tag != tag),
            "{tag} was submitted twice"
        );
        let given_up = self.kind == Kind::GivesUpOnce && jobs.is_empty();
        let process = (self.kind != Kind::Full && !given_up).then(|| {
            let mut shell = Command::new("sh");
            shell
                .arg("-c")
                .arg(&entrypoint)
                .process_group(0)
                .stdin(Stdio::null());
            shell
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .unwrap()
        });
        jobs.push(Job {
            tag,
            entrypoint,
            process,
            given_up,
        });
        if self.kind == Kind::TakenBefore {
            (500, exists)
        } else {
            (200, taken)
        }
    }
}
