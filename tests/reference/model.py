"""Plain reference of two decoder-only language models from So et al. 2021,
"Primer: Searching for Efficient Transformers for Language Modeling" (arXiv 2109.08668):

- `transformer`: the paper's baseline. Pre-norm blocks, LayerNorm, T5 relative position bias, ReLU feed-forward.
- `primer_ez`: the baseline with squared ReLU and multi-DConv-head attention (MDHA).

Written to be read against the equations, not to be fast. Parameters are a dict from name to tensor.
"""

import math
from dataclasses import dataclass

import torch

BUCKETS = 32
MAX_DISTANCE = 128
NORM_EPS = 1e-6
TAPS = 3


@dataclass(frozen=True)
class Config:
    arch: str  # "transformer" or "primer_ez"
    vocab: int
    d_model: int
    layers: int
    heads: int
    d_head: int
    d_ff: int


def shapes(c: Config) -> dict[str, tuple[int, ...]]:
    """Every parameter. A weight of shape [out, in] acts as y = x W^T. The axis of heads * d_head is head-major."""
    d, hd = c.d_model, c.heads * c.d_head
    out = {"embedding": (c.vocab, d), "relative_bias": (c.heads, BUCKETS)}
    for i in range(c.layers):
        a, f = f"layers.{i}.attention", f"layers.{i}.ffn"
        out |= {f"{a}.norm.scale": (d,), f"{a}.norm.bias": (d,), f"{a}.qkv": (3, hd, d)}
        if c.arch == "primer_ez":
            out[f"{a}.conv"] = (TAPS, 3, hd)  # tap, one of Q K V, channel
        out |= {f"{a}.out": (d, hd), f"{f}.norm.scale": (d,), f"{f}.norm.bias": (d,)}
        out |= {f"{f}.in.weight": (c.d_ff, d), f"{f}.in.bias": (c.d_ff,)}
        out |= {f"{f}.out.weight": (d, c.d_ff), f"{f}.out.bias": (d,)}
    return out | {"final_norm.scale": (d,), "final_norm.bias": (d,)}


def relative_position_bucket(distance):
    """T5's `relative_position_bucket(bidirectional=False)`, with distance = query position - key position.

    Distances below 16 have a bucket each; from there to MAX_DISTANCE the other 16 are log spaced, truncating;
    larger distances share the last. Keys in the future (negative distance) fall in bucket 0 and are masked anyway.
    """
    n = distance.clamp(min=0)
    exact = BUCKETS // 2
    log_ratio = torch.log(n.clamp(min=1).double() / exact) / math.log(MAX_DISTANCE / exact)
    far = exact + (log_ratio * (BUCKETS - exact)).long()
    return torch.where(n < exact, n, far.clamp(max=BUCKETS - 1))


def layer_norm(x, scale, bias):
    """(x - mean) / sqrt(variance + eps) * scale + bias over the last axis, variance = mean of (x - mean)^2."""
    centred = x - x.mean(-1, keepdim=True)
    variance = (centred * centred).mean(-1, keepdim=True)
    return centred / torch.sqrt(variance + NORM_EPS) * scale + bias


def causal_depthwise_conv(x, taps):
    """MDHA's convolution, x [B, T, C], taps [3, C]: y[t] = taps[0] x[t] + taps[1] x[t-1] + taps[2] x[t-2],
    with x[t] = 0 for t < 0. Each channel of each head has its own taps."""
    y = torch.zeros_like(x)
    for k in range(TAPS):
        past = torch.zeros_like(x)
        past[:, k:] = x[:, : x.shape[1] - k]
        y = y + taps[k] * past
    return y


def attention(x, position_bias, p, name, c: Config):
    """Causal multi-head attention without biases. Scores are Q K^T + position_bias with no run-time scaling:
    the factor d_head^-0.5 is in the initial Wq."""
    b, t, _ = x.shape
    heads = []
    for j in range(3):  # Q, K, V
        y = x @ p[f"{name}.qkv"][j].T
        if c.arch == "primer_ez":
            y = causal_depthwise_conv(y, p[f"{name}.conv"][:, j])
        heads.append(y.view(b, t, c.heads, c.d_head).transpose(1, 2))  # [B, heads, T, d_head]
    q, k, v = heads
    scores = q @ k.transpose(-1, -2) + position_bias  # [B, heads, T query, T key]
    future = torch.ones(t, t, dtype=torch.bool).triu(1)
    weights = torch.softmax(scores.masked_fill(future, -math.inf), dim=-1)
    return (weights @ v).transpose(1, 2).reshape(b, t, c.heads * c.d_head) @ p[f"{name}.out"].T


def feed_forward(x, p, name, c: Config):
    """W_out f(W_in x + b_in) + b_out, with f(x) = max(x, 0), or max(x, 0)^2 in primer_ez."""
    h = torch.relu(x @ p[f"{name}.in.weight"].T + p[f"{name}.in.bias"])
    if c.arch == "primer_ez":
        h = h * h
    return h @ p[f"{name}.out.weight"].T + p[f"{name}.out.bias"]


def forward(p, inputs, c: Config):
    """Logits [B, T, vocab] for inputs [B, T]. The embedding is tied: logits = (h d_model^-0.5) E^T."""
    position = torch.arange(inputs.shape[1])
    bucket = relative_position_bucket(position[:, None] - position[None, :])  # [T query, T key]
    position_bias = p["relative_bias"][:, bucket]  # [heads, T, T], the same table in all layers
    x = p["embedding"][inputs]
    for i in range(c.layers):
        a, f = f"layers.{i}.attention", f"layers.{i}.ffn"
        x = x + attention(layer_norm(x, p[f"{a}.norm.scale"], p[f"{a}.norm.bias"]), position_bias, p, a, c)
        x = x + feed_forward(layer_norm(x, p[f"{f}.norm.scale"], p[f"{f}.norm.bias"]), p, f, c)
    h = layer_norm(x, p["final_norm.scale"], p["final_norm.bias"])
    return (h * c.d_model**-0.5) @ p["embedding"].T


def cross_entropy(logits, targets):
    """Mean over all B * T positions of -log softmax(logits)[target], in nats."""
    log_p = logits - torch.logsumexp(logits, dim=-1, keepdim=True)
    return -log_p.gather(-1, targets[..., None]).mean()


def loss(p, tokens, c: Config):
    """tokens [B, T + 1]: position t sees tokens[:, :t+1] and predicts tokens[:, t+1]. Returns loss and logits."""
    logits = forward(p, tokens[:, :-1], c)
    return cross_entropy(logits, tokens[:, 1:]), logits
