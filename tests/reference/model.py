"""Plain reference of decoder-only language models between the Transformer and the Primer of So et al. 2021,
"Primer: Searching for Efficient Transformers for Language Modeling" (arXiv:2109.08668), and modern baselines.

An architecture is a set of choices, the fields of `Config`; `PRESETS` and `VARIANTS` name some sets.
Written to be read against the equations, not to be fast. Parameters are a dict from name to tensor.
A weight of shape [out, in] acts as y = x W^T. The axis of heads * d_head is head-major.
"""

import math
from dataclasses import dataclass

import torch

BUCKETS = 32  # of T5's relative position bias
MAX_DISTANCE = 128


@dataclass(frozen=True)
class Config:
    """The defaults are the choices of arXiv:2109.08668's baseline Transformer."""

    vocab: int
    d_model: int
    layers: int
    heads: int
    d_head: int
    d_ff: int  # the hidden width itself, also in gated layers
    length: int  # the longest sequence; matters to learned positions only

    norm: str = "layer"  # "layer" arXiv:1607.06450, "rms" arXiv:1910.07467, "primer" arXiv:2109.08668
    norm_eps: float = 1e-6
    norm_placement: str = "pre"  # "pre" arXiv:2002.04745, "primer" arXiv:2109.08668
    positions: str = "t5_relative"  # "t5_relative" arXiv:1910.10683, "rotary" arXiv:2104.09864, "learned", "none"
    rotary_base: float = 10000.0
    activation: str = "relu"  # "relu", "squared_relu" arXiv:2109.08668, "gelu" arXiv:1606.08415, "swish" 1710.05941
    gated: bool = False  # arXiv:2002.05202
    qkv_projections: str = "separate"  # "separate", "shared_qk" arXiv:2109.08668, "grouped_query" arXiv:2305.13245
    kv_heads: int | None = None  # of "grouped_query" only
    qkv_convolution: str = "none"  # "none", "depthwise" (MDHA), "separable"; both arXiv:2109.08668
    conv_width: int = 3
    conv_residual: bool = False
    biases: str = "feed_forward"  # "none", "feed_forward", "all"
    tied_head: bool = True
    qk_norm: bool = False  # arXiv:2010.04245, arXiv:2302.05442
    scale_scores: bool = False  # False: the factor d_head^-0.5 is in the initial Wq instead
    attention_softcap: float | None = None  # arXiv:2408.00118
    logit_softcap: float | None = None
    scale_logits: bool = True
    z_loss: float = 0.0  # arXiv:2204.02311


# ---------------------------------------------------------------- named architectures

# "two_thirds" says that d_ff is two thirds of the size's, so that a gated layer has the parameters of an ungated one.
SWIGLU = {"activation": "swish", "gated": True, "two_thirds": True}
MDHA = {"qkv_convolution": "depthwise", "conv_width": 3}
PRE_POST = {"norm_placement": "primer"}
SHARED = {"qkv_projections": "shared_qk"}
PRIMER_EZ = {"activation": "squared_relu", **MDHA}
SQUARED_UNGATED = {"activation": "squared_relu", "gated": False, "two_thirds": False}
LLAMA = {  # in the manner of arXiv:2302.13971
    **SWIGLU,
    "norm": "rms",
    "norm_eps": 1e-5,
    "positions": "rotary",
    "biases": "none",
    "tied_head": False,
    "scale_scores": True,
    "scale_logits": False,
}

PRESETS = {
    "transformer": {},
    "transformer_plus_plus": {"norm": "rms", **SWIGLU},
    "primer_ez": PRIMER_EZ,
    "primer": {**PRIMER_EZ, **SHARED, **PRE_POST, "norm": "primer"},
    "transformer_gelu": {"activation": "gelu"},
    "transformer_swish": {"activation": "swish"},
    "transformer_squared_relu": {"activation": "squared_relu"},
    "transformer_reglu": {"activation": "relu", "gated": True, "two_thirds": True},
    "transformer_swiglu": SWIGLU,
    "transformer_mdha": MDHA,
    "transformer_separable_conv": {"qkv_convolution": "separable", "conv_width": 3},
    "primer_ez_shared_qk": {**PRIMER_EZ, **SHARED},
    "primer_ez_pre_post_norm": {**PRIMER_EZ, **PRE_POST},
    "llama_style": LLAMA,
    "llama_style_squared_relu": {**LLAMA, **SQUARED_UNGATED},
    "llama_style_mdha": {**LLAMA, **MDHA},
    "llama_style_primer_ez": {**LLAMA, **SQUARED_UNGATED, **MDHA},
    "llama_style_shared_qk": {**LLAMA, **SHARED},
    "llama_style_pre_post_norm": {**LLAMA, **PRE_POST},
    "llama_style_primer_norm": {**LLAMA, "norm": "primer"},
}

VARIANTS = {  # composites, so that every choice is exercised
    "variant_grouped": {
        **LLAMA,
        "tied_head": True,
        "qk_norm": True,
        "qkv_projections": "grouped_query",
        "kv_heads": 2,
        "qkv_convolution": "depthwise",
        "conv_width": 4,
        "conv_residual": True,
    },
    "variant_biased": {
        "positions": "learned",
        "biases": "all",
        "attention_softcap": 5.0,
        "logit_softcap": 3.0,
        "z_loss": 1e-4,
        "activation": "gelu",
        "gated": True,
    },
    "variant_bare": {
        **SHARED,
        "positions": "none",
        "norm": "rms",
        "qkv_convolution": "separable",
        "conv_width": 5,
        "conv_residual": True,
        "scale_scores": True,
        "tied_head": False,
        "scale_logits": False,
    },
    "variant_primer_rotary": {
        **PRIMER_EZ,
        **SHARED,
        **PRE_POST,
        "norm": "primer",
        "positions": "rotary",
        "biases": "all",
        "qk_norm": True,
        "scale_scores": True,
        "conv_width": 7,
    },
}

SIZES = {  # d_model, layers, heads, d_head, d_ff, two thirds of d_ff; all but "tiny" from arXiv:2109.08668
    "tiny": (12, 2, 4, 4, 24, 16),
    "small": (512, 6, 8, 64, 2048, 1364),
    "medium": (768, 12, 12, 64, 3072, 2048),
    "large": (1024, 24, 16, 64, 8192, 5462),
}


def config(name: str, size: str, vocab: int, length: int) -> Config:
    changes = dict((PRESETS | VARIANTS)[name])
    d_model, layers, heads, d_head, d_ff, two_thirds = SIZES[size]
    width = two_thirds if changes.pop("two_thirds", False) else d_ff
    return Config(vocab, d_model, layers, heads, d_head, width, length, **changes)


# ---------------------------------------------------------------- parameters


def projections(c: Config) -> dict[str, int]:
    """The projections of x in attention, and how many rows (channels) each has."""
    hd = c.heads * c.d_head
    if c.qkv_projections == "shared_qk":
        return {"z": hd, "v": hd}
    kv = kv_heads(c) * c.d_head
    return {"q": hd, "k": kv, "v": kv}


def kv_heads(c: Config) -> int:
    return c.kv_heads if c.qkv_projections == "grouped_query" else c.heads


def norm_has_bias(c: Config) -> bool:
    return c.norm != "rms" and c.biases != "none"


def shapes(c: Config) -> dict[str, tuple[int, ...]]:
    """Every parameter."""
    d, hd = c.d_model, c.heads * c.d_head
    out = {"embedding": (c.vocab, d)}

    def add_norm(name):
        out[f"{name}.scale"] = (d,)
        if norm_has_bias(c):
            out[f"{name}.bias"] = (d,)

    def add_dense(name, rows, columns):
        out[f"{name}.weight"] = (rows, columns)
        if c.biases != "none":
            out[f"{name}.bias"] = (rows,)

    if not c.tied_head:
        out["head"] = (c.vocab, d)
    if c.positions == "t5_relative":
        out["relative_bias"] = (c.heads, BUCKETS)
    if c.positions == "learned":
        out["position_embedding"] = (c.length, d)
    for i in range(c.layers):
        a, f = f"layers.{i}.attention", f"layers.{i}.ffn"
        add_norm(f"{a}.norm")
        for j, rows in projections(c).items():
            out[f"{a}.{j}"] = (rows, d)
            if c.biases == "all":
                out[f"{a}.{j}_bias"] = (rows,)
            if c.qkv_convolution != "none":  # a separable one acts on x, a depthwise one on the projection
                out[f"{a}.conv_{j}"] = (c.conv_width, d if c.qkv_convolution == "separable" else rows)
        if c.qkv_projections == "shared_qk":
            out[f"{a}.q_from_z"] = (hd, hd)
        if c.qk_norm:
            out[f"{a}.q_norm.scale"] = (c.d_head,)
            out[f"{a}.k_norm.scale"] = (c.d_head,)
        out[f"{a}.out"] = (d, hd)
        if c.biases == "all":
            out[f"{a}.out_bias"] = (d,)
        add_norm(f"{f}.norm")
        add_dense(f"{f}.in", c.d_ff, d)
        if c.gated:
            add_dense(f"{f}.gate", c.d_ff, d)
        add_dense(f"{f}.out", d, c.d_ff)
    add_norm("final_norm")
    return out


# ---------------------------------------------------------------- pieces


def centred_norm(x, eps):
    """(x - mu) / sqrt(mean[(x - mu)^2] + eps) over the last axis: LayerNorm (arXiv:1607.06450), and Primer's norm
    (arXiv:2109.08668), whose mean[x (x - mu)] is the same number but can round to a negative one."""
    centred = x - x.mean(-1, keepdim=True)
    return centred / torch.sqrt((centred * centred).mean(-1, keepdim=True) + eps)


def rms_norm(x, eps):
    """x / sqrt(mean[x^2] + eps) over the last axis (arXiv:1910.07467)."""
    return x / torch.sqrt((x * x).mean(-1, keepdim=True) + eps)


def norm(x, p, name, c: Config):
    y = (rms_norm if c.norm == "rms" else centred_norm)(x, c.norm_eps) * p[f"{name}.scale"]
    return y + p[f"{name}.bias"] if norm_has_bias(c) else y


def relative_position_bucket(distance):
    """T5's `relative_position_bucket(bidirectional=False)` (arXiv:1910.10683), distance = query - key position.

    Distances below 16 have a bucket each; from there to MAX_DISTANCE the other 16 are log spaced, truncating;
    larger distances share the last. Keys in the future (negative distance) fall in bucket 0 and are masked anyway.
    """
    n = distance.clamp(min=0)
    exact = BUCKETS // 2
    log_ratio = torch.log(n.clamp(min=1).double() / exact) / math.log(MAX_DISTANCE / exact)
    far = exact + (log_ratio * (BUCKETS - exact)).long()
    return torch.where(n < exact, n, far.clamp(max=BUCKETS - 1))


def rotary(x, base):
    """Rotary positions (arXiv:2104.09864) of x [B, heads, T, d_head], position t from 0: channel j < d_head / 2 and
    channel j + d_head / 2 are the two coordinates of a point that is turned by the angle t base^(-2 j / d_head)."""
    t, half = x.shape[-2], x.shape[-1] // 2
    frequency = base ** (-2 * torch.arange(half, dtype=torch.float64) / x.shape[-1])
    angle = torch.arange(t, dtype=torch.float64)[:, None] * frequency  # [T, half]
    cos, sin = angle.cos().to(x.dtype), angle.sin().to(x.dtype)
    a, b = x[..., :half], x[..., half:]
    return torch.cat([a * cos - b * sin, a * sin + b * cos], dim=-1)


def causal_depthwise_conv(x, taps):
    """x [B, T, C], taps [width, C]: y[t] = taps[0] x[t] + taps[1] x[t-1] + ..., with x[t] = 0 for t < 0.
    Each channel has its own taps, so none are shared between heads (arXiv:2109.08668)."""
    y = torch.zeros_like(x)
    for k in range(taps.shape[0]):
        past = torch.zeros_like(x)
        past[:, k:] = x[:, : max(x.shape[1] - k, 0)]
        y = y + taps[k] * past
    return y


def softcap(x, cap):
    """cap tanh(x / cap) (arXiv:2408.00118)."""
    return x if cap is None else cap * torch.tanh(x / cap)


def activation(x, name):
    if name == "relu":
        return torch.relu(x)
    if name == "squared_relu":  # max(x, 0)^2 (arXiv:2109.08668)
        return torch.relu(x) * torch.relu(x)
    if name == "gelu":  # x Phi(x), exactly (arXiv:1606.08415)
        return x * 0.5 * (1 + torch.erf(x / math.sqrt(2)))
    if name == "swish":  # x sigmoid(x) (arXiv:1710.05941)
        return x * torch.sigmoid(x)
    raise ValueError(name)


# ---------------------------------------------------------------- attention


def project(x, p, a, j, c: Config):
    """One of the projections of x, with its convolution, [B, T, rows].

    "depthwise" (MDHA, arXiv:2109.08668): the convolution reads the projection, bias included.
    "separable" (the usual order, arXiv:1610.02357): the convolution reads x, and the projection is its pointwise part.
    """

    def convolve(x):
        y = causal_depthwise_conv(x, p[f"{a}.conv_{j}"])
        return x + y if c.conv_residual else y

    if c.qkv_convolution == "separable":
        x = convolve(x)
    y = x @ p[f"{a}.{j}"].T
    if c.biases == "all":
        y = y + p[f"{a}.{j}_bias"]
    return convolve(y) if c.qkv_convolution == "depthwise" else y


def queries_keys_values(x, p, a, c: Config):
    """Q [B, heads, T, d_head] and K, V [B, kv_heads, T, d_head]."""
    if c.qkv_projections == "shared_qk":  # z = conv(x Wz); K = z; Q = z W' (arXiv:2109.08668)
        k = project(x, p, a, "z", c)
        q = k @ p[f"{a}.q_from_z"].T
    else:
        q, k = project(x, p, a, "q", c), project(x, p, a, "k", c)
    v = project(x, p, a, "v", c)

    def split(y):
        return y.view(y.shape[0], y.shape[1], -1, c.d_head).transpose(1, 2)

    q, k, v = split(q), split(k), split(v)
    if c.qk_norm:  # over d_head, the scale shared by the heads (arXiv:2010.04245, arXiv:2302.05442)
        q = rms_norm(q, c.norm_eps) * p[f"{a}.q_norm.scale"]
        k = rms_norm(k, c.norm_eps) * p[f"{a}.k_norm.scale"]
    if c.positions == "rotary":
        q, k = rotary(q, c.rotary_base), rotary(k, c.rotary_base)
    return q, k, v


def kv_head_of(heads, kv):
    """Query head h uses key/value head h // (heads / kv) (arXiv:2305.13245)."""
    return torch.arange(heads) // (heads // kv)


def attention_weights(q, k, position_bias, c: Config):
    """softmax(Q K^T + position bias) over the positions up to the query's (arXiv:1706.03762, arXiv:1910.10683)."""
    scores = q @ k.transpose(-1, -2)  # [B, heads, T query, T key]
    if c.scale_scores:
        scores = scores * c.d_head**-0.5
    scores = softcap(scores, c.attention_softcap)
    if position_bias is not None:
        scores = scores + position_bias
    future = torch.ones(scores.shape[-2:], dtype=torch.bool).triu(1)
    return torch.softmax(scores.masked_fill(future, -math.inf), dim=-1)


def attend(q, k, v, position_bias, c: Config):
    """[B, T, heads * d_head]"""
    shared = kv_head_of(q.shape[1], k.shape[1])
    y = attention_weights(q, k[:, shared], position_bias, c) @ v[:, shared]
    return y.transpose(1, 2).reshape(y.shape[0], y.shape[2], -1)


def attention(x, position_bias, p, a, c: Config):
    y = attend(*queries_keys_values(x, p, a, c), position_bias, c) @ p[f"{a}.out"].T
    return y + p[f"{a}.out_bias"] if c.biases == "all" else y


# ---------------------------------------------------------------- the rest


def dense(x, p, name, c: Config):
    y = x @ p[f"{name}.weight"].T
    return y + p[f"{name}.bias"] if c.biases != "none" else y


def feed_forward(x, p, f, c: Config):
    """out(act(in(x))), or gated out(act(gate(x)) * in(x)) (arXiv:2002.05202)."""
    h = dense(x, p, f"{f}.in", c)
    h = activation(dense(x, p, f"{f}.gate", c), c.activation) * h if c.gated else activation(h, c.activation)
    return dense(h, p, f"{f}.out", c)


def forward(p, inputs, c: Config):
    """Logits [B, T, vocab] for inputs [B, T]."""
    position = torch.arange(inputs.shape[1])
    x = p["embedding"][inputs]
    if c.positions == "learned":
        x = x + p["position_embedding"][position]
    position_bias = None
    if c.positions == "t5_relative":  # [heads, T, T], one table for all layers
        position_bias = p["relative_bias"][:, relative_position_bucket(position[:, None] - position[None, :])]
    for i in range(c.layers):
        a, f = f"layers.{i}.attention", f"layers.{i}.ffn"
        x = x + attention(norm(x, p, f"{a}.norm", c), position_bias, p, a, c)
        if c.norm_placement == "primer":  # x + N(FFN(x)) (arXiv:2109.08668)
            x = x + norm(feed_forward(x, p, f, c), p, f"{f}.norm", c)
        else:
            x = x + feed_forward(norm(x, p, f"{f}.norm", c), p, f, c)
    h = norm(x, p, "final_norm", c)
    if c.scale_logits:
        h = h * c.d_model**-0.5
    return softcap(h @ p["embedding" if c.tied_head else "head"].T, c.logit_softcap)


def losses(p, tokens, c: Config):
    """tokens [B, T + 1]: position t sees tokens[:, :t+1] and predicts tokens[:, t+1].

    Returns the loss, the training loss and the logits. The loss is the mean over all B * T positions of
    -log softmax(logits)[target], in nats; the training loss adds z_loss mean(logsumexp(logits)^2) (arXiv:2204.02311).
    """
    logits = forward(p, tokens[:, :-1], c)
    log_z = torch.logsumexp(logits, dim=-1)
    loss = (log_z - logits.gather(-1, tokens[:, 1:, None])[..., 0]).mean()
    return loss, loss + c.z_loss * (log_z * log_z).mean(), logits
