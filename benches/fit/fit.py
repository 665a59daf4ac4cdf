"""How long a surface fit and its bootstrap take: isoflop, the `chinchilla` package, and SciPy scripts.

    python fit.py [--starts 4500] [--replicates 4000] [--scipy-starts 4500] [--scipy-replicates 4000] [--repeats 3]

All fit one synthetic table of 240 runs (16 sizes, 15 token counts, noise of .5%) by Hoffmann's objective, Huber's loss of log L with
δ = 1e-3. isoflop runs `examples/fit-bench`: a full fit, then its replicates on all cores. `chinchilla` polishes Hoffmann's 4,500
starts on all cores, its plot left out. Of SciPy there are two scripts: L-BFGS-B with numeric gradients from the same starts, and for the
bootstrap BFGS with analytic gradients, warm-started, both on all cores. Where fewer starts or replicates of theirs are
run (an evenly spaced share), the seconds are scaled up, and said to be.

Prints seconds, the sum that each objective reaches, and for starts how many came within 1% of the best. Writes fit.csv beside
this file.
"""

import argparse
import csv
import itertools
import json
import multiprocessing
import os
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

# One thread a process: the processes fill the cores.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
import numpy as np
from scipy.optimize import minimize

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
BENCH = ROOT / "target/release/examples/fit-bench"
DELTA = 1e-3
GRID = {
    "e": [-1, -0.5, 0, 0.5, 1],
    "a": [0, 5, 10, 15, 20, 25],
    "b": [0, 5, 10, 15, 20, 25],
    "alpha": [0, 0.5, 1, 1.5, 2],
    "beta": [0, 0.5, 1, 1.5, 2],
}


def table():
    """(N, D, L) of 240 runs."""
    random = np.random.default_rng(1)
    n = np.repeat(np.geomspace(1e7, 1e10, 16), 15)
    d = np.round(20 * n * np.tile(np.geomspace(1 / 25, 25, 15), 16))
    n = np.round(n)
    loss = 1.69 + 406.4 * n**-0.34 + 410.7 * d**-0.28
    return n, d, loss * np.exp(random.normal(0, 0.005, n.size))


N, D, L = table()
LOG_N, LOG_D, LOG_L = np.log(N), np.log(D), np.log(L)


def objective(x, weights=1.0):
    """Huber's sum at (e, a, b, alpha, beta)."""
    return objective_and_gradient(x, weights)[0]


def objective_and_gradient(x, weights):
    e, a, b, alpha, beta = x
    constant, in_n, in_d = np.exp(e), np.exp(a - alpha * LOG_N), np.exp(b - beta * LOG_D)
    loss = constant + in_n + in_d
    r = np.log(loss) - LOG_L
    slope = np.clip(r, -DELTA, DELTA)
    value = (weights * slope * (r - 0.5 * slope)).sum()
    g = weights * slope / loss
    gradient = [g.sum() * constant, g @ in_n, g @ in_d, -(g * in_n) @ LOG_N, -(g * in_d) @ LOG_D]
    return value, np.array(gradient)


def isoflop(replicates):
    lines = "".join(f"{n} {d} {loss}\n" for n, d, loss in zip(N, D, L))
    command = [BENCH, str(replicates)]
    return json.loads(subprocess.run(command, input=lines, capture_output=True, text=True, check=True).stdout)


def chinchilla(starts):
    from chinchilla import Chinchilla

    grid = {name: np.array(values, float) for name, values in GRID.items()}
    if starts < 4500:
        grid = {name: values[::2] for name, values in grid.items()}
    with tempfile.TemporaryDirectory() as folder:
        model = Chinchilla(folder, param_grid=grid, seed_ranges=SEEDS, loss_fn=log_huber, log_level=40)
        model.database.filepath = None
        for n, d, loss in zip(N, D, L):
            model.append(N=n, D=d, loss=loss)
        model.visualizer.optim = lambda *_, **__: None
        begin = time.perf_counter()
        model.fit(parallel=True)
        seconds = time.perf_counter() - begin
    reached = objective([np.log(model.E), np.log(model.A), np.log(model.B), model.alpha, model.beta])
    return seconds, reached, int(np.prod([len(values) for values in grid.values()]))


SEEDS = {"C": (1e17, 1e21), "N_to_D": (1, 500)}


def log_huber(true, predicted):
    from chinchilla._metrics import log_huber

    return log_huber(true, predicted, DELTA)


def polish_numeric(start):
    with np.errstate(all="ignore"):
        return minimize(objective, start, method="L-BFGS-B").fun


def refit_analytic(task):
    seed, start = task
    weights = np.random.default_rng(seed).exponential(size=N.size)
    return minimize(objective_and_gradient, start, args=(weights,), jac=True, method="BFGS").fun


def on_all_cores(function, tasks):
    with multiprocessing.Pool() as pool:
        begin = time.perf_counter()
        found = pool.map(function, tasks, chunksize=4)
        return time.perf_counter() - begin, found


def share(everything, count):
    return everything[:: max(1, len(everything) // count)][:count]


def scipy_starts(count):
    """Seconds for 4,500, objective reached, those within 1%, starts run."""
    starts = share(list(itertools.product(*GRID.values())), count)
    seconds, found = on_all_cores(polish_numeric, starts)
    found = np.array(found)
    best = np.nanmin(found)
    return seconds * 4500 / len(starts), best, int((found <= 1.01 * best).sum()), len(starts)


def scipy_bootstrap(count, all_of_them, fitted):
    start = [np.log(fitted["E"]), np.log(fitted["A"]), np.log(fitted["B"]), fitted["alpha"], fitted["beta"]]
    seconds, _ = on_all_cores(refit_analytic, [(seed, start) for seed in range(count)])
    return seconds * all_of_them / count


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--starts", type=int, default=4500, help="of chinchilla: 4500, or fewer for every other value of each")
    parser.add_argument("--replicates", type=int, default=4000)
    parser.add_argument("--scipy-starts", type=int, default=4500)
    parser.add_argument("--scipy-replicates", type=int, default=4000)
    parser.add_argument("--repeats", type=int, default=3, help="of isoflop, whose median is taken")
    arguments = parser.parse_args()
    rows = []

    def say(engine, what, seconds, note=""):
        print(f"{engine:12} {what:28} {seconds:10.3f} s  {note}", flush=True)
        rows.append([engine, what, seconds, note])

    runs = [isoflop(arguments.replicates) for _ in range(arguments.repeats)]
    fitted = runs[0]
    reached = f"objective {fitted['objective']:.6e}"
    say("isoflop", "fit", statistics.median(run["seconds_fit"] for run in runs), reached)
    seconds = statistics.median(run["seconds_bootstrap"] for run in runs)
    say("isoflop", f"{arguments.replicates} refits", seconds, f"{fitted['failed']} failed")
    seconds, reached, starts = chinchilla(arguments.starts)
    say("chinchilla", f"fit, {starts} starts", seconds, f"objective {reached:.6e}")
    seconds, reached, near, starts = scipy_starts(arguments.scipy_starts)
    scaled = "" if starts == 4500 else f", scaled from {starts}"
    say("SciPy", "fit, 4500 starts", seconds, f"objective {reached:.6e}, {near} of {starts} within 1%{scaled}")
    seconds = scipy_bootstrap(arguments.scipy_replicates, arguments.replicates, fitted)
    scaled = "" if arguments.scipy_replicates == arguments.replicates else f"scaled from {arguments.scipy_replicates}"
    say("SciPy", f"{arguments.replicates} refits", seconds, scaled)
    with open(HERE / "fit.csv", "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["engine", "what", "seconds", "note"])
        writer.writerows(rows)


if __name__ == "__main__":
    main()
