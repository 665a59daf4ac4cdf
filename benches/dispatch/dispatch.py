"""What it costs to get a run through, when the run itself costs nothing: isoflop, HyperQueue and Ray.

    python dispatch.py [--runs 3000] [--slots 1,2] [--repeats 3]

isoflop runs `examples/noop-trainer`, which starts, writes its metrics and an outcome, durably, and ends; each run is leased and
committed in the store, its outcome on the disk before it counts. HyperQueue runs `/bin/true`, and Ray a task that
starts it. None of their tasks leaves a result, so that the comparison favours them.

Prints wall time a run, medians over the repeats, alternating; isoflop's median gap between two starts in a row; its memory as the
sweep goes on; and what a sweep of 100,000 runs takes to plan and queue, and `status` of it. Writes dispatch.csv beside this file.
"""

import argparse
import csv
import json
import os
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
ISOFLOP = ROOT / "target/release/isoflop"
NOOP = ROOT / "target/release/examples/noop-trainer"
SWEEP = """
data: {{ text: text.txt }}
architectures: [transformer, primer_ez]
sizes: [d12-l2, d16-l2, d16-l3, d20-l2, d24-l2, d24-l3, d28-l2, d32-l2, d32-l3, d36-l2]
seeds: {seeds}
budgets: {{ tokens: [12_800, 16_000, 25_600, 32_000, 51_200] }}
train: {{ sequence_length: 32, batch_tokens: 128, learning_rate: {{ fixed: 1e-2 }} }}
executor: {{ local: {{ device: cpu, slots: {slots}, threads_per_run: 1 }} }}
"""


def sweep(folder, runs, slots):
    words = "the old house stood by a river where children played until dark".split()
    lines = (f"{i} " + " ".join(words[(i * 7 + k) % 12] for k in range(12)) + ".\n\n" for i in range(12_000))
    (folder / "text.txt").write_text("".join(lines))
    (folder / "sweep.yaml").write_text(SWEEP.format(seeds=list(range(1, runs // 100 + 1)), slots=slots))
    return [ISOFLOP, "run", folder / "sweep.yaml", "--results", folder / "results", "--reports", folder / "reports"]


def resident(pid):
    """MB of a process."""
    return int(Path(f"/proc/{pid}/status").read_text().split("VmRSS:")[1].split()[0]) / 1024


def isoflop(runs, slots):
    """Seconds a run, median seconds between two starts, MB early and late."""
    with tempfile.TemporaryDirectory() as folder:
        command = sweep(Path(folder), runs, slots) + ["--json", "--trainer", NOOP]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        starts, memory, end = [], [], 0.0
        for line in process.stdout:
            event = json.loads(line)
            if event["event"] == "run_started":
                starts.append(event["time"])
                if len(starts) in (runs // 10, runs - runs // 10):
                    memory.append(resident(process.pid))
            elif event["event"] == "run_done":
                end = event["time"]
            elif event["event"] == "sweep_ended":
                assert event["runs"]["done"] == runs, event
                break
        # The report of runs that trained nothing is of no interest.
        process.kill()
        process.wait()
        gaps = [after - before for before, after in zip(starts, starts[1:])]
        return (end - starts[0]) / runs, statistics.median(gaps), memory


def hyperqueue(runs, slots):
    import hyperqueue as engine
    from hyperqueue.cluster import WorkerConfig

    with tempfile.TemporaryDirectory() as folder, engine.LocalCluster(folder, WorkerConfig(cores=slots)) as cluster:
        client = cluster.client()

        def through(count):
            job = engine.Job()
            for _ in range(count):
                job.program(["/bin/true"], cwd=folder, stdout="/dev/null", stderr="/dev/null")
            client.wait_for_jobs([client.submit(job)])

        through(10 * slots)
        began = time.monotonic()
        through(runs)
        return (time.monotonic() - began) / runs


def ray(runs, slots):
    import ray as engine

    engine.init(num_cpus=slots, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
    try:
        task = engine.remote(num_cpus=1)(lambda: subprocess.run(["/bin/true"]).returncode)
        engine.get([task.remote() for _ in range(10 * slots)])
        began = time.monotonic()
        engine.get([task.remote() for _ in range(runs)])
        return (time.monotonic() - began) / runs
    finally:
        engine.shutdown()


def at_scale():
    """Seconds and MB to plan and queue 100,000 runs; seconds of `status`."""
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        command = sweep(folder, 100_000, 1) + ["--max-runs", "0"]
        began = time.monotonic()
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        _, status, used = os.wait4(process.pid, 0)
        queued = time.monotonic() - began
        assert status == 0
        began = time.monotonic()
        subprocess.run([ISOFLOP, "status", "sweep", "--results", folder / "results"], check=True, capture_output=True)
        return queued, used.ru_maxrss / 1024, time.monotonic() - began


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--runs", type=int, default=3000)
    parser.add_argument("--slots", default="1,2")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--no-ray", action="store_true", help="leave Ray out, which is slow to start")
    arguments = parser.parse_args()
    # First: a child's peak counts what this process held when it was made.
    queued, memory, status = at_scale()
    print(f"100,000 runs: planned and queued in {queued:.2f} s and {memory:.0f} MB; status in {status * 1e3:.0f} ms", flush=True)
    rows = []
    for slots in map(int, arguments.slots.split(",")):
        found = {"isoflop": [], "hyperqueue": [], "ray": []}
        for _ in range(arguments.repeats):
            wall, gap, memory = isoflop(arguments.runs, slots)
            found["isoflop"].append(wall)
            found["hyperqueue"].append(hyperqueue(arguments.runs, slots))
            if not arguments.no_ray:
                found["ray"].append(ray(arguments.runs, slots))
            print(f"{slots} slots: isoflop's median gap between starts {gap * 1e3:.2f} ms, "
                  f"memory {memory[0]:.0f} MB early, {memory[1]:.0f} MB late", flush=True)
        ours = statistics.median(found["isoflop"])
        for engine, times in found.items():
            if times:
                median = statistics.median(times)
                print(f"{slots} slots  {engine:20} {median * 1e3:6.2f} ms a run ({min(times) * 1e3:.2f} to {max(times) * 1e3:.2f})  "
                      f"{median / ours:5.2f} x isoflop", flush=True)
                rows.append([slots, engine, arguments.runs, median, min(times), max(times)])
    with open(HERE / "dispatch.csv", "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["slots", "engine", "runs", "seconds_per_run", "least", "most"])
        writer.writerows(rows)


if __name__ == "__main__":
    main()
