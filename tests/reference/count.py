"""Writes counts.json: parameters counted from the shapes, and FLOPs as torch.utils.flop_counter counts them.

- "params": preset -> size -> exact total, with vocabulary 32128 ("tiny": 24, and the length of its fixture).
- "flops": preset -> "forward", "backward" -> operation -> FLOPs, at the tiny size, batch 1, 16 positions.
- "conv1d", "sdpa": the same for two of torch's functions that the reference does not use.
"""

import json
import math
import sys
from pathlib import Path

sys.dont_write_bytecode = True

import torch
import torch.nn.functional as F
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

import model
from make_fixtures import tiny

VOCAB = 32128
T = 16


def count(forward):
    """FLOPs by operation of forward(), and of the backward pass from the sum of what it returns."""
    with FlopCounterMode(display=False) as first:
        y = forward()
    y = y.sum()
    with FlopCounterMode(display=False) as second:
        y.backward()
    passes = {"forward": first, "backward": second}
    return {k: {str(op): n for op, n in v.get_flop_counts().get("Global", {}).items()} for k, v in passes.items()}


def total(counts):
    return sum(counts.values())


def params(c):
    return sum(map(math.prod, model.shapes(c).values()))


def matrices(c, weights_only=False):
    """Elements in matrices: all of them, the embedding included, or those that multiply (a tied embedding, as head)."""
    looked_up = {"relative_bias", "position_embedding"} | ({"embedding"} if weights_only and not c.tied_head else set())
    return sum(
        math.prod(shape)
        for name, shape in model.shapes(c).items()
        if len(shape) == 2 and name not in looked_up and ".conv_" not in name
    )


def check_sizes():
    """The sizes of arXiv:2109.08668. The rounded figures count the matrices; norms, biases and the table of relative
    positions add at most 0.1%."""
    for size, millions in [("small", "35.3"), ("medium", "109.6"), ("large", "536.2")]:
        c = model.config("transformer", size, VOCAB, 512)
        assert f"{matrices(c) / 1e6:.1f}" == millions
        assert 0 < params(c) - matrices(c) < 0.001 * matrices(c)
        hd = c.heads * c.d_head  # the same in closed form
        closed = c.vocab * c.d_model + c.layers * (4 * c.d_model * hd + 2 * c.d_model * c.d_ff)
        assert matrices(c) == closed
        assert params(c) == closed + c.heads * 32 + c.layers * (5 * c.d_model + c.d_ff) + 2 * c.d_model
        ez = model.config("primer_ez", size, VOCAB, 512)
        assert params(ez) - params(c) == c.layers * 9 * hd  # three taps for each channel of Q, K and V
        print(f"{size}: {matrices(c):,} in matrices, {params(c):,} parameters")


def flops(name):
    c = tiny(name)
    g = torch.Generator().manual_seed(1)
    tokens = torch.randint(c.vocab, (1, T + 1), generator=g)
    p = {k: torch.randn(s, generator=g).requires_grad_() for k, s in model.shapes(c).items()}
    counts = count(lambda: model.losses(p, tokens, c)[1])
    # Every matrix multiplies each position once, attention is two products with all T keys, nothing else is counted.
    multiplied = T * matrices(c, weights_only=True) + c.layers * 2 * T * T * c.heads * c.d_head
    assert total(counts["forward"]) == 2 * multiplied, name
    assert counts["backward"] == {operation: 2 * n for operation, n in counts["forward"].items()}, name
    widths = c.layers * sum(p[k].numel() for k in p if ".0.attention.conv_" in k)
    print(
        f"{name:26} forward {total(counts['forward']):,}, backward {total(counts['backward']):,}, "
        f"by operation {counts}; not counted: convolutions {2 * T * widths:,} forward"
    )
    return counts


def check_bias():
    """Nor is the bias of a product with a bias (addmm) counted."""
    x, w, b = torch.randn(T, 12, requires_grad=True), torch.randn(24, 12, requires_grad=True), torch.randn(24)
    product = 2 * T * 12 * 24
    biased = count(lambda: F.linear(x, w, b))
    assert biased == {"forward": {"aten.addmm": product}, "backward": {"aten.mm": 2 * product}}
    # A product whose input needs no gradient costs in backward what it costs in forward, not twice.
    assert count(lambda: F.linear(x.detach(), w)) == {"forward": {"aten.mm": product}, "backward": {"aten.mm": product}}


def conv1d():
    x, taps = torch.randn(1, 48, T, requires_grad=True), torch.randn(48, 1, 3, requires_grad=True)
    return count(lambda: F.conv1d(F.pad(x, (2, 0)), taps, groups=48))


def sdpa():
    """Causal attention by kernel: "math" is plain products, "cpu" is what a CPU uses unasked, and "flash" is what a
    GPU uses, here on shapes alone (the meta device)."""

    def qkv(device):
        return [torch.randn(1, 4, T, 4, device=device, requires_grad=True) for _ in range(3)]

    out = {}
    for name, backend in [("math", SDPBackend.MATH), ("cpu", SDPBackend.FLASH_ATTENTION)]:
        with sdpa_kernel(backend):
            out[name] = count(lambda: F.scaled_dot_product_attention(*qkv("cpu"), is_causal=True))
    flash = torch.ops.aten._scaled_dot_product_flash_attention
    out["flash"] = count(lambda: flash(*qkv("meta"), 0.0, True)[0])
    return out


if __name__ == "__main__":
    torch.set_num_threads(1)
    check_sizes()
    check_bias()
    everything = model.PRESETS | model.VARIANTS
    sizes = {name: list(model.SIZES) if name in model.PRESETS else ["tiny"] for name in everything}
    configs = {
        name: {size: tiny(name) if size == "tiny" else model.config(name, size, VOCAB, 512) for size in sizes[name]}
        for name in everything
    }
    counts = {
        "params": {name: {size: params(c) for size, c in of.items()} for name, of in configs.items()},
        "flops": {name: flops(name) for name in everything},
        "conv1d": conv1d(),
        "sdpa": sdpa(),
    }
    print("conv1d", counts["conv1d"])
    print("sdpa", counts["sdpa"])
    (Path(__file__).parent / "counts.json").write_text(json.dumps(counts, indent=2, sort_keys=True) + "\n")
