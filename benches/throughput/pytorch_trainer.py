"""What users would run instead: the same models in idiomatic PyTorch, trained with torch's own AdamW.

`transformer` and `primer_ez` of arXiv:2109.08668 with the library's fast paths: fused linear, layer norm and attention
(scaled_dot_product_attention with the relative bias as its mask), grouped conv1d or shifted multiply-adds for the
convolutions, whichever is asked for. It is compared for speed; tests/reference is compared for numbers.
"""

import math
import time

import torch
import torch.nn as nn
import torch.nn.functional as F

BUCKETS, MAX_DISTANCE = 32, 128


def buckets(length):
    distance = torch.arange(length)[:, None] - torch.arange(length)[None, :]
    n = distance.clamp(min=0)
    exact = BUCKETS // 2
    far = exact + (torch.log(n.clamp(min=1).double() / exact) / math.log(MAX_DISTANCE / exact) * (BUCKETS - exact)).long()
    return torch.where(n < exact, n, far.clamp(max=BUCKETS - 1)), distance < 0


class Block(nn.Module):
    def __init__(self, d, heads, d_head, d_ff, primer_ez, conv):
        super().__init__()
        self.heads, self.d_head, self.primer_ez, self.conv_kind = heads, d_head, primer_ez, conv
        inner = heads * d_head
        self.norm1, self.norm2 = nn.LayerNorm(d, eps=1e-6), nn.LayerNorm(d, eps=1e-6)
        self.qkv = nn.Linear(d, 3 * inner, bias=False)
        self.out = nn.Linear(inner, d, bias=False)
        self.up, self.down = nn.Linear(d, d_ff), nn.Linear(d_ff, d)
        if primer_ez:
            self.taps = nn.Parameter(torch.tensor([0.5, 0.5 / 3, 0.5 / 3])[:, None].repeat(1, 3 * inner))

    def convolve(self, x):
        if self.conv_kind == "conv1d":
            kernel = self.taps.flip(0).T[:, None]
            return F.conv1d(F.pad(x.transpose(1, 2), (2, 0)), kernel, groups=x.shape[-1]).transpose(1, 2)
        t, padded = x.shape[1], F.pad(x, (0, 0, 2, 0))
        return x * self.taps[0] + padded[:, 1 : t + 1] * self.taps[1] + padded[:, :t] * self.taps[2]

    def forward(self, x, bias):
        b, t, _ = x.shape
        qkv = self.qkv(self.norm1(x))
        if self.primer_ez:
            qkv = self.convolve(qkv)
        q, k, v = qkv.view(b, t, 3, self.heads, self.d_head).permute(2, 0, 3, 1, 4)
        mixed = F.scaled_dot_product_attention(q, k, v, attn_mask=bias, scale=1.0)
        x = x + self.out(mixed.transpose(1, 2).reshape(b, t, -1))
        h = F.relu(self.up(self.norm2(x)))
        return x + self.down(h * h if self.primer_ez else h)


class Model(nn.Module):
    def __init__(self, arch, vocabulary, shape, length, conv):
        super().__init__()
        d, heads = shape["d_model"], shape["heads"]
        self.embedding = nn.Embedding(vocabulary, d)
        self.relative_bias = nn.Parameter(torch.zeros(heads, BUCKETS))
        blocks = [Block(d, heads, shape["d_head"], shape["d_ff"], arch == "primer_ez", conv) for _ in range(shape["layers"])]
        self.blocks, self.norm = nn.ModuleList(blocks), nn.LayerNorm(d, eps=1e-6)
        bucket, future = buckets(length)
        self.register_buffer("bucket", bucket)
        self.register_buffer("mask", torch.zeros(length, length).masked_fill(future, -math.inf))

    def forward(self, tokens, targets):
        bias = (self.relative_bias[:, self.bucket] + self.mask)[None]
        x = self.embedding(tokens)
        for block in self.blocks:
            x = block(x, bias)
        logits = (self.norm(x) * x.shape[-1] ** -0.5) @ self.embedding.weight.T
        return F.cross_entropy(logits.view(-1, logits.shape[-1]), targets.reshape(-1))


class Trainer:
    """One configuration, ready to be timed again and again: float32, or bfloat16 by autocast with float32 weights."""

    def __init__(self, arch, vocabulary, shape, length, sequences, compiled, conv, device="cpu", precision="float32"):
        torch.manual_seed(0)
        self.model = Model(arch, vocabulary, shape, length, conv).to(device)
        self.autocast = torch.autocast(torch.device(device).type, torch.bfloat16, enabled=precision == "bfloat16")
        decayed = [p for p in self.model.parameters() if p.dim() == 2 and p.shape[0] != 3]
        ids = {id(p) for p in decayed}
        rest = [p for p in self.model.parameters() if id(p) not in ids]
        groups = [{"params": decayed, "weight_decay": 0.1}, {"params": rest, "weight_decay": 0.0}]
        self.optimizer = torch.optim.AdamW(groups, lr=1e-3, betas=(0.9, 0.95), eps=1e-8, fused=device != "cpu" or None)
        self.loss = torch.compile(self.model) if compiled else self.model
        self.tokens = torch.randint(vocabulary, (sequences, length + 1)).to(device)

    def step(self):
        self.optimizer.zero_grad(set_to_none=True)
        with self.autocast:
            loss = self.loss(self.tokens[:, :-1], self.tokens[:, 1:])
        loss.backward()
        nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimizer.step()
        return loss

    def seconds(self, least):
        """Median seconds a step over at least 3 steps and `least` seconds."""
        times = []
        while len(times) < 3 or sum(times) < least:
            began = time.perf_counter()
            self.step().item()
            times.append(time.perf_counter() - began)
        return sorted(times)[len(times) // 2]
