"""Whether bfloat16's loss curves agree with float32's within the noise between seeds: the same runs in both formats.

    python precision.py [--sizes d64-l3,d128-l4,d256-l6] [--tokens 409600] [--seeds 3] [--folder FOLDER]

Prints a line for each architecture and size. A folder that is named is kept, and goes on where it was.
"""

import argparse
import json
import statistics
import subprocess
import tempfile
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
SWEEP = """
data: {{ train: {books}/train.txt.zst, validation: {books}/val.txt.zst }}
architectures: [transformer, primer_ez]
sizes: [{sizes}]
budgets: {{ tokens: [{tokens}] }}
seeds: {seeds}
train:
  sequence_length: 128
  batch_tokens: 2_048
  learning_rate: {{ inverse_sqrt_width: {{ base: 5e-3, at: 64 }} }}
  precision: {precision}
evaluation: {{ tokens: 32_768, points: 10 }}
"""


def curves(folder, precision, arguments):
    """{(arm, size): {seed: losses on held-out text, after the first step's}}"""
    sweep = folder / f"{precision}.yaml"
    sweep.write_text(SWEEP.format(books=ROOT / "corpora/books", sizes=arguments.sizes, tokens=arguments.tokens,
                                  seeds=list(range(1, arguments.seeds + 1)), precision=precision))
    isoflop, results = ROOT / "target/release/isoflop", ["--results", folder / "results"]
    subprocess.run([isoflop, "run", sweep, *results, "--reports", folder / "reports"], check=True, capture_output=True)
    found = {}
    for run in json.loads(subprocess.check_output([isoflop, "status", precision, "--json", *results])):
        home = folder / "results" / precision / "runs" / run["id"]
        attempt = json.loads((home / "outcome.json").read_text())["attempt"]
        events = [json.loads(line) for line in (home / f"attempts/{attempt}/metrics.jsonl").read_text().splitlines()]
        losses = [event["loss_val"] for event in events if event["event"] == "evaluated" and event["step"] > 0]
        found.setdefault((run["arm"], run["size"]), {})[run["seed"]] = losses
    return found


def report(arm, size, single, half):
    """Seed noise of float32 and differences at equal seed: at the end, and over the curve."""
    points = list(zip(*single.values()))
    off = [b - a for seed in single for a, b in zip(single[seed], half[seed])]
    last = [half[seed][-1] - single[seed][-1] for seed in single]
    final = [losses[-1] for losses in single.values()]
    noise = statistics.mean(statistics.variance(point) for point in points) ** 0.5
    rms = statistics.mean(x * x for x in off) ** 0.5
    print(f"{size:9} {arm:12} final loss {statistics.mean(final):.4f}, seed noise {statistics.stdev(final):.4f}, difference "
          f"{statistics.mean(last):+.4f}, largest {max(map(abs, last)):.4f}; curve: seed noise {noise:.4f}, difference {rms:.4f}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--sizes", default="d64-l3,d128-l4,d256-l6")
    parser.add_argument("--tokens", type=int, default=409_600)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--folder", type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        single, half = (curves(folder, precision, arguments) for precision in ("float32", "bfloat16"))
        for arm, size in single:
            report(arm, size, single[arm, size], half[arm, size])


if __name__ == "__main__":
    main()
