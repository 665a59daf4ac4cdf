"""One piece of scripts/gpu-check, on the machine with the GPU: isoflop beside the reference's numbers, and beside PyTorch.

    python gpu.py PIECE --packed FOLDER --work FOLDER --out FILE [--rehearse]

The packed folder holds corpus and fixtures, the work folder both programs. Exit codes are those of scripts/gpu-check.
"""

import argparse
import glob
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

try:
    import torch
except ImportError:
    torch = None

VERSION = "2.11"
VOCABULARY = 256
# Largest difference of final losses between the processor and the GPU, nats/token: rounding, grown over a hundred steps.
TOLERANCE = {"float32": 0.01, "bfloat16": 0.03}


class Setting:
    """Where things lie, and how large they are: on the GPU, or in small on the processor."""

    def __init__(self, arguments):
        self.packed, self.work, self.rehearse = arguments.packed.resolve(), arguments.work.resolve(), arguments.rehearse
        self.torch_device = "cpu" if self.rehearse else "cuda"
        self.device = "cpu" if self.rehearse else {"cuda": 0}
        self.environment, self.threads = dict(os.environ), 1 if self.rehearse else 2
        if self.rehearse:
            # Tensors are tiny: more threads would wait for each other.
            self.environment |= {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
        if torch is not None and not self.rehearse:
            # The trainer looks for libtorch_cuda there, and that for CUDA's libraries.
            lib = Path(torch.__file__).parent / "lib"
            folders = [str(lib)] + glob.glob(str(lib.parent.parent / "nvidia" / "*" / "lib"))
            self.environment["LD_LIBRARY_PATH"] = ":".join(folders + [self.environment.get("LD_LIBRARY_PATH", "")]).rstrip(":")

    def isoflop(self, *words):
        return subprocess.check_output([self.work / "isoflop", *words], text=True, env=self.environment, cwd=self.work)

    def shown(self, arch, size, length):
        words = ["--size", size, "--vocab", str(VOCABULARY), "--sequence-length", str(length), "--json"]
        return json.loads(self.isoflop("arch", "show", arch, *words))


def fail(code, message, hint):
    print(f"error: {message}\n\nhint: {hint}", file=sys.stderr)
    sys.exit(code)


def check_machine():
    """Says what is missing: a GPU, or a PyTorch that can use it."""
    hint = "run it on a machine with an NVIDIA GPU and PyTorch 2.11 with CUDA, or try the script itself with --rehearse"
    driver = any(os.path.exists(path) for path in ("/dev/nvidiactl", "/dev/dxg"))
    if not driver and (torch is None or not torch.cuda.is_available()):
        fail(3, "this machine has no NVIDIA GPU that can be used", hint)
    if torch is None:
        fail(4, "this machine's python3 has no PyTorch", hint)
    if not torch.__version__.startswith(VERSION + ".") or torch.version.cuda is None:
        fail(4, f"this machine's PyTorch is {torch.__version__}, the trainer needs {VERSION} with CUDA", hint)
    if not torch.cuda.is_available():
        fail(3, "this machine's GPU cannot be used by PyTorch", hint)


def sweep(setting, name, device, train, architectures, size, precision, length, tokens, batch, seeds=(1,)):
    """Runs a sweep to its end and returns its outcomes by run."""
    val = setting.packed / "corpus/val.txt.zst"
    text = json.dumps({  # JSON is YAML.
        "data": {"train": str(train), "validation": str(val)}, "architectures": list(architectures), "sizes": [size],
        "budgets": {"tokens": [tokens]}, "seeds": list(seeds),
        "train": {"sequence_length": length, "batch_tokens": batch, "learning_rate": {"fixed": 1e-3}, "precision": precision},
        "evaluation": {"tokens": 2048 if setting.rehearse else 65_536, "points": 1},
        "executor": {"local": {"device": device, "slots": 1, "threads_per_run": setting.threads}},
    })
    folder = setting.work / name
    folder.mkdir()
    (folder / "sweep.yaml").write_text(text)
    words = [setting.work / "isoflop", "run", "sweep.yaml"]
    log = open(folder / "log.txt", "w")
    return folder, subprocess.Popen(words, cwd=folder, env=setting.environment, stdout=log, stderr=log)


def outcomes(folder, process):
    process.wait()
    found = {path.parent.name: json.loads(path.read_text()) for path in (folder / "results/sweep/runs").glob("*/outcome.json")}
    if not found:
        fail(1, f"isoflop left no outcome in `{folder.name}`: " + (folder / "log.txt").read_text()[-2000:], "the log above says why")
    return found


def numbers(setting):
    """Fixtures on the device, then the same runs on the processor and on the device."""
    device = "cpu" if setting.rehearse else "cuda:0"
    words = [setting.work / "isoflop-trainer", "compare", setting.packed / "fixtures", device]
    compared = subprocess.run(words, capture_output=True, text=True, env=setting.environment)
    fixtures = [json.loads(line) for line in compared.stdout.splitlines()]
    if not fixtures:
        fail(1, "the trainer compared nothing: " + compared.stderr.strip(), "is PyTorch's CUDA build in use?")
    size, tokens = ("d16-l2", 10_240) if setting.rehearse else ("d64-l3", 204_800)
    arms, runs = ["transformer", "primer_ez", "llama_style"], []
    for precision in TOLERANCE:
        losses = []
        for where in ("cpu", "cpu" if setting.rehearse else "cuda"):
            train = setting.packed / "corpus/train.txt.zst"
            name = f"{precision}-{len(losses)}"
            found = outcomes(*sweep(setting, name, where, train, arms, size, precision, 128, tokens, 2048))
            losses.append({run: outcome["ending"].get("finished", {}).get("loss_val") for run, outcome in found.items()})
        for run, of_processor in losses[0].items():
            of_device = losses[1].get(run)
            within = None not in (of_processor, of_device) and abs(of_processor - of_device) < TOLERANCE[precision]
            runs.append({"run": run, "precision": precision, "loss_cpu": of_processor, "loss_device": of_device, "within": within})
    complete = len(runs) == len(arms) * len(TOLERANCE) and compared.returncode == 0
    passed = complete and all(row["within"] for row in fixtures + runs)
    return {"passed": passed, "tolerance_nats_per_token": TOLERANCE, "fixtures": fixtures, "runs": runs}


class Isoflop:
    """The trainer's own timing of real steps (`calibrate`), bfloat16."""

    def __init__(self, setting, shown, length, sequences):
        adamw = {"beta1": 0.9, "beta2": 0.95, "eps": 1e-8, "weight_decay": 0.1, "decay_embeddings": True}
        spec = {
            "version": 3, "architecture": shown["architecture"], "shape": shown["shape"],
            "data": {"tokenizer": "bytes", "train_digest": "", "validation_digest": ""}, "budget": {"flops": 0.0},
            "sequence_length": length, "batch_sequences": sequences, "steps": 1, "optimizer": {"adamw": adamw},
            "learning_rate": 1e-3, "schedule": {"cosine": {"warmup": 0.05, "floor": 0.1}}, "clip_norm": 1.0,
            "precision": "bfloat16", "evaluation": {"tokens": 1024, "points": 1}, "seed": 0,
        }
        self.request = json.dumps({"spec": spec, "device": setting.device, "threads": setting.threads})
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        self.process = subprocess.Popen([setting.work / "isoflop-trainer", "calibrate"], env=setting.environment, **pipes)

    def seconds(self, least):
        times, began = [], time.perf_counter()
        while not times or time.perf_counter() - began < least:
            self.process.stdin.write(self.request + "\n")
            self.process.stdin.flush()
            answer = self.process.stdout.readline()
            if not answer:
                raise RuntimeError("the trainer ended; its words are above")
            times.append(json.loads(answer)["step_seconds"])
        return statistics.median(times)

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def matrix_rate(setting):
    """FLOP/s of the best of several bfloat16 products, as the trainer measures it."""
    side = 256 if setting.rehearse else 8192
    factor, times = torch.rand(side, side, device=setting.torch_device).bfloat16(), []
    for _ in range(20):
        began = time.perf_counter()
        (factor @ factor)[0, 0].item()
        times.append(time.perf_counter() - began)
    return 2 * side**3 / min(times)


def bench(setting, size, length, sequences):
    """Seconds a step of isoflop and PyTorch in bfloat16, alternating; each waits for every step's loss."""
    from pytorch_trainer import Trainer

    least, rounds, rate = (0.2, 1, matrix_rate(setting)) if setting.rehearse else (3.0, 3, matrix_rate(setting))
    rows = []
    for arch in ("transformer", "primer_ez"):
        shown = setting.shown(arch, size, length)
        plain = lambda compiled: Trainer(
            arch, VOCABULARY, shown["shape"], length, sequences, compiled, "shifts", setting.torch_device, "bfloat16")
        makers = {"isoflop": lambda: Isoflop(setting, shown, length, sequences), "eager": lambda: plain(False), "compile": lambda: plain(True)}
        timed, times, errors = {}, {}, {}
        for name, make in makers.items():
            try:
                timed[name], times[name] = make(), []
                timed[name].seconds(0.5)  # compiles, and warms up
            except Exception as error:  # A compiler that is missing must not cost the other rows.
                timed.pop(name, None)
                errors[name] = repr(error)[:500]
        for _ in range(rounds):
            for name, trainer in timed.items():
                times[name].append(trainer.seconds(least))
        for name in makers:
            row = {"architecture": arch, "trainer": name}
            if name in timed:
                seconds, tokens = statistics.median(times[name]), length * sequences
                row |= {"ms_per_step": 1e3 * seconds, "least": 1e3 * min(times[name]), "most": 1e3 * max(times[name]),
                        "tokens_per_second": tokens / seconds, "mfu": shown["flops_per_token"] * tokens / seconds / rate}
            rows.append(row | ({"error": errors[name]} if name in errors else {}))
            print(json.dumps(rows[-1]), flush=True)
        if "isoflop" in timed:
            timed["isoflop"].close()
        timed.clear()
        if not setting.rehearse:
            torch.cuda.empty_cache()
    return {"passed": not any("error" in row for row in rows if row["trainer"] == "isoflop"), "size": size,
            "params_total": shown["params_total"], "sequence_length": length, "sequences": sequences,
            "matrix_flops_per_second": rate, "rows": rows}


def packed(setting, size, length, sequences):
    """Real runs, one alone and several at once, each a coordinator of its own with its own seed."""
    arch, batch = "transformer", length * sequences
    trainer = Isoflop(setting, setting.shown(arch, size, length), length, sequences)
    alone = trainer.seconds(1.0)
    trainer.close()
    # A run of about so many seconds alone; side by side without any gain, the largest group takes as many times that.
    seconds, groups = (2, (1, 2)) if setting.rehearse else (15, (1, 2, 4, 8))
    tokens = batch * max(50, round(seconds / alone))
    train = setting.work / "train.txt"
    # No run may repeat its data, and the packed corpus is short: for speed any text will do.
    with open(train, "w") as file:
        written = 0
        while written < tokens + batch:
            written += file.write(f"{written} the old house stood by a river where children played until dark.\n\n")
    rows, runs = [], 0
    for group in groups:
        began = time.perf_counter()
        started = []
        for _ in range(group):
            device = "cpu" if setting.rehearse else "cuda"
            started.append(sweep(setting, f"packed-{runs}", device, train, [arch], size, "bfloat16", length, tokens, batch, [runs]))
            runs += 1
        ended = [next(iter(outcomes(*each).values())) for each in started]
        wall = time.perf_counter() - began
        rates = [outcome["tokens"] / outcome["seconds"]["train"] for outcome in ended]
        rows.append({"runs": group, "tokens_per_second_each": statistics.mean(rates), "tokens_per_second_together": sum(rates),
                     "wall_seconds": wall, "tokens_per_wall_second": group * tokens / wall,
                     "startup_seconds": statistics.mean(outcome["startup_seconds"] for outcome in ended),
                     "finished": all("finished" in outcome["ending"] for outcome in ended)})
        print(json.dumps(rows[-1]), flush=True)
    return {"passed": all(row["finished"] for row in rows), "size": size, "sequence_length": length, "sequences": sequences,
            "tokens_a_run": tokens, "rows": rows}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("piece", choices=["numbers", "bench-10m", "bench-100m", "packed"])
    for name in ("--packed", "--work", "--out"):
        parser.add_argument(name, type=Path, required=True)
    parser.add_argument("--rehearse", action="store_true")
    arguments = parser.parse_args()
    if not arguments.rehearse:
        check_machine()
    elif torch is None and arguments.piece.startswith("bench"):
        fail(4, "this machine's python3 has no PyTorch to time beside isoflop", "install it, or rehearse another piece")
    setting, began = Setting(arguments), time.perf_counter()
    small, ten, hundred = ("d32-l2", 64, 4), ("d384-l6", 512, 16), ("d768-l14", 1024, 8)
    pieces = {
        "numbers": lambda: numbers(setting),
        "bench-10m": lambda: bench(setting, *(small if setting.rehearse else ten)),
        "bench-100m": lambda: bench(setting, *(small if setting.rehearse else hundred)),
        "packed": lambda: packed(setting, *(small if setting.rehearse else ten)),
    }
    result = pieces[arguments.piece]()
    hardware = "rehearsed on the processor" if setting.rehearse else torch.cuda.get_device_name(0)
    about = {"piece": arguments.piece, "hardware": hardware, "torch": torch and torch.__version__,
             "isoflop": setting.isoflop("--version").strip(), "seconds": time.perf_counter() - began}
    arguments.out.write_text(json.dumps(about | result, indent=1) + "\n")
    if not result["passed"]:
        fail(1, f"`{arguments.piece}` found what should not be", f"`{arguments.out}` has the rows")
    print(f"gpu-check: {arguments.piece} passed, {arguments.out}")


if __name__ == "__main__":
    main()
