"""A sweep's runs side by side, one thread each, against one after another with all threads: wall time of the same runs.

    python side_by_side.py [--cores 2] [--repeats 3] [--sizes d16-l2,d32-l2,d64-l3]

Each repeat runs a sweep of one size both ways, alternating; prints medians and the ratio, and writes side_by_side.csv beside this file.
"""

import argparse
import csv
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
SWEEP = """
data: {{ train: {books}/train.txt.zst, validation: {books}/val.txt.zst }}
architectures: [transformer, primer_ez]
sizes: [{size}]
budgets: {{ tokens: [{tokens}] }}
seeds: {seeds}
train: {{ sequence_length: 128, batch_tokens: 2_048, learning_rate: {{ fixed: 5e-3 }} }}
evaluation: {{ tokens: 8_192, points: 2 }}
executor: {{ local: {{ device: cpu, slots: {slots}, threads_per_run: {threads} }} }}
"""


def seconds(size, cores, side_by_side):
    """Wall time of two runs a core."""
    slots, threads = (cores, 1) if side_by_side else (1, cores)
    with tempfile.TemporaryDirectory() as folder:
        sweep = Path(folder) / "sweep.yaml"
        sweep.write_text(SWEEP.format(books=ROOT / "corpora/books", size=size, tokens=307_200, seeds=list(range(cores)),
                                      slots=slots, threads=threads))
        began = time.monotonic()
        subprocess.run([ROOT / "target/release/isoflop", "run", sweep, "--results", Path(folder) / "results",
                        "--reports", Path(folder) / "reports"], check=True, capture_output=True)
        return time.monotonic() - began


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--cores", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--sizes", default="d16-l2,d32-l2,d64-l3")
    arguments = parser.parse_args()
    rows = []
    for size in arguments.sizes.split(","):
        times = {True: [], False: []}
        for _ in range(arguments.repeats):
            for way in (True, False):
                times[way].append(seconds(size, arguments.cores, way))
        together, apart = (statistics.median(times[way]) for way in (True, False))
        rows.append([size, arguments.cores, together, apart, apart / together])
        print(f"{size:9} {2 * arguments.cores} runs: side by side {together:6.2f} s, one after another {apart:6.2f} s, "
              f"{apart / together:.2f}x", flush=True)
    with open(HERE / "side_by_side.csv", "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["size", "cores", "side_by_side_seconds", "one_after_another_seconds", "ratio"])
        writer.writerows(rows)


if __name__ == "__main__":
    main()
