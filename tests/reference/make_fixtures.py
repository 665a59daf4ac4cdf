"""Writes fixtures/transformer.safetensors and fixtures/primer_ez.safetensors, after checking the reference itself.

Parameters are stored in float32. Logits, loss and gradients are computed from those float32 values in float64
and then rounded to float32, so they are more exact than the implementation they test.
"""

import json
import math
import sys
from dataclasses import asdict, replace
from pathlib import Path

sys.dont_write_bytecode = True

import torch
from safetensors.torch import save_file

import model
from model import Config

SEED = 2109
BATCH, LENGTH = 2, 150  # longer than the 128 from which relative distances share a bucket
TINY = Config("transformer", vocab=48, d_model=16, layers=2, heads=2, d_head=8, d_ff=64)
NOISE = 0.2  # standard deviation, on every parameter whose initial value is constant
LOGIT_TOLERANCE, GRAD_TOLERANCE = 1e-5, 1e-4


def initial(name, shape, c, generator):
    """The paper's initial value for one parameter (see README.md for the choices it leaves open), with noise on
    the constant ones: a fixture of untouched ones and zeros could not show a wrong bias or a wrong tap."""

    def normal(std):
        return torch.randn(shape, generator=generator, dtype=torch.float64) * std

    if name == "embedding":
        return normal(1.0)
    if name == "relative_bias":
        return normal(0.5)
    if name.endswith(".qkv"):
        std = torch.tensor([(c.d_model * c.d_head) ** -0.5, c.d_model**-0.5, c.d_model**-0.5], dtype=torch.float64)
        return normal(1.0) * std[:, None, None]
    if name.endswith("attention.out"):
        return normal((c.heads * c.d_head) ** -0.5)
    if name.endswith(".weight"):  # truncated at two deviations, then rescaled so that the variance is 1 / fan-in
        w = torch.empty(shape, dtype=torch.float64)
        torch.nn.init.trunc_normal_(w, std=1.0, a=-2.0, b=2.0, generator=generator)
        return w * (shape[1] ** -0.5 / 0.87962566103423978)
    if name.endswith(".conv"):
        return torch.tensor([0.5, 0.5 / 3, 0.5 / 3], dtype=torch.float64)[:, None, None] + normal(NOISE)
    return (1.0 if name.endswith(".scale") else 0.0) + normal(NOISE)


def evaluate(params, tokens, c, dtype):
    """Loss, logits and gradients with everything computed in `dtype`."""
    p = {k: v.to(dtype).requires_grad_() for k, v in params.items()}
    loss, logits = model.loss(p, tokens, c)
    loss.backward()
    return loss.detach(), logits.detach(), {k: v.grad for k, v in p.items()}


def check_counts():
    """Parameter counts in closed form, and the sizes of So et al. 2021 with the T5 vocabulary."""
    sizes = [(512, 6, 8, 64, 2048, "35.3"), (768, 12, 12, 64, 3072, "109.6"), (1024, 24, 16, 64, 8192, "536.2")]
    paper = [(Config("transformer", 32128, *s[:5]), s[5]) for s in sizes]
    for c, millions in paper + [(TINY, None)]:
        hd = c.heads * c.d_head
        matrices = c.vocab * c.d_model + c.layers * (4 * c.d_model * hd + 2 * c.d_model * c.d_ff)
        vectors = c.heads * model.BUCKETS + c.layers * (5 * c.d_model + c.d_ff) + 2 * c.d_model
        total = {"transformer": matrices + vectors, "primer_ez": matrices + vectors + c.layers * 9 * hd}
        for arch, expected in total.items():
            assert sum(map(math.prod, model.shapes(replace(c, arch=arch)).values())) == expected
            print(f"d_model {c.d_model} {arch}: {expected:,} parameters, of them {matrices:,} in matrices")
        # The rounded figures count the matrices; norms, biases and the relative bias table add at most 0.1%.
        assert millions is None or f"{matrices / 1e6:.1f}" == millions


def check_parts():
    """The hand-written pieces against an independent formulation of each."""
    # A distance n >= 16 is in bucket 16 + j for the largest j <= 15 with n >= 16 * 8^(j/16): exact in integers.
    expected = [n if n < 16 else 16 + max(j for j in range(16) if n**16 >= 16**16 * 8**j) for n in range(1000)]
    assert model.relative_position_bucket(torch.arange(1000)).tolist() == expected
    assert set(expected[:LENGTH]) == set(range(model.BUCKETS))

    g = torch.Generator().manual_seed(1)
    x, taps, scale, bias = (
        torch.randn(s, generator=g, dtype=torch.float64) for s in [(2, 9, 6), (3, 6), (6,), (6,)]
    )
    kernel = taps.flip(0).T[:, None]  # conv1d correlates: its last tap is the newest position
    conv = torch.nn.functional.conv1d(torch.nn.functional.pad(x.transpose(1, 2), (2, 0)), kernel, groups=6)
    assert torch.allclose(model.causal_depthwise_conv(x, taps), conv.transpose(1, 2), rtol=0, atol=1e-12)
    norm = torch.nn.functional.layer_norm(x, (6,), scale, bias, eps=1e-6)
    assert torch.allclose(model.layer_norm(x, scale, bias), norm, rtol=0, atol=1e-12)


def check_causal(params, tokens, logits, c):
    """Other tokens after t leave the logits up to t the same to the bit, and change those after t."""
    p = {k: v.double() for k, v in params.items()}
    for t in (0, 1, 2, 17, LENGTH - 2):
        other = tokens.clone()
        other[:, t + 1 :] = (other[:, t + 1 :] + 1) % c.vocab
        changed = model.loss(p, other, c)[1]
        assert torch.equal(changed[:, : t + 1], logits[:, : t + 1])
        assert (changed[:, t + 1 :] != logits[:, t + 1 :]).any(-1).all()


def make(arch):
    c = replace(TINY, arch=arch)
    g = torch.Generator().manual_seed(SEED)
    tokens = torch.randint(c.vocab, (BATCH, LENGTH + 1), generator=g)
    params = {name: initial(name, shape, c, g).float() for name, shape in model.shapes(c).items()}
    loss, logits, grads = evaluate(params, tokens, c, torch.float64)

    check_causal(params, tokens, logits, c)
    for name, grad in grads.items():
        assert grad.isfinite().all() and (grad != 0).all(), f"{name} has an element that changes nothing"

    # The same equations in float32 must be well inside the tolerances asked of the implementation under test.
    _, logits32, grads32 = evaluate(params, tokens, c, torch.float32)
    logit_error = (logits32 - logits).abs().max().item()
    grad_error = max(((grads32[k] - v).abs().max() / v.abs().max()).item() for k, v in grads.items())
    assert logit_error < LOGIT_TOLERANCE / 2 and grad_error < GRAD_TOLERANCE / 2

    tensors = {f"param.{k}": v for k, v in params.items()} | {f"grad.{k}": v.float() for k, v in grads.items()}
    tensors |= {"tokens": tokens, "logits": logits.float(), "loss": loss.float().reshape(1)}
    path = Path(__file__).parent / "fixtures" / f"{arch}.safetensors"
    path.parent.mkdir(exist_ok=True)
    save_file({k: v.contiguous() for k, v in tensors.items()}, path, {"config": json.dumps(asdict(c))})
    print(
        f"{path.name}: {path.stat().st_size:,} bytes, loss {loss.item():.6f}, largest logit {logits.abs().max():.2f}, "
        f"float32 error: logits {logit_error:.1e}, gradients {grad_error:.1e} of the tensor's largest"
    )


if __name__ == "__main__":
    torch.set_num_threads(1)  # one order of summation
    check_counts()
    check_parts()
    make("transformer")
    make("primer_ez")
