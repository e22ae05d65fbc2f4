"""Trains the same SASRec in PyTorch, in one of two forms.

textbook: as most repositories have it: every batch padded to the full length, attention by explicit scores, logits and
cross entropy on every position, padding ignored.
best: the best that we know on a CPU: length-sorted buckets cut to the longest of the batch, the fused attention kernel,
real positions only, cross entropy in chunks with both gradients formed in the forward pass, fused Adam."""
import csv
import gzip
import json
import time

import numpy as np
import torch
import torch.nn.functional as F

import outcome
import sasrec


def training_windows(path, max_length):
    users, items = {}, {}
    with gzip.open(path, "rt") as file:
        for row in csv.DictReader(file):
            item = items.setdefault(row["item"], len(items))
            users.setdefault(row["user"], []).append((float(row["timestamp"]), item))
    logs = [[item for _, item in sorted(rows, key=lambda row: row[0])] for rows in users.values()]
    logs = [log[:-2] if len(log) >= 3 else log for log in logs]
    return [np.array(log[-(max_length + 1):]) for log in logs if len(log) >= 2], len(items)


class ChunkedCrossEntropy(torch.autograd.Function):
    """Mean cross entropy over all rows of E; logits stand for `chunk` rows of h at a time."""

    @staticmethod
    def forward(ctx, h, E, targets, chunk, dtype):
        x, table, n = h.detach().to(dtype), E.detach().to(dtype), len(targets)
        dh, dE, loss = torch.empty_like(x), torch.zeros_like(E), 0.0
        logits = torch.empty(min(chunk, n), len(table), dtype=dtype)
        for s in range(0, n, chunk):
            rows, y = x[s:s + chunk], targets[s:s + chunk]
            p = torch.log_softmax(torch.mm(rows, table.t(), out=logits[: len(y)]), -1, dtype=torch.float32)
            here = torch.arange(len(y))
            loss -= float(p[here, y].sum())
            p = p.exp_()
            p[here, y] -= 1
            p = p.to(dtype)
            torch.mm(p, table, out=dh[s:s + chunk])
            dE += p.t() @ rows
        ctx.save_for_backward(dh.float() / n, dE / n)
        return h.new_tensor(loss / n)

    @staticmethod
    def backward(ctx, g):
        dh, dE = ctx.saved_tensors
        return dh * g, dE * g, None, None, None


class Training:
    def __init__(self, model, form, dtype):
        self.model, self.textbook, self.dtype = model.train(), form == "textbook", getattr(torch, dtype)
        self.length = model.position.num_embeddings
        fused = {} if self.textbook else dict(fused=True)
        self.adam = torch.optim.Adam(model.parameters(), lr=1e-3, betas=(0.9, 0.98), **fused)

    def step(self, histories, targets):
        """One step on B jagged histories; the loss before it."""
        width = self.length if self.textbook else max(map(len, histories))
        x, y = (torch.zeros(len(histories), width, dtype=torch.long) for _ in range(2))
        real = torch.zeros(len(histories), width, dtype=torch.bool)
        for row, (history, target) in enumerate(zip(histories, targets)):
            x[row, : len(history)], y[row, : len(target)] = torch.from_numpy(history), torch.from_numpy(target)
            real[row, : len(history)] = True
        loss = self.padded_loss(x, y, real) if self.textbook else self.jagged_loss(x, y[real], real)
        loss.backward()
        self.adam.step()
        self.adam.zero_grad(set_to_none=True)
        return float(loss.detach())

    def padded_loss(self, x, y, real):
        logits = self.model(x) @ self.model.item.weight.t()
        return F.cross_entropy(logits.flatten(0, 1), y.masked_fill(~real, -1).flatten(), ignore_index=-1)

    def jagged_loss(self, x, y, real):
        with torch.autocast("cpu", torch.bfloat16, enabled=self.dtype == torch.bfloat16):
            h = self.model(x)
        return ChunkedCrossEntropy.apply(h.float()[real], self.model.item.weight, y, 256, self.dtype)


def epochs(training, windows, batch, count, steps):
    """Seconds an epoch and mean losses; of a textbook epoch only some steps, since each of its steps does the same work."""
    random = np.random.default_rng(1)
    lengths = np.array([len(window) for window in windows])
    split = lambda order: [order[i:i + batch] for i in range(0, len(order), batch)]
    step = lambda chosen: training.step([windows[i][:-1] for i in chosen], [windows[i][1:] for i in chosen])
    step(np.arange(min(batch, len(windows))))  # the first step also allocates
    seconds, losses = [], []
    for _ in range(count):
        if steps:
            batches = split(random.permutation(len(windows)))
            chosen = batches[: steps]
        else:
            batches = split(np.argsort(lengths + random.uniform(-2, 2, len(lengths)), kind="stable"))
            chosen = [batches[i] for i in random.permutation(len(batches))]
        start = time.perf_counter()
        losses.append(np.mean([step(rows) for rows in chosen]))
        seconds.append((time.perf_counter() - start) * len(windows) / sum(map(len, chosen)))
    return seconds, losses


def same_steps(job):
    """Losses of a few steps from given weights on given batches, for the comparison with foci."""
    training = Training(sasrec.load(job["artefact"], job["form"] == "textbook"), job["form"], job["dtype"])
    with open(job["batches"]) as file:
        batches = json.load(file)
    parts = lambda batch, name: np.split(np.array(batch[name]), batch["offsets"][1:-1])
    return [training.step(parts(batch, "items"), parts(batch, "targets")) for batch in batches]


def main():
    job = outcome.job()
    torch.manual_seed(1)
    torch.set_num_threads(job["threads"])
    if "batches" in job:
        return outcome.report(torch.__version__, {}, same_steps(job))
    windows, items = training_windows(job["log"], job["maxLength"])
    model = sasrec.Sasrec(items, max_length=job["maxLength"], textbook=job["form"] == "textbook")
    seconds, losses = epochs(Training(model, job["form"], job["dtype"]), windows, job["batch"], job["epochs"], job.get("steps"))
    tokens = sum(len(window) - 1 for window in windows)
    figures = {"s/epoch": seconds, "real tokens/s": [tokens / each for each in seconds]}
    outcome.report(torch.__version__, figures, dict(tokens=tokens, loss=losses[0]))


if __name__ == "__main__":
    main()
