//! Many runs over a few workers that are killed and paused.

use std::path::Path;

use nix::sys::signal::Signal;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use super::{Site, with_workers};
use crate::sandbox::{Sandbox, is_long, until};

/// 200 runs where there is time for them.
fn many() -> Sandbox {
    let sandbox = Sandbox::new();
    let seeds = if is_long() { 25 } else { 3 };
    let seeds: Vec<String> = (1..=seeds).map(|seed| seed.to_string()).collect();
    sandbox.edit("seeds: [1]", &format!("seeds: [{}]", seeds.join(", ")));
    sandbox
}

/// Four workers, of which one is killed and started again, paused, or told to end, whenever two more runs are done: one result a run,
/// the local executor's, bit for bit, and nothing is kept anywhere.
#[test]
fn workers_come_and_go() {
    const NAMES: [&str; 4] = ["one", "two", "three", "four"];
    let sandbox = with_workers(many(), &NAMES);
    sandbox.policy(&["max_attempts: 50"]);
    let mut site = Site::new(&sandbox);
    let mut coordinator = site.coordinator();
    let mut workers: Vec<usize> = NAMES.iter().map(|name| site.worker(name)).collect();
    let mut random = ChaCha8Rng::seed_from_u64(11);
    let runs = sandbox.plan()["runs"].as_array().unwrap().len();
    let (mut struck, mut done) = (0, 0);
    while done + 2 < runs {
        until("two more runs are done", || {
            sandbox.outcomes().len() >= done + 2
        });
        done = sandbox.outcomes().len();
        let which = random.next_u32() as usize % NAMES.len();
        match random.next_u32() % 3 {
            0 => {
                site.kill(workers[which]);
                workers[which] = site.worker(NAMES[which]);
            }
            1 => {
                site.strike(workers[which], Signal::SIGSTOP);
                until("another run is done", || {
                    sandbox.outcomes().len() > done || sandbox.outcomes().len() == runs
                });
                site.strike(workers[which], Signal::SIGCONT);
            }
            _ => {
                site.strike(workers[which], Signal::SIGTERM);
                site.children[workers[which]].wait().unwrap();
                workers[which] = site.worker(NAMES[which]);
            }
        }
        struck += 1;
    }
    assert!(coordinator.wait().unwrap().success());
    assert!(struck > 2);
    assert_eq!(sandbox.outcomes().len(), runs);
    let local = many();
    local.ok(&["run", "sweep.yaml"]);
    assert_eq!(sandbox.losses("results"), local.losses("results"));
    assert!(Path::new(&sandbox.path("results/sweep/runs.parquet")).exists());
}
