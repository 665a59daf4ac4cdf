//! A thousand workers at one coordinator: how long a claim takes, and what the coordinator needs. The workers are simulated, they train
//! nothing; the coordinator, its store and HTTP are real.
//!
//! ```text
//! cargo run --release --example worker-crowd -- [WORKERS, 1000] [SECONDS, 60]
//! ```
//!
//! Workers arrive over the first third of the time. Each introduces itself, claims a run, beats every 3 s with an event, and, after a while
//! that differs, delivers the run as preempted and claims the next. The time of a claim is from the request to the answer.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a measurement that cannot go on ends, and prints"
)]

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use isoflop_core::run::{AttemptEnd, TrainerExit};
use isoflop_dispatch::protocol::{
    Assignment, ClaimRequest, EndRequest, EndResponse, HandshakeRequest, HandshakeResponse,
    Heartbeat, HeartbeatResponse, VERSION_HEADER, version,
};
use serde::Serialize;
use serde::de::DeserializeOwned;

const ADDRESS: &str = "127.0.0.1:7590";

#[derive(Default)]
struct Measured {
    claims: Vec<Duration>,
    beats: Vec<Duration>,
    ends: usize,
}

struct Crowd {
    http: reqwest::Client,
    token: String,
    measured: Mutex<Measured>,
    until: Instant,
}

impl Crowd {
    async fn call<T: DeserializeOwned>(
        &self,
        path: &str,
        message: &impl Serialize,
    ) -> (T, Duration) {
        let began = Instant::now();
        let request = self
            .http
            .post(format!("http://{ADDRESS}/v1/{path}"))
            .bearer_auth(&self.token);
        let response = request
            .header(VERSION_HEADER, version())
            .json(message)
            .send()
            .await
            .unwrap();
        let answer = response.error_for_status().unwrap().json().await.unwrap();
        (answer, began.elapsed())
    }

    async fn worker(&self, number: u64, arrives: Duration) {
        tokio::time::sleep(arrives).await;
        let hello = HandshakeRequest {
            isoflop: "0".into(),
            host: format!("simulated-{number}"),
            cores: 1,
            gpus: 0,
        };
        let (_, _) = self.call::<HandshakeResponse>("hello", &hello).await;
        while Instant::now() < self.until {
            let room = ClaimRequest {
                cores: 1,
                gpus: 0,
                wait_seconds: 1.0,
            };
            let (offer, took): (Option<Assignment>, _) = self.call("claim", &room).await;
            let Some(offer) = offer else { continue };
            self.measured.lock().unwrap().claims.push(took);
            self.hold(offer, number).await;
        }
    }

    async fn hold(&self, offer: Assignment, number: u64) {
        let beats = 4 + number % 5;
        let mut offset = 0;
        for _ in 0..beats {
            let events = format!("{{\"simulated\":{number}}}\n");
            let beat = Heartbeat {
                held: offer.held.clone(),
                began: true,
                offset,
                events,
            };
            let (answer, took): (HeartbeatResponse, _) = self.call("beat", &beat).await;
            self.measured.lock().unwrap().beats.push(took);
            offset = answer.offset;
            tokio::time::sleep(Duration::from_secs(3)).await;
        }
        let end = AttemptEnd::Exit(TrainerExit::Preempted as i32);
        let end = EndRequest {
            held: offer.held,
            end,
            events: offset,
            outcome: None,
            log: String::new(),
        };
        let (_, _) = self.call::<EndResponse>("end", &end).await;
        self.measured.lock().unwrap().ends += 1;
    }
}

/// Twice as many runs as workers, so that one always waits: the time of a claim is the coordinator's then, and not that of a run.
fn sweep(folder: &Path, workers: usize) {
    let seeds: Vec<String> = (1..=workers.div_ceil(2))
        .map(|seed| seed.to_string())
        .collect();
    let sweep = format!(
        "data: {{ train: train.txt, validation: val.txt }}\narchitectures: [transformer, primer_ez]\nsizes: [d12-l2, d16-l2]\n\
         budgets: {{ flops: [2e8] }}\nseeds: [{}]\ntrain:\n  sequence_length: 32\n  batch_tokens: 128\n  learning_rate: {{ fixed: 1e-2 }}\n\
         evaluation: {{ tokens: 1024, points: 2 }}\npolicy: {{ max_attempts: 100 }}\nexecutor: {{ workers: {{ max_pending: {} }} }}\n",
        seeds.join(", "),
        2 * workers
    );
    std::fs::write(folder.join("sweep.yaml"), sweep).unwrap();
    let text = |from: usize, to: usize| {
        (from..to)
            .map(|i| format!("{i} the old house stood by a river {}.\n\n", i * 7919))
            .collect::<String>()
    };
    std::fs::write(folder.join("train.txt"), text(0, 9000)).unwrap();
    std::fs::write(folder.join("val.txt"), text(9000, 9900)).unwrap();
}

/// CPU seconds so far, and most memory held, bytes.
fn needs(process: &Child) -> (f64, u64) {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", process.id())).unwrap();
    let fields: Vec<&str> = stat
        .rsplit_once(')')
        .unwrap()
        .1
        .split_whitespace()
        .collect();
    let ticks: f64 = fields[11].parse::<f64>().unwrap() + fields[12].parse::<f64>().unwrap();
    let status = std::fs::read_to_string(format!("/proc/{}/status", process.id())).unwrap();
    let peak = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .unwrap();
    (
        ticks / 100.0,
        peak.split_whitespace()
            .next()
            .unwrap()
            .parse::<u64>()
            .unwrap()
            << 10,
    )
}

fn quantiles(what: &str, mut times: Vec<Duration>) {
    times.sort();
    let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize].as_secs_f64() * 1e3;
    println!(
        "{what}: {} of them; median {:.1} ms, 90 % {:.1} ms, 99 % {:.1} ms, longest {:.1} ms",
        times.len(),
        at(0.5),
        at(0.9),
        at(0.99),
        at(1.0)
    );
}

fn main() {
    let mut arguments = std::env::args()
        .skip(1)
        .map(|word| word.parse::<usize>().unwrap());
    let (workers, seconds) = (
        arguments.next().unwrap_or(1000),
        arguments.next().unwrap_or(60) as u64,
    );
    let folder = tempfile::tempdir().unwrap();
    sweep(folder.path(), workers);
    let isoflop = std::env::current_exe().unwrap().with_file_name("isoflop");
    let isoflop = if isoflop.exists() {
        isoflop
    } else {
        std::env::current_exe()
            .unwrap()
            .parent()
            .unwrap()
            .with_file_name("isoflop")
    };
    let run = |arguments: &[&str]| {
        let mut command = Command::new(&isoflop);
        command
            .current_dir(folder.path())
            .args(arguments)
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        command
    };
    assert!(
        run(&["worker-token", "new", "crowd"])
            .status()
            .unwrap()
            .success()
    );
    let token = std::fs::read_to_string(folder.path().join("crowd.token"))
        .unwrap()
        .trim()
        .to_owned();
    let mut coordinator = run(&["run", "sweep.yaml", "--listen", ADDRESS])
        .spawn()
        .unwrap();
    while std::net::TcpStream::connect(ADDRESS).is_err() || waiting(folder.path()) < 2 * workers {
        std::thread::sleep(Duration::from_millis(50));
    }
    isoflop_dispatch::protocol::tls_provider();
    let http = reqwest::Client::builder()
        .no_proxy()
        .pool_idle_timeout(Duration::from_secs(10))
        .build()
        .unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let before = needs(&coordinator).0;
    let until = Instant::now() + Duration::from_secs(seconds);
    let crowd = Arc::new(Crowd {
        http,
        token,
        measured: Mutex::default(),
        until,
    });
    runtime.block_on(async {
        let mut tasks = tokio::task::JoinSet::new();
        for number in 0..workers as u64 {
            let (crowd, arrives) = (
                crowd.clone(),
                Duration::from_secs(seconds).mul_f64(number as f64 / (3 * workers) as f64),
            );
            tasks.spawn(async move { crowd.worker(number, arrives).await });
        }
        while let Some(done) = tasks.join_next().await {
            done.unwrap();
        }
    });
    let (after, peak) = needs(&coordinator);
    let took = seconds as f64 + until.elapsed().as_secs_f64();
    coordinator.kill().unwrap();
    coordinator.wait().unwrap();
    let Measured {
        claims,
        beats,
        ends,
    } = std::mem::take(&mut *crowd.measured.lock().unwrap());
    println!("{workers} simulated workers for {took:.0} s, {ends} attempts delivered");
    quantiles("claims", claims);
    quantiles("beats", beats);
    println!(
        "coordinator: {:.1} % of a core, at most {:.0} MB",
        100.0 * (after - before) / took,
        peak as f64 / 1e6
    );
}

/// Attempts that wait for a worker.
fn waiting(folder: &Path) -> usize {
    let runs = std::fs::read_dir(folder.join("results/sweep/runs"))
        .into_iter()
        .flatten()
        .flatten();
    runs.filter(|run| run.path().join("attempts/1/launch.json").exists())
        .count()
}
