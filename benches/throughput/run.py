"""Tokens/s of isoflop's trainer and of plain PyTorch, the same models, batches, precision and optimizer, alternating.

    python run.py [--threads 2] [--repeats 5] [--seconds 2] [--sizes d64-l3,d128-l4,d256-l6]

Prints medians and ratios, and writes results.csv with the machine's description beside this file.
"""

import argparse
import csv
import json
import platform
import statistics
import subprocess
import sys
from pathlib import Path

import torch

from pytorch_trainer import Trainer

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
LENGTH, VOCABULARY = 128, 256
SEQUENCES = 16


def spec(arch, size, precision="float32"):
    """A run's spec as `isoflop-trainer calibrate` takes it: choices and shape come from `isoflop arch show`."""
    shown = json.loads(subprocess.check_output([ROOT / "target/release/isoflop", "arch", "show", arch, "--size", size, "--json"]))
    return {
        "version": 3, "architecture": shown["architecture"], "shape": shown["shape"],
        "data": {"tokenizer": "bytes", "train_digest": "", "validation_digest": ""}, "budget": {"flops": 0.0},
        "sequence_length": LENGTH, "batch_sequences": SEQUENCES, "steps": 1,
        "optimizer": {"adamw": {"beta1": 0.9, "beta2": 0.95, "eps": 1e-8, "weight_decay": 0.1, "decay_embeddings": True}},
        "learning_rate": 1e-3,
        "schedule": {"cosine": {"warmup": 0.05, "floor": 0.1}}, "clip_norm": 1.0, "precision": precision,
        "evaluation": {"tokens": 1024, "points": 1}, "seed": 0,
    }


class Isoflop:
    """The trainer's own timing of real steps (`calibrate`): it stays up between repeats, as PyTorch does."""

    def __init__(self, arch, size, threads, precision):
        self.request = json.dumps({"spec": spec(arch, size, precision), "device": "cpu", "threads": threads})
        environment = {"OMP_NUM_THREADS": str(threads), "MKL_NUM_THREADS": str(threads)}
        program = [ROOT / "target/release/isoflop-trainer", "calibrate"]
        self.process = subprocess.Popen(program, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment)

    def seconds(self, least):
        times, spent = [], 0.0
        while spent < least:
            self.process.stdin.write(self.request + "\n")
            self.process.stdin.flush()
            answer = self.process.stdout.readline()
            if not answer:
                sys.exit("the trainer ended: is it built? `make build`")
            times.append(json.loads(answer)["step_seconds"])
            spent += 5 * times[-1]
        return statistics.median(times)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--sizes", default="d64-l3,d128-l4,d256-l6")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    rows, tokens = [], LENGTH * SEQUENCES
    for size in arguments.sizes.split(","):
        for arch in ("transformer", "primer_ez"):
            shape = spec(arch, size)["shape"]
            torch_trainer = lambda compiled, conv: Trainer(arch, VOCABULARY, shape, LENGTH, SEQUENCES, compiled, conv)
            own = lambda precision: Isoflop(arch, size, arguments.threads, precision)
            timed = {"isoflop": own("float32"), "isoflop bf16": own("bfloat16"), "eager": torch_trainer(False, "shifts")}
            timed["compile"] = torch_trainer(True, "shifts")
            if arch == "primer_ez":
                timed["eager conv1d"] = torch_trainer(False, "conv1d")
            for trainer in timed.values():
                trainer.seconds(0.5)  # warm
            times = {name: [] for name in timed}
            for _ in range(arguments.repeats):
                for name, trainer in timed.items():
                    times[name].append(trainer.seconds(arguments.seconds / 2))
            medians = {name: statistics.median(values) for name, values in times.items()}
            for name, seconds in medians.items():
                low, high = min(times[name]), max(times[name])
                row = [size, arch, name, arguments.threads, seconds * 1e3, low * 1e3, high * 1e3, tokens / seconds, medians["eager"] / seconds]
                rows.append(row)
                print(f"{size:9} {arch:12} {name:13} {seconds * 1e3:8.2f} ms/step ({low * 1e3:.2f} to {high * 1e3:.2f})  "
                      f"{tokens / seconds:9.0f} tokens/s  {medians['eager'] / seconds:5.2f}x eager", flush=True)
    with open(HERE / "results.csv", "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([f"# {platform.processor() or platform.machine()}, torch {torch.__version__}, float32 but for isoflop bf16, "
                         f"{LENGTH} tokens x {SEQUENCES} sequences, vocabulary {VOCABULARY}"])
        writer.writerow(["size", "architecture", "trainer", "threads", "ms_per_step", "least", "most", "tokens_per_second", "ratio_to_eager"])
        writer.writerows(rows)


if __name__ == "__main__":
    main()
