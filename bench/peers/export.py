"""Writes a model of foci's artefact as an ONNX graph with PyTorch's exporter: histories in, the best items out."""
import logging
import os
import warnings

import torch
from torch import nn

import outcome
import sasrec


class Serve(nn.Module):
    """ids [B, L], each history at the start of its row and any item behind it; last [B], where its last event stands;
    seen [B, S], items that must not appear. Gives the scores and the indices of the k best items, [B, k]."""

    def __init__(self, model, k, only_last):
        super().__init__()
        self.model, self.k, self.only_last = model, k, only_last

    def forward(self, ids, last, seen=None):
        scores = self.users(ids, last) @ self.model.item.weight.t()
        if seen is not None:
            scores = scores.scatter(1, seen, float("-inf"))
        return torch.topk(scores, self.k, dim=1)

    def users(self, ids, last):
        if not self.only_last:
            h = self.model(ids)
            return h.gather(1, last.view(-1, 1, 1).expand(-1, 1, h.shape[-1])).squeeze(1)
        h = self.model.events(ids)
        for block in self.model.blocks[:-1]:
            h = block(h)
        return self.model.norm(self.model.blocks[-1](h, last).squeeze(1))


def main():
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    job = outcome.job()
    model = Serve(sasrec.load(job["artefact"]), job["k"], job["onlyLast"]).eval()
    length = model.model.position.num_embeddings
    ids, last = torch.zeros(2, length, dtype=torch.long), torch.full((2,), length - 1)
    users, events, pasts = torch.export.Dim("B", max=4096), torch.export.Dim("L", min=2, max=length), torch.export.Dim("S", min=2)
    inputs, shapes = dict(ids=ids, last=last), dict(ids={0: users, 1: events}, last={0: users})
    if job["seen"]:
        inputs["seen"], shapes["seen"] = torch.zeros(2, length + 3, dtype=torch.long), {0: users, 1: pasts}
    torch.onnx.export(model, tuple(inputs.values()), job["graph"], input_names=list(inputs), output_names=["scores", "items"],
                      dynamic_shapes=shapes, dynamo=True, external_data=False, verbose=False)
    outcome.report(torch.__version__, {"bytes": [os.path.getsize(job["graph"])]})


if __name__ == "__main__":
    main()
