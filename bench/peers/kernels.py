"""PyTorch's side of the kernels bench: one operation at a time, on the numbers that foci's side reads."""
import math

import numpy as np
import torch
import torch.nn.functional as F

import outcome
from training import ChunkedCrossEntropy


class Inputs:
    """Reads the file of numbers from its start on; bench/foci/kernels.ts reads the same in the same order."""

    def __init__(self, path, dtype):
        self.path, self.dtype, self.read = path, dtype, 0

    def numbers(self, *shape):
        count = math.prod(shape)
        values = np.fromfile(self.path, np.float32, count, offset=4 * self.read)
        self.read += count
        return torch.from_numpy(values.reshape(shape))

    def floats(self, *shape):
        return self.numbers(*shape).to(self.dtype)

    def ids(self, count, below):
        return torch.clamp((self.numbers(count).double() + 1) / 2 * below, max=below - 1).long()


def linear(inputs, variant, T, I, O):
    x, w, bias = inputs.floats(T, I), inputs.floats(I, O), inputs.floats(O)
    return lambda: [torch.addmm(bias, x, w)]


def linear_input_gradient(inputs, variant, T, I, O):
    dy, w = inputs.floats(T, O), inputs.floats(I, O)
    return lambda: [dy @ w.t()]


def linear_weight_gradient(inputs, variant, T, I, O):
    x, dy = inputs.floats(T, I), inputs.floats(T, O)
    return lambda: [x.t() @ dy]


def cross_entropy(inputs, variant, T, V, D):
    h, items, y = inputs.numbers(T, D).requires_grad_(), inputs.numbers(V, D).requires_grad_(), inputs.ids(T, V)

    def loss():
        if variant.startswith("chunks"):
            return ChunkedCrossEntropy.apply(h, items, y, 128, inputs.dtype)
        if variant.startswith("linear_cross_entropy"):
            return F.linear_cross_entropy(h.to(inputs.dtype), items.to(inputs.dtype), y, options=torch.nn.LinearCrossEntropyOptions())
        return F.cross_entropy(h @ items.t(), y)

    def call():
        value = loss()
        return [value.detach()[None], *torch.autograd.grad(value, [h, items])]

    return call


def attend(q, k, v, variant):
    """[B, L, D] each, one head, causal."""
    if variant == "fused":
        heads = lambda x: x[:, None]
        return F.scaled_dot_product_attention(heads(q), heads(k), heads(v), is_causal=True)[:, 0]
    later = torch.ones(q.shape[1], q.shape[1], dtype=torch.bool).triu(1)
    return (q @ k.transpose(1, 2) / math.sqrt(q.shape[2])).masked_fill(later, float("-inf")).softmax(-1) @ v


def attention(inputs, variant, B, L, D):
    q, k, v = (inputs.floats(B, L, D) for _ in range(3))
    return lambda: [attend(q, k, v, variant)]


def attention_gradient(inputs, variant, B, L, D):
    q, k, v, dy = (inputs.floats(B, L, D) for _ in range(4))
    with torch.enable_grad():
        asked = [x.requires_grad_() for x in (q, k, v)]
        y = attend(*asked, variant)
    return lambda: torch.autograd.grad(y, asked, dy, retain_graph=True)


def top_k(inputs, variant, B, V, D, k):
    vectors, items = inputs.floats(B, D), inputs.floats(V, D)
    return lambda: [torch.topk(vectors @ items.t(), k, dim=1)[0]]


def softmax(inputs, variant, T, D):
    x = inputs.floats(T, D)
    return lambda: [F.softmax(x, -1)]


def adam(inputs, variant, V, D):
    parameter = torch.nn.Parameter(inputs.numbers(V, D))
    parameter.grad = inputs.numbers(V, D)
    optimiser = torch.optim.Adam([parameter], lr=1e-3, betas=(0.9, 0.98), **(dict(fused=True) if variant == "fused" else {}))
    return lambda: [optimiser.step(), parameter.detach()][1:]


def gather(inputs, variant, T, V, D):
    table, ids = inputs.floats(V, D), inputs.ids(T, V)
    return lambda: [F.embedding(ids, table)]


KERNELS = {kernel.__name__: kernel for kernel in (linear, linear_input_gradient, linear_weight_gradient, cross_entropy, attention,
                                                  attention_gradient, top_k, softmax, adam, gather)}


def sample(tensors):
    """Some elements of each result, evenly spaced."""
    flat = [tensor.detach().float().flatten() for tensor in tensors]
    return [float(x[i * len(x) // 64]) for x in flat for i in range(min(64, len(x)))]


def main():
    job = outcome.job()
    torch.set_num_threads(job["threads"])
    dtype = torch.bfloat16 if "bfloat16" in job["variant"] else torch.float32
    grad = torch.enable_grad() if job["kernel"] == "cross_entropy" else torch.no_grad()
    with grad:
        call = KERNELS[job["kernel"]](Inputs(job["numbers"], dtype), job["variant"], *job["sizes"])
        answer = sample(call())
        times = outcome.milliseconds(call, seconds=0.5)
    outcome.report(torch.__version__, {"ms": times}, answer)


if __name__ == "__main__":
    main()
