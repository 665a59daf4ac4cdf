"""Writes fixtures/NAME.safetensors for every preset and variant, after checking the reference itself.

Parameters are stored in float32. Logits, losses and gradients are computed from those float32 values in float64
and then rounded to float32, so they are more exact than the implementation they test.
"""

import json
import math
import sys
from dataclasses import asdict, replace
from pathlib import Path
from unittest.mock import patch

sys.dont_write_bytecode = True

import torch
import torch.nn.functional as F
from safetensors.torch import save_file

import model

SEED = 2109
VOCAB, BATCH = 24, 2
LONG, SHORT = 136, 40  # with T5's relative positions: past the 128 from which distances share a bucket; otherwise
NOISE = 0.2  # standard deviation, on every parameter whose initial value is constant, relative to STREAM where that is
STREAM = 0.1  # scale of what is added to the residual stream: small, so that a wrong epsilon of a norm shows
LOGITS = 1.2  # scale of the logits
LOGIT_TOLERANCE, GRAD_TOLERANCE = 1e-5, 1e-4


# The pieces themselves, for what stands in for them in a check.
ROTARY, CONV, ACTIVATION, RMS = model.rotary, model.causal_depthwise_conv, model.activation, model.rms_norm


def tiny(name):
    c = model.config(name, "tiny", VOCAB, SHORT)
    return replace(c, length=LONG) if c.positions == "t5_relative" else c


def initial(name, shape, c, generator):
    """One parameter. The distributions are arXiv:2109.08668's where it has one; the scales are chosen so that
    attention and logits are neither uniform nor saturated, and the constant ones carry noise: a fixture of untouched
    ones and zeros could not show a wrong bias or a wrong tap."""

    def normal(std):
        return torch.randn(shape, generator=generator, dtype=torch.float64) * std

    leaf = name.split(".")[-1]
    head = LOGITS * (1 if c.scale_logits else c.d_model**-0.5)
    if name in ("embedding", "position_embedding"):
        return normal(STREAM)
    if name == "head":
        return normal(head)
    if name == "relative_bias":
        return normal(0.5)
    if name.startswith("final_norm"):  # makes up for the small embedding when that is also the head
        return ((1.0 if leaf == "scale" else 0.0) + normal(NOISE)) * (head / STREAM if c.tied_head else 1)
    if "_norm." in name:
        return 1.5 + normal(NOISE)
    if leaf.startswith("conv_"):  # arXiv:2109.08668: 0.5 for the present, 0.5 / 3 each for two past positions
        taps = torch.full(shape, 0.5 / shape[0], dtype=torch.float64)
        taps[0] = 0.5
        return taps + normal(NOISE)

    gain = 1.0
    if ".attention.out" in name or (".ffn.out." in name and c.norm_placement == "pre"):
        gain = STREAM
    if ".ffn.norm." in name and c.norm_placement == "primer":
        gain = STREAM
    if (".ffn.in.w" in name or ".ffn.gate.w" in name) and c.norm_placement == "primer":
        gain = 4.0  # the input is the small residual stream; fewer units are dead
    if leaf.split("_bias")[0] in ("q", "k", "z") and c.qk_norm:
        gain = STREAM  # normalised away, but for epsilon
    if leaf == ("q_from_z" if c.qkv_projections == "shared_qk" else "q") and not c.qk_norm:
        gain = 1.5
        if c.qkv_convolution != "none":  # a convolution alone makes Q and K smaller, with a residual larger
            gain = 0.75 if c.conv_residual else 3.0
        gain *= 1 if c.scale_scores else c.d_head**-0.5
    if leaf in ("q", "k", "v", "z", "q_from_z", "out"):
        return normal(gain * shape[1] ** -0.5)
    if leaf == "weight":  # truncated at two deviations, then rescaled so that the variance is 1 / fan-in
        w = torch.empty(shape, dtype=torch.float64)
        torch.nn.init.trunc_normal_(w, std=1.0, a=-2.0, b=2.0, generator=generator)
        return w * (gain * shape[1] ** -0.5 / 0.87962566103423978)
    return gain * ((1.0 if leaf == "scale" else 0.0) + normal(NOISE))


def evaluate(params, tokens, c, dtype=torch.float64):
    """Losses, logits and gradients of the training loss, with everything computed in `dtype`."""
    p = {k: v.to(dtype).requires_grad_() for k, v in params.items()}
    loss, training_loss, logits = model.losses(p, tokens, c)
    training_loss.backward()
    zero = {k: torch.zeros_like(v) for k, v in p.items()}
    grads = {k: zero[k] if v.grad is None else v.grad for k, v in p.items()}
    return loss.detach(), training_loss.detach(), logits.detach(), grads


def gradient_error(grads, truth):
    return max(((grads[k] - v).abs().max() / v.abs().max()).item() for k, v in truth.items())


# ---------------------------------------------------------------- checks of the reference


def check_parts():
    """The hand-written pieces against an independent formulation of each."""

    def close(a, b):
        assert a.shape == b.shape and torch.allclose(a, b, rtol=0, atol=1e-12)

    g = torch.Generator().manual_seed(1)

    def random(*shape):
        return torch.randn(shape, generator=g, dtype=torch.float64)

    # A distance n >= 16 is in bucket 16 + j for the largest j <= 15 with n >= 16 * 8^(j/16): exact in integers.
    expected = [n if n < 16 else 16 + max(j for j in range(16) if n**16 >= 16**16 * 8**j) for n in range(1000)]
    assert model.relative_position_bucket(torch.arange(1000)).tolist() == expected
    assert set(expected[:LONG]) == set(range(model.BUCKETS)) and LONG > model.MAX_DISTANCE

    for eps in (1e-6, 1e-2):
        x = random(2, 9, 6) * 0.1 + 0.3
        close(model.centred_norm(x, eps), F.layer_norm(x, (6,), eps=eps))
        close(model.rms_norm(x, eps), F.rms_norm(x, (6,), eps=eps))
        # Primer's norm as arXiv:2109.08668 writes it.
        mu = x.mean(-1, keepdim=True)
        close(model.centred_norm(x, eps), (x - mu) / ((x * (x - mu)).mean(-1, keepdim=True) + eps).sqrt())
    c = tiny("transformer")
    p = {"n.scale": random(12), "n.bias": random(12)}
    x = random(2, 9, 12)
    for kind in ("layer", "primer"):
        close(model.norm(x, p, "n", replace(c, norm=kind)), F.layer_norm(x, (12,), p["n.scale"], p["n.bias"], 1e-6))
        unbiased = replace(c, norm=kind, biases="none")
        close(model.norm(x, p, "n", unbiased), F.layer_norm(x, (12,), p["n.scale"], None, 1e-6))
    close(model.norm(x, p, "n", replace(c, norm="rms")), F.rms_norm(x, (12,), p["n.scale"], 1e-6))

    for width in range(2, 8):
        for length in (9, 3):  # also shorter than the kernel
            x, taps = random(2, length, 6), random(width, 6)
            kernel = taps.flip(0).T[:, None]  # conv1d correlates: its last tap is the newest position
            conv = F.conv1d(F.pad(x.transpose(1, 2), (width - 1, 0)), kernel, groups=6).transpose(1, 2)
            close(model.causal_depthwise_conv(x, taps), conv)

    x = random(1000) * 3
    close(model.activation(x, "relu"), F.relu(x))
    close(model.activation(x, "squared_relu"), x.clamp(min=0) ** 2)
    close(model.activation(x, "gelu"), F.gelu(x))
    close(model.activation(x, "swish"), F.silu(x))
    close(model.softcap(x, 2.0), 2 * (1 - 2 / (1 + (x).exp())))  # tanh(x / 2) = 1 - 2 / (1 + e^x)

    # Attention, with the key/value heads of grouped-query attention, against torch's own.
    q, k, v, bias = random(2, 4, 9, 4), random(2, 2, 9, 4), random(2, 2, 9, 4), random(4, 9, 9)
    for scale in (True, False):
        factor = None if scale else 1.0
        mine = model.attend(q, k, v, None, replace(c, scale_scores=scale))
        torchs = F.scaled_dot_product_attention(q, k, v, is_causal=True, enable_gqa=True, scale=factor)
        close(mine, torchs.transpose(1, 2).reshape(2, 9, 16))
        mask = bias.masked_fill(torch.ones(9, 9, dtype=torch.bool).triu(1), -math.inf)
        mine = model.attend(q, k, v, bias, replace(c, scale_scores=scale))
        torchs = F.scaled_dot_product_attention(q, k, v, attn_mask=mask, enable_gqa=True, scale=factor)
        close(mine, torchs.transpose(1, 2).reshape(2, 9, 16))

    # Rotary: as a complex number a + i b turned by e^(i t f); lengths stay; products depend on the distance only.
    q, k = random(1, 1, 1, 8).expand(1, 1, 20, 8), random(1, 1, 1, 8).expand(1, 1, 20, 8)
    turned = model.rotary(q, 10000.0)
    frequency = torch.tensor([1.0, 0.1, 0.01, 0.001], dtype=torch.float64)  # 10000^(-2 j / 8)
    angle = torch.arange(20, dtype=torch.float64)[:, None] * frequency
    z = torch.complex(q[..., :4].contiguous(), q[..., 4:].contiguous()) * torch.polar(torch.ones_like(angle), angle)
    close(turned, torch.cat([z.real, z.imag], -1))
    close(turned.norm(dim=-1), q.norm(dim=-1))
    products = (turned @ model.rotary(k, 10000.0).transpose(-1, -2))[0, 0]
    for distance in range(-19, 20):
        diagonal = products.diagonal(distance)
        close(diagonal, diagonal[:1].expand_as(diagonal))
    assert products[:, 0].unique().numel() == 20


def check_causal(params, tokens, logits, c):
    """Other tokens after t leave the logits up to t the same to the bit, and change those after t."""
    p = {k: v.double() for k, v in params.items()}
    for t in (0, 1, 2, 17, c.length - 2):
        other = tokens.clone()
        other[:, t + 1 :] = (other[:, t + 1 :] + 1) % c.vocab
        changed = model.losses(p, other, c)[2]
        assert torch.equal(changed[:, : t + 1], logits[:, : t + 1])
        assert (changed[:, t + 1 :] != logits[:, t + 1 :]).any(-1).all()


def check_gradients(grads, c):
    """Every element is non-zero, but for a unit that ReLU keeps at zero at every position: then the row of `in` (and
    `gate`) and the column of `out` of that unit are zero together. All buckets and positions are in use."""
    dead = 0
    for name, grad in grads.items():
        assert grad.isfinite().all()
        f, _, leaf = name.rpartition(".ffn.")
        if leaf.split(".")[0] not in ("in", "gate", "out") or not f or leaf == "out.bias":
            assert (grad != 0).all(), f"{name} has an element that changes nothing"
            continue
        unit = (grads[f"{f}.ffn.out.weight"] == 0).all(0)
        dead += unit.sum().item() if leaf == "out.weight" else 0
        assert not unit.any() or c.activation in ("relu", "squared_relu")
        zero = grad.T == 0 if leaf == "out.weight" else grad == 0  # first axis: units
        assert torch.equal(zero, unit.view(-1, *[1] * (grad.dim() - 1)).expand_as(zero)), name
    return dead


def check_kinks(params, tokens, c):
    """No unit is so near the kink of ReLU that rounding could put it on the side with another gradient."""
    nearest = [math.inf]

    def record(x, name):
        nearest.append(x.abs().min().item())
        return ACTIVATION(x, name)

    with patch.object(model, "activation", record), torch.no_grad():
        model.losses({k: v.double() for k, v in params.items()}, tokens, c)
    assert min(nearest) > 1e-5 or c.activation != "relu", min(nearest)


def check_spread(params, tokens, c):
    """Attention weights and logits are neither near uniform nor near saturation. Returns the mean over the queries
    of entropy / log(number of keys), the mean of the largest weight, and the logits' deviation within a position."""
    seen = []
    original = model.attention_weights

    def record(*args):
        seen.append(original(*args))
        return seen[-1]

    with patch.object(model, "attention_weights", record), torch.no_grad():
        logits = model.losses({k: v.double() for k, v in params.items()}, tokens, c)[2]
    entropies, peaks = [], []
    for w in seen:
        keys = torch.arange(1, w.shape[-1] + 1, dtype=torch.float64)
        entropies.append((torch.special.entr(w).sum(-1) / keys.log())[..., 8:].mean().item())
        peaks.append(w.amax(-1)[..., 8:].mean().item())
    spread = logits.std(-1).mean().item()
    assert 0.5 < min(entropies) and max(entropies) < 0.97 and max(peaks) < 0.6, (entropies, peaks)
    assert 0.6 < spread < 2 and logits.abs().max() < 8, (spread, logits.abs().max())
    return min(entropies), max(entropies), max(peaks), spread


def rotary_then_norm(x, eps, c):
    """In place of `rms_norm`: on Q and K [B, heads, T, d_head] the rotation comes before the norm and its scale."""
    return RMS(ROTARY(x, c.rotary_base), eps) if x.dim() == 4 else RMS(x, eps)


def interleaved_rotary(x, base):
    half = x.shape[-1] // 2
    order = torch.arange(x.shape[-1]).view(half, 2).T.reshape(-1)
    return ROTARY(x[..., order], base)[..., torch.argsort(order)]


def tanh_gelu(x, name):
    return F.gelu(x, approximate="tanh") if name == "gelu" else ACTIVATION(x, name)


def mistakes(c):
    """Ways to get an architecture wrong that its parameters allow: (label, other Config, patches of model)."""
    yield "norm_eps", replace(c, norm_eps=1e-6 if c.norm_eps == 1e-5 else 1e-5), {}
    yield "norm_eps 0", replace(c, norm_eps=0.0), {}
    other = "rms" if c.norm != "rms" else "layer"
    yield "norm", replace(c, norm=other, biases=c.biases if c.norm != "rms" else "none"), {}
    yield "norm_placement", replace(c, norm_placement="pre" if c.norm_placement == "primer" else "primer"), {}
    for a in {"relu", "squared_relu", "gelu", "swish"} - {c.activation}:
        yield f"activation {a}", replace(c, activation=a), {}
    if c.activation == "gelu":
        yield "tanh gelu", c, {"activation": tanh_gelu}
    yield "scale_scores", replace(c, scale_scores=not c.scale_scores), {}
    yield "scale_logits", replace(c, scale_logits=not c.scale_logits), {}
    yield "positions", replace(c, positions="rotary" if c.positions == "none" else "none"), {}
    if c.positions == "rotary":
        yield "rotary_base", replace(c, rotary_base=9000.0), {}
        yield "interleaved rotary", c, {"rotary": interleaved_rotary}
        yield "rotary frequencies inverted", c, {"rotary": lambda x, base: ROTARY(x, 1 / base)}
    if c.qkv_convolution != "none":
        yield "no convolution", replace(c, qkv_convolution="none"), {}
        yield "conv_residual", replace(c, conv_residual=not c.conv_residual), {}
        yield "taps reversed", c, {"causal_depthwise_conv": lambda x, taps: CONV(x, taps.flip(0))}
    if c.qkv_projections == "grouped_query":
        yield "heads interleaved", c, {"kv_head_of": lambda heads, kv: torch.arange(heads) % kv}
    if c.qk_norm:
        yield "no qk_norm", replace(c, qk_norm=False), {}
        swapped = {"rms_norm": lambda x, eps: rotary_then_norm(x, eps, c)}
        yield "qk_norm after rotary", replace(c, positions="none"), swapped
    if c.attention_softcap:
        yield "attention_softcap", replace(c, attention_softcap=None), {}
    if c.logit_softcap:
        yield "logit_softcap", replace(c, logit_softcap=None), {}
    if c.biases == "all":
        yield "no attention bias", replace(c, biases="feed_forward"), {}
    if c.biases != "none":
        yield "no bias", replace(c, biases="none"), {}


def check_mistakes(params, tokens, logits, grads, c):
    """Every mistake moves a logit by more than three tolerances and a gradient by more than one."""
    least = (math.inf, "")
    for label, other, patches in mistakes(c):
        with patch.multiple(model, **patches) if patches else patch.object(model, "BUCKETS", model.BUCKETS):
            _, _, wrong, wrong_grads = evaluate(params, tokens, other)
        moved = (wrong - logits).abs().max().item()
        moved_grads = gradient_error(wrong_grads, grads)
        assert not moved <= 3 * LOGIT_TOLERANCE and not moved_grads <= GRAD_TOLERANCE, (label, moved, moved_grads)
        least = min(least, (moved, label))
    if c.z_loss:
        without = evaluate(params, tokens, replace(c, z_loss=0.0))
        assert gradient_error(without[3], grads) > 2 * GRAD_TOLERANCE
    return least


# ---------------------------------------------------------------- fixtures


def make(name):
    c = tiny(name)
    g = torch.Generator().manual_seed(SEED)
    tokens = torch.randint(c.vocab, (BATCH, c.length + 1), generator=g)
    tokens[0, : c.vocab] = torch.randperm(c.vocab, generator=g)  # all tokens: every row of the embedding is in use
    params = {k: initial(k, shape, c, g).float() for k, shape in model.shapes(c).items()}
    loss, training_loss, logits, grads = evaluate(params, tokens, c)
    assert (training_loss > loss) if c.z_loss else (training_loss == loss)

    check_causal(params, tokens, logits, c)
    dead = check_gradients(grads, c)
    check_kinks(params, tokens, c)
    low, high, peak, spread = check_spread(params, tokens, c)
    least, label = check_mistakes(params, tokens, logits, grads, c)

    # The same equations in float32 must be well inside the tolerances asked of the implementation under test.
    loss32, _, logits32, grads32 = evaluate(params, tokens, c, torch.float32)
    logit_error = max((logits32 - logits).abs().max().item(), (loss32 - loss).abs().item())
    grad_error = gradient_error(grads32, grads)
    assert logit_error < LOGIT_TOLERANCE / 2 and grad_error < GRAD_TOLERANCE / 2, (name, logit_error, grad_error)

    tensors = {f"param.{k}": v for k, v in params.items()} | {f"grad.{k}": v.float() for k, v in grads.items()}
    tensors |= {"tokens": tokens, "logits": logits.float()}
    tensors |= {"loss": loss.float().reshape(1), "training_loss": training_loss.float().reshape(1)}
    path = Path(__file__).parent / "fixtures" / f"{name}.safetensors"
    path.parent.mkdir(exist_ok=True)
    save_file({k: v.contiguous() for k, v in tensors.items()}, path, {"config": json.dumps(asdict(c))})
    path.chmod(0o644)
    size = path.stat().st_size
    print(
        f"{name:26} {size:6,} bytes, loss {loss.item():.4f}, logits' deviation {spread:.2f}, attention's entropy "
        f"{low:.2f}-{high:.2f} peak {peak:.2f}, dead units {dead}, float32 error {logit_error:.1e} {grad_error:.1e}, "
        f"least mistake {least:.1e} ({label})"
    )
    return size, logit_error, grad_error


if __name__ == "__main__":
    torch.set_num_threads(1)  # one order of summation
    check_parts()
    results = [make(name) for name in model.PRESETS | model.VARIANTS]
    size, logit_error, grad_error = (f(column) for f, column in zip((sum, max, max), zip(*results)))
    print(f"{len(results)} fixtures, {size:,} bytes, worst float32 error {logit_error:.1e} {grad_error:.1e}")
