"""Writes optimizers.safetensors: six steps of each optimizer with given gradients, on tensors of every role.

The equations are written out in numpy below. Each is checked against PyTorch's own optimizer where there is one, and
what PyTorch has computed is what the fixture holds then; computed in float64, stored in float32.
"""

import sys
from dataclasses import dataclass, replace
from pathlib import Path
from unittest.mock import patch

sys.dont_write_bytecode = True

import numpy as np
import torch
from safetensors.numpy import save_file

SEED = 2502
STEPS = 6
RATES = (0.5, 1.0, 0.8, 1.2, 0.3, 0.6)  # of each step, times a case's own
FACTOR_FROM = 6
TOLERANCE = 1e-5  # of the largest absolute number of a tensor

# Q, K and V are one tensor in the implementation under test and three matrices for the papers. Tall and wide matrices,
# matrices at FACTOR_FROM and below it, and K and V that are below it where their stack is not.
HIDDEN = {"tall": (10, 6), "wide": (6, 10), "narrow": (10, 5), "q": (6, 6), "k": (3, 6), "v": (3, 6)}
EMBEDDINGS = {"embedding": (8, 6)}
EXEMPT = {"scale": (6,), "bias": (6,), "taps": (3, 6)}
SHAPES = HIDDEN | EMBEDDINGS | EXEMPT


@dataclass(frozen=True)
class Case:
    """An optimizer's settings, by the names of src/core/run/optimizer/."""

    learning_rate: float
    clip_norm: float
    beta1: float = 0.9
    beta2: float = 0.95
    eps: float = 1e-3  # large enough to show
    weight_decay: float = 0.1
    decay_embeddings: bool = False
    momentum: float = 0.95
    iterations: int = 5
    decay_power: float = 0.8
    eps_gradient: float = 1e-30
    eps_parameter: float = 1e-3
    clip_threshold: float = 1.0
    factor_from: int = FACTOR_FROM

    def decays(self, name):
        return name in HIDDEN or (name in EMBEDDINGS and self.decay_embeddings)


UNCLIPPED, CLIPPED = 1e3, 2.0
CASES = {
    "adamw": Case(0.02, UNCLIPPED),
    "adamw_clipped": Case(0.02, CLIPPED, decay_embeddings=True, weight_decay=0.3),
    "muon": Case(0.02, UNCLIPPED, decay_embeddings=True),
    "muon_clipped": Case(0.02, CLIPPED, weight_decay=0.3, momentum=0.8),
    # Where PyTorch's Adafactor and the paper's are the same: every matrix factored, learning rates below 1/sqrt(t).
    "adafactor_all_factored": Case(0.1, UNCLIPPED, factor_from=2),
    "adafactor_clipped": Case(0.1, CLIPPED, eps_gradient=1e-3, eps_parameter=0.05, clip_threshold=1.1, decay_power=0.7),
}

# ---------------------------------------------------------------- the equations


def clipped(gradients, most):
    """min(1, c / norm), by the norm of all together (arXiv:1211.5063); torch's 1e-6 in the denominator."""
    norm = np.sqrt(sum((g**2).sum() for g in gradients.values()))
    return {name: g * min(1.0, most / (norm + 1e-6)) for name, g in gradients.items()}, norm


def bias_corrected(moment, beta, t):
    return moment / (1 - beta**t)


def adamw(w, g, t, rate, state, c, decays):
    """arXiv:1711.05101, algorithm 2, with its schedule multiplier and alpha as one rate."""
    m, v = state.get("m", 0 * w), state.get("v", 0 * w)
    state["m"] = m = c.beta1 * m + (1 - c.beta1) * g
    state["v"] = v = c.beta2 * v + (1 - c.beta2) * g * g
    m_hat, v_hat = bias_corrected(m, c.beta1, t), bias_corrected(v, c.beta2, t)
    return rate * (m_hat / (np.sqrt(v_hat) + c.eps) + (c.weight_decay * w if decays else 0))


def newton_schulz(x, iterations):
    """https://kellerjordan.github.io/posts/muon/: X <- aX + (bA + cA^2)X with A = XX^T, on the wide side."""
    a, b, c = 3.4445, -4.7750, 2.0315
    if x.shape[0] > x.shape[1]:
        return newton_schulz(x.T, iterations).T
    x = x / max(np.sqrt((x * x).sum()), 1e-7)
    for _ in range(iterations):
        gram = x @ x.T
        x = a * x + (b * gram + c * gram @ gram) @ x
    return x


def looked_ahead(g, m, momentum):
    """Nesterov's, both as running means."""
    return (1 - momentum) * g + momentum * m


def muon_scale(shape):
    """arXiv:2502.16982, eq. 4: as large as AdamW's updates."""
    return 0.2 * max(shape) ** 0.5


def muon(w, g, t, rate, state, c, decays):
    state["m"] = m = c.momentum * state.get("m", 0 * w) + (1 - c.momentum) * g
    o = newton_schulz(looked_ahead(g, m, c.momentum), c.iterations)
    return rate * (muon_scale(w.shape) * o + c.weight_decay * w)


def rms(x):
    return np.sqrt((x * x).mean())


def kept(t, c):
    """1 - beta2(t), arXiv:1804.04235, section 7.2."""
    return t**-c.decay_power


def normalised(g, t, state, c):
    """U of algorithms 1 and 2 of arXiv:1804.04235, as Mesh TensorFlow's AdafactorOptimizer computes it."""
    fresh, squares = kept(t, c), g * g + c.eps_gradient
    if g.ndim < 2 or min(g.shape) < c.factor_from:
        state["v"] = v = (1 - fresh) * state.get("v", 0) + fresh * squares
        return g / np.sqrt(v)
    state["r"] = r = (1 - fresh) * state.get("r", 0) + fresh * squares.mean(1)
    state["c"] = columns = (1 - fresh) * state.get("c", 0) + fresh * squares.mean(0)
    return g / np.sqrt(np.outer(r, columns) / r.mean())


def parameter_scale(w, c):
    return max(c.eps_parameter, rms(w))


def cut(u, c):
    """Update clipping, section 6."""
    return u / max(1.0, rms(u) / c.clip_threshold)


def adafactor(w, g, t, rate, state, c, decays):
    """Algorithms 4 and 5 without momentum and decay, as arXiv:2109.08668's code has it."""
    return rate * parameter_scale(w, c) * cut(normalised(g, t, state, c), c)


def rule(optimizer, name):
    if optimizer == "adafactor":
        return adafactor
    return muon if optimizer == "muon" and name in HIDDEN else adamw


def run(optimizer, c, parameters, gradients, dtype=np.float64, first=1):
    """Parameters after each step [STEPS, ...] by name, and the norms [gradient before clipping, change]."""
    w = {name: x.astype(dtype) for name, x in parameters.items()}
    states = {name: {} for name in w}
    after, norms = {name: [] for name in w}, []
    for i in range(STEPS):
        g, norm = clipped({name: x[i].astype(dtype) for name, x in gradients.items()}, c.clip_norm)
        change = {}
        for name in w:
            step = rule(optimizer, name)
            change[name] = step(w[name], g[name], i + first, c.learning_rate * RATES[i], states[name], c, c.decays(name))
            w[name] = (w[name] - change[name]).astype(dtype)
            after[name].append(w[name])
        norms.append([norm, np.sqrt(sum((x**2).sum() for x in change.values()))])
    return {name: np.stack(x) for name, x in after.items()}, np.array(norms)


# ---------------------------------------------------------------- PyTorch's


def torchs(optimizer, c, parameters, gradients):
    """The same from torch.optim, in float64."""
    w = {name: torch.from_numpy(x.astype(np.float64)).requires_grad_() for name, x in parameters.items()}
    decay = lambda name: c.weight_decay if c.decays(name) else 0.0
    own = [name for name in w if rule(optimizer, name) is adamw]
    others = [name for name in w if name not in own]
    optimizers = []
    if own:
        groups = [{"params": [w[name]], "weight_decay": decay(name)} for name in own]
        optimizers.append(torch.optim.AdamW(groups, betas=(c.beta1, c.beta2), eps=c.eps))
    if optimizer == "muon":
        settings = {"momentum": c.momentum, "weight_decay": c.weight_decay, "ns_steps": c.iterations}
        optimizers.append(torch.optim.Muon([w[name] for name in others], adjust_lr_fn="match_rms_adamw", **settings))
    if optimizer == "adafactor":
        # It takes the greater of the moment and eps1^2 where the paper adds eps1: far below these gradients, the same.
        eps = (c.eps_gradient**0.5, c.eps_parameter)
        settings = {"beta2_decay": -c.decay_power, "eps": eps, "d": c.clip_threshold, "weight_decay": 0.0}
        optimizers.append(torch.optim.Adafactor([w[name] for name in others], **settings))
    after, norms = {name: [] for name in w}, []
    for i in range(STEPS):
        for name, x in w.items():
            x.grad = torch.from_numpy(gradients[name][i].astype(np.float64))
        norm = torch.nn.utils.clip_grad_norm_(w.values(), c.clip_norm).item()
        before = {name: x.detach().clone() for name, x in w.items()}
        for one in optimizers:
            for group in one.param_groups:
                group["lr"] = c.learning_rate * RATES[i]
            one.step()
        for name, x in w.items():
            after[name].append(x.detach().numpy().copy())
        norms.append([norm, sum(((x - before[name]) ** 2).sum() for name, x in w.items()).item() ** 0.5])
    return {name: np.stack(x) for name, x in after.items()}, np.array(norms)


def unrounded():
    """torch.optim.Muon iterates in bfloat16; with this it keeps float64."""
    return patch.object(torch.Tensor, "bfloat16", lambda x: x.clone())


# ---------------------------------------------------------------- checks


def furthest(ours, theirs):
    """Largest difference of parameters, and of norms, relative to the largest number of the same tensor and step."""
    axes = lambda x: tuple(range(1, x.ndim))
    off = [(np.abs(ours[0][k] - x).max(axes(x)) / np.abs(x).max(axes(x))).max() for k, x in theirs[0].items()]
    return max(off), (np.abs(ours[1] - theirs[1]) / theirs[1]).max()


def check_against_torch(name, c, parameters, gradients):
    """The written equations are PyTorch's, which are returned."""
    optimizer = name.split("_")[0]
    ours = run(optimizer, c, parameters, gradients)
    with unrounded():
        theirs = torchs(optimizer, c, parameters, gradients)
    assert max(furthest(ours, theirs)) < 1e-12, (name, furthest(ours, theirs))
    if optimizer == "muon":  # as it comes: bfloat16's 8 bits, five times over
        as_it_comes, start = torchs(optimizer, c, parameters, gradients), parameters
        for k in HIDDEN:
            change, rounded = (np.diff(x[0][k], axis=0, prepend=start[k][None]) for x in (ours, as_it_comes))
            off = np.linalg.norm(change - rounded) / np.linalg.norm(change)
            assert 1e-4 < off < 5e-2, (name, k, off)
            print(f"{name}: {k}'s change is off by {off:.1e} in bfloat16")
    return theirs


def check_paper_differs_from_torch(c, parameters, gradients):
    """Why the paper's own case is not PyTorch's: it adds eps1 and leaves small matrices whole."""
    for other in (replace(c, factor_from=2), replace(c, eps_gradient=1e-30)):
        ours = run("adafactor", other, parameters, gradients)
        assert furthest(ours, run("adafactor", c, parameters, gradients))[0] > 3 * TOLERANCE
    assert furthest(torchs("adafactor", c, parameters, gradients), run("adafactor", c, parameters, gradients))[0] > 1e-3


def check_regimes(c, parameters, gradients):
    """Each branch of Adafactor is taken: updates cut and not, parameters below and above eps_parameter."""
    seen = set()
    with patch.dict(globals(), {
        "cut": lambda u, c: (seen.add(("cut", bool(rms(u) > c.clip_threshold * 1.01))), cut_(u, c))[1],
        "parameter_scale": lambda w, c: (seen.add(("scale", bool(rms(w) > c.eps_parameter))), scale_(w, c))[1],
    }):
        run("adafactor", c, parameters, gradients)
    assert seen == {("cut", True), ("cut", False), ("scale", True), ("scale", False)}, seen


cut_, scale_ = cut, parameter_scale  # themselves, for what stands in for them


def mistakes(optimizer, c):
    """Label, settings and replaced equations of plausible mistakes that this case should show."""
    yield "clip_norm", replace(c, clip_norm=c.clip_norm * 0.98 if c.clip_norm == CLIPPED else 2.0), {}
    if optimizer != "adafactor":
        yield "beta1", replace(c, beta1=0.89), {}
        yield "beta2", replace(c, beta2=0.94), {}
        yield "eps", replace(c, eps=c.eps * 0.9), {}
        yield "no bias correction", c, {"bias_corrected": lambda moment, beta, t: moment}
        yield "bias correction late by one", c, {"bias_corrected": lambda m, beta, t: m / (1 - beta ** (t + 1))}
        yield "weight_decay", replace(c, weight_decay=c.weight_decay * 0.9), {}
        yield "decay_embeddings", replace(c, decay_embeddings=not c.decay_embeddings), {}
    if optimizer == "muon":
        yield "momentum", replace(c, momentum=c.momentum - 0.01), {}
        yield "one iteration less", replace(c, iterations=c.iterations - 1), {}
        yield "not Nesterov", c, {"looked_ahead": lambda g, m, momentum: m}
        yield "sum for mean in Nesterov", c, {"looked_ahead": lambda g, m, momentum: g + momentum * m}
        yield "scale by rows", c, {"muon_scale": lambda shape: 0.2 * shape[0] ** 0.5}
        yield "Jordan's scale", c, {"muon_scale": lambda shape: max(1, shape[0] / shape[1]) ** 0.5}
        yield "exact", c, {"newton_schulz": lambda x, n: np.linalg.svd(x, False)[0] @ np.linalg.svd(x, False)[2]}
    if optimizer == "adafactor":
        yield "decay_power", replace(c, decay_power=c.decay_power - 0.01), {}
        yield "decay late by one", c, {"kept": lambda t, c: (t + 1) ** -c.decay_power}
        yield "clip_threshold", replace(c, clip_threshold=c.clip_threshold * 0.98), {}
        yield "no update clipping", c, {"cut": lambda u, c: u}
        yield "eps_parameter", replace(c, eps_parameter=c.eps_parameter * 0.98), {}
        yield "no parameter scale", c, {"parameter_scale": lambda w, c: 1.0}
        yield "sum for greater", c, {"parameter_scale": lambda w, c: c.eps_parameter + rms(w)}
        if c.eps_gradient > 1e-10:
            yield "eps_gradient", replace(c, eps_gradient=c.eps_gradient * 0.98), {}
        if c.factor_from == FACTOR_FROM:
            yield "factor_from", replace(c, factor_from=c.factor_from + 1), {}
            yield "factor_from", replace(c, factor_from=c.factor_from - 1), {}


def stacked(x, axis):
    """Q, K and V as the one matrix that they are not."""
    rest = {name: value for name, value in x.items() if name not in "qkv"}
    return {"q": np.concatenate([x["q"], x["k"], x["v"]], axis)} | rest


def check_mistakes(name, c, parameters, gradients, truth):
    """Each moves a parameter by more than three tolerances."""
    optimizer, least = name.split("_")[0], (np.inf, "")
    for label, other, patches in mistakes(optimizer, c):
        with patch.dict(globals(), patches):
            moved = furthest(run(optimizer, other, parameters, gradients), truth)[0]
        assert moved > 3 * TOLERANCE, (name, label, moved)
        least = min(least, (moved, label))
    if optimizer != "adamw":
        after, norms = run(optimizer, c, stacked(parameters, 0), stacked(gradients, 1))
        whole = {"q": np.concatenate([truth[0][part] for part in "qkv"], 1)}
        assert furthest(({"q": after["q"]}, norms), (whole, truth[1]))[0] > 3 * TOLERANCE
    return least


# ---------------------------------------------------------------- the fixture


def inputs(generator):
    """Parameters, and gradients that grow and fall, so that updates are cut down in some steps only."""
    normal = lambda shape, std: (generator.standard_normal(shape) * std).astype(np.float32)
    parameters = {name: normal(shape, 0.3) for name, shape in SHAPES.items()}
    parameters["scale"] += 1
    parameters["bias"] *= 0  # as it starts: below eps_parameter
    gradients = {}
    for name, shape in SHAPES.items():
        sizes = np.array([1.0, 0.3, 2.0, 0.5, 3.0, 0.2]).reshape(-1, *[1] * len(shape))
        gradients[name] = (normal((STEPS, *shape), 0.1) * sizes).astype(np.float32)
    gradients["embedding"][:, 3] = 0  # a token that never occurs,
    gradients["embedding"][::2, 5] = 0  # and one that is not in every batch
    return parameters, gradients


def main():
    parameters, gradients = inputs(np.random.default_rng(SEED))
    tensors = {f"param.{name}": x for name, x in parameters.items()}
    tensors |= {f"grad.{name}": x for name, x in gradients.items()}
    for name, c in CASES.items():
        optimizer = name.split("_")[0]
        if name == "adafactor_clipped":
            truth = run(optimizer, c, parameters, gradients)
            check_paper_differs_from_torch(c, parameters, gradients)
            check_regimes(c, parameters, gradients)
        else:
            truth = check_against_torch(name, c, parameters, gradients)
        bites = truth[1][:, 0] > c.clip_norm
        assert (bites.any() and not bites.all()) if c.clip_norm == CLIPPED else not bites.any(), truth[1]
        # The same equations in float32 must be well inside the tolerance asked of the implementation under test.
        rounding = max(furthest(run(optimizer, c, parameters, gradients, np.float32), truth))
        assert rounding < TOLERANCE / 2, (name, rounding)
        least, label = check_mistakes(name, c, parameters, gradients, truth)
        print(f"{name:24} float32 error {rounding:.1e}, least mistake {least:.1e} ({label})")
        tensors |= {f"{name}.{k}": x.astype(np.float32) for k, x in truth[0].items()}
        tensors[f"{name}.norms"] = truth[1]
        tensors[f"{name}.learning_rates"] = c.learning_rate * np.array(RATES)
    path = Path(__file__).parent / "optimizers.safetensors"
    save_file({name: np.ascontiguousarray(x) for name, x in tensors.items()}, path)
    path.chmod(0o644)
    print(f"{path.stat().st_size:,} bytes")


if __name__ == "__main__":
    torch.set_num_threads(1)  # one order of summation
    main()
