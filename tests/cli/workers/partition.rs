//! Connections that break: coordinator and workers in network namespaces of their own, whose links go down and up again.

use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use super::{EXECUTOR, Ends, with_workers};
use crate::faults::slow;
use crate::sandbox::{Sandbox, is_long, skipped, until};

/// Namespaces of a coordinator and of workers, each with a link of its own to it; gone with the test.
struct Net {
    coordinator: String,
    workers: Vec<String>,
}

fn ip(arguments: &[&str]) -> bool {
    let output = Command::new("ip")
        .args(arguments)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    output.is_ok_and(|status| status.success())
}

impl Net {
    /// Nothing where this user may not make namespaces.
    fn new(workers: usize) -> Option<Self> {
        let name = |what: &str| format!("isoflop-{}-{what}", std::process::id());
        let net = Self {
            coordinator: name("c"),
            workers: (0..workers).map(|i| name(&format!("w{i}"))).collect(),
        };
        if !ip(&["netns", "add", &net.coordinator]) {
            skipped("network namespaces need root and `ip`");
            return None;
        }
        assert!(ip(&["-n", &net.coordinator, "link", "set", "lo", "up"]));
        for (i, worker) in net.workers.iter().enumerate() {
            assert!(
                ip(&["netns", "add", worker]) && ip(&["-n", worker, "link", "set", "lo", "up"])
            );
            let here = link(i);
            assert!(ip(&[
                "link",
                "add",
                &here,
                "netns",
                &net.coordinator,
                "type",
                "veth",
                "peer",
                "name",
                "up0",
                "netns",
                worker
            ]));
            for (namespace, device, address) in [
                (
                    &net.coordinator,
                    here.as_str(),
                    format!("{}/24", address(i)),
                ),
                (worker, "up0", format!("10.78.{i}.2/24")),
            ] {
                assert!(ip(&[
                    "-n", namespace, "address", "add", &address, "dev", device
                ]));
                assert!(ip(&["-n", namespace, "link", "set", device, "up"]));
            }
        }
        Some(net)
    }

    fn start(&self, namespace: &str, mut command: Command) -> Ends {
        let words: Vec<_> = std::iter::once(command.get_program())
            .chain(command.get_args())
            .map(|w| w.to_owned())
            .collect();
        let folder = command.get_current_dir().unwrap().to_owned();
        command = Command::new("ip");
        command
            .args(["netns", "exec", namespace])
            .args(words)
            .current_dir(folder);
        Ends(
            command
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .unwrap(),
        )
    }

    fn set(&self, worker: usize, state: &str) {
        assert!(ip(&[
            "-n",
            &self.coordinator,
            "link",
            "set",
            &link(worker),
            state
        ]));
    }
}

impl Drop for Net {
    fn drop(&mut self) {
        for name in self.workers.iter().chain([&self.coordinator]) {
            ip(&["netns", "delete", name]);
        }
    }
}

fn link(worker: usize) -> String {
    format!("to-w{worker}")
}

/// The coordinator's address on the link to a worker.
fn address(worker: usize) -> String {
    format!("10.78.{worker}.1")
}

/// The quickstart where there is time for it.
fn sweep() -> Sandbox {
    if is_long() {
        Sandbox::quickstart()
    } else {
        slow()
    }
}

/// Links go down for longer than the lease and for less, as long as the sweep takes: one result a run, the local executor's, bit for bit.
#[test]
fn broken_links_change_no_bit() {
    let Some(net) = Net::new(2) else { return };
    let sandbox = with_workers(sweep(), &["w0", "w1"]);
    sandbox.edit(
        EXECUTOR,
        &EXECUTOR.replace(
            "lease_seconds: 1",
            &format!("lease_seconds: {}", if is_long() { 5 } else { 1 }),
        ),
    );
    let fingerprint = sandbox
        .ok(&["worker-cert", "10.78.0.1"])
        .out
        .split_whitespace()
        .last()
        .unwrap()
        .to_owned();
    let tls = [
        "--listen",
        "0.0.0.0:7575",
        "--cert",
        "isoflop-cert.pem",
        "--key",
        "isoflop-key.pem",
    ];
    let mut coordinator = net.start(
        &net.coordinator,
        sandbox.command(&[&["run", "sweep.yaml"][..], &tls].concat()),
    );
    let _workers: Vec<Ends> = (0..2)
        .map(|i| {
            let (url, token) = (
                format!("https://{}:7575", address(i)),
                format!("w{i}.token"),
            );
            let folder = format!("worker-w{i}");
            let own = [
                "worker",
                "--connect",
                &url,
                "--token-file",
                &token,
                "--folder",
                &folder,
            ];
            let more = ["--fingerprint", &fingerprint, "--cores", "1", "--gpus", "0"];
            net.start(
                &net.workers[i],
                sandbox.command(&[&own[..], &more].concat()),
            )
        })
        .collect();
    until("a worker trains", || {
        super::under_way_on(&sandbox, "w0") || super::under_way_on(&sandbox, "w1")
    });
    let mut random = ChaCha8Rng::seed_from_u64(7);
    let longest = if is_long() { 90 } else { 3 };
    let mut outages = 0;
    while !has_ended(&mut coordinator.0) {
        let (worker, seconds) = (
            random.next_u32() as usize % 2,
            1 + random.next_u64() % longest,
        );
        net.set(worker, "down");
        // As long as the outage takes, or the sweep.
        wait(Duration::from_secs(seconds), &mut coordinator.0);
        net.set(worker, "up");
        wait(
            Duration::from_secs(1 + random.next_u64() % 5),
            &mut coordinator.0,
        );
        outages += 1;
    }
    assert!(coordinator.0.wait().unwrap().success());
    let local = sweep();
    local.ok(&["run", "sweep.yaml"]);
    assert_eq!(sandbox.losses("results"), local.losses("results"));
    let attempts: u64 = crate::queue::attempts(&sandbox).iter().sum();
    eprintln!(
        "{outages} outages, {attempts} attempts at {} runs",
        sandbox.outcomes().len()
    );
}

fn has_ended(child: &mut Child) -> bool {
    child.try_wait().unwrap().is_some()
}

fn wait(time: Duration, child: &mut Child) {
    let until = std::time::Instant::now() + time;
    while std::time::Instant::now() < until && !has_ended(child) {
        std::thread::sleep(Duration::from_millis(50));
    }
}
