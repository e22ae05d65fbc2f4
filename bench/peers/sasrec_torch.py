"""The same SASRec in PyTorch, in the best form that we know on a CPU: length-sorted buckets cut to the longest of the
batch, the fused attention kernel (which has no dropout on the weights), real positions only, cross entropy in chunks with
both gradients formed in the forward pass, fused Adam. Prints one JSON line."""
import argparse, csv, gzip, json, math, resource, time
import numpy as np
import torch
import torch.nn.functional as F
from torch import nn


def training_windows(path, max_length):
    users, items = {}, {}
    with gzip.open(path, "rt") as file:
        for row in csv.DictReader(file):
            item = items.setdefault(row["item"], len(items))
            users.setdefault(row["user"], []).append((float(row["timestamp"]), item))
    logs = [[item for _, item in sorted(rows, key=lambda row: row[0])] for rows in users.values()]
    logs = [log[:-2] if len(log) >= 3 else log for log in logs]
    return [np.array(log[-(max_length + 1):]) for log in logs if len(log) >= 2], len(items)


class Block(nn.Module):
    def __init__(self, dim, heads, dropout):
        super().__init__()
        self.heads = heads
        self.query_norm, self.forward_norm = nn.LayerNorm(dim, 1e-8), nn.LayerNorm(dim, 1e-8)
        self.query, self.key, self.value, self.output = (nn.Linear(dim, dim) for _ in range(4))
        self.inner, self.outer = nn.Linear(dim, dim), nn.Linear(dim, dim)
        self.drop = nn.Dropout(dropout)

    def forward(self, x):
        B, L, D = x.shape
        split = lambda y: y.view(B, L, self.heads, D // self.heads).transpose(1, 2)
        n = self.query_norm(x)
        a = F.scaled_dot_product_attention(split(self.query(n)), split(self.key(x)), split(self.value(x)), is_causal=True)
        y = self.forward_norm(n + self.output(a.transpose(1, 2).reshape(B, L, D)))
        return y + self.drop(self.outer(self.drop(F.relu(self.inner(y)))))


class Sasrec(nn.Module):
    def __init__(self, items, dim, blocks, heads, max_length, dropout):
        super().__init__()
        self.item, self.position = nn.Embedding(items, dim), nn.Embedding(max_length, dim)
        self.blocks = nn.ModuleList(Block(dim, heads, dropout) for _ in range(blocks))
        self.norm, self.drop = nn.LayerNorm(dim, 1e-8), nn.Dropout(dropout)
        for parameter in self.parameters():
            if parameter.dim() > 1:
                nn.init.normal_(parameter, std=0.02)

    def forward(self, x):
        h = self.drop(self.item(x) * math.sqrt(self.item.embedding_dim) + self.position.weight[: x.shape[1]])
        for block in self.blocks:
            h = block(h)
        return self.norm(h)


class ChunkedCrossEntropy(torch.autograd.Function):
    """Mean cross entropy over all rows of E; logits stand for `chunk` rows of h at a time."""

    @staticmethod
    def forward(ctx, h, E, targets, chunk, dtype):
        x, table, n = h.detach().to(dtype), E.detach().to(dtype), len(targets)
        dh, dE, loss = torch.empty_like(x), torch.zeros_like(E), 0.0
        for s in range(0, n, chunk):
            rows, y = x[s:s + chunk], targets[s:s + chunk]
            p = torch.log_softmax((rows @ table.t()).float(), -1)
            here = torch.arange(len(y))
            loss -= float(p[here, y].sum())
            p = p.exp_()
            p[here, y] -= 1
            p = p.to(dtype)
            dh[s:s + chunk] = p @ table
            dE += p.t() @ rows
        ctx.save_for_backward(dh.float() / n, dE / n)
        return h.new_tensor(loss / n)

    @staticmethod
    def backward(ctx, g):
        dh, dE = ctx.saved_tensors
        return dh * g, dE * g, None, None, None


def main():
    flags = argparse.ArgumentParser()
    flags.add_argument("--log", required=True)
    for name, default in dict(dim=64, blocks=2, heads=1, max_length=50, batch=128, epochs=2, threads=2, chunk=256).items():
        flags.add_argument("--" + name.replace("_", "-"), type=int, default=default)
    flags.add_argument("--dropout", type=float, default=0.1)
    flags.add_argument("--dtype", choices=["float32", "bfloat16"], default="float32")
    a = flags.parse_args()
    torch.set_num_threads(a.threads)
    torch.manual_seed(1)
    random = np.random.default_rng(1)
    windows, items = training_windows(a.log, a.max_length)
    lengths = np.array([len(window) - 1 for window in windows])
    model = Sasrec(items, a.dim, a.blocks, a.heads, a.max_length, a.dropout).train()
    adam = torch.optim.Adam(model.parameters(), lr=1e-3, betas=(0.9, 0.98), fused=True)
    dtype = getattr(torch, a.dtype)

    def step(chosen):
        longest = lengths[chosen].max()
        x = torch.zeros(len(chosen), longest, dtype=torch.long)
        real = torch.zeros(len(chosen), longest, dtype=torch.bool)
        for row, window in enumerate(chosen):
            x[row, : lengths[window]] = torch.from_numpy(windows[window][:-1])
            real[row, : lengths[window]] = True
        y = torch.from_numpy(np.concatenate([windows[window][1:] for window in chosen]))
        with torch.autocast("cpu", torch.bfloat16, enabled=a.dtype == "bfloat16"):
            h = model(x)
        loss = ChunkedCrossEntropy.apply(h.float()[real], model.item.weight, y, a.chunk, dtype)
        loss.backward()
        adam.step()
        adam.zero_grad(set_to_none=True)
        return float(loss.detach())

    def epoch():
        order = np.argsort(lengths + random.uniform(-2, 2, len(lengths)), kind="stable")
        batches = [order[i:i + a.batch] for i in range(0, len(order), a.batch)]
        start = time.perf_counter()
        losses = [step(batches[i]) for i in random.permutation(len(batches))]
        return time.perf_counter() - start, losses

    first = step(np.arange(min(a.batch, len(windows))))  # untimed: the first step also allocates
    runs = [epoch() for _ in range(a.epochs)]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps(dict(seconds=[seconds for seconds, _ in runs], losses=[float(np.mean(losses)) for _, losses in runs], first=first,
                          tokens=int(lengths.sum()), items=items, users=len(windows), peakMiB=round(peak), version=torch.__version__)))


if __name__ == "__main__":
    main()
