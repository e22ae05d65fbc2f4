"""DIN in PyTorch, as foci has it, written as an ONNX graph with PyTorch's exporter: a history and candidates in, logits out."""
import logging
import os
import warnings

import torch
from torch import nn

import artefact
import outcome


class Dice(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.alpha = nn.Parameter(torch.zeros(width))
        self.register_buffer("mean", torch.zeros(width))
        self.register_buffer("variance", torch.ones(width))

    def forward(self, x):
        p = torch.sigmoid((x - self.mean) / torch.sqrt(self.variance + 1e-8))
        return x * (p + (1 - p) * self.alpha)


class Din(nn.Module):
    """history [L] and candidates [C] → logits [C]. With `split` the first layer of the activation unit is written as foci
    computes it: a part by event, a part by candidate, and one product a pair."""

    def __init__(self, items, dim, units, hidden, split):
        super().__init__()
        second = -(-2 * hidden // 5)
        self.split = split
        self.item = nn.Embedding(items, dim)
        self.unit, self.unit_dice, self.unit_weight = nn.Linear(3 * dim, units), Dice(units), nn.Linear(units, 1)
        self.layers = nn.Sequential(nn.Linear(3 * dim, hidden), Dice(hidden), nn.Linear(hidden, second), Dice(second), nn.Linear(second, 1))

    def forward(self, history, candidates):
        e, c = self.item(history), self.item(candidates)
        v = self.weights(e, c).squeeze(-1) @ e
        return self.layers(torch.cat([v, c, v * c], -1)).squeeze(-1)

    def weights(self, e, c):
        products = e[None, :, :] * c[:, None, :]
        if self.split:
            of_event, of_candidate, of_product = self.unit.weight.chunk(3, 1)
            hidden = (e @ of_event.T + self.unit.bias)[None, :, :] + (c @ of_candidate.T)[:, None, :] + products @ of_product.T
        else:
            events, items = e[None, :, :].expand_as(products), c[:, None, :].expand_as(products)
            hidden = self.unit(torch.cat([events, items, products], -1))
        return self.unit_weight(self.unit_dice(hidden))


def load(path, split):
    """The model of an artefact of foci, with its weights and options."""
    options, w = artefact.read(path)
    items, dim = w["item"].shape
    model = Din(items, dim, options["units"], options["hidden"], split)
    unit = torch.cat([w[f"unit.{part}.weight"] for part in ("event", "candidate", "product")])
    state = {"item.weight": w["item"], "unit.weight": unit.T, "unit.bias": w["unit.event.bias"]}
    state |= {"unit_weight.weight": w["unit.weight.weight"].T, "unit_weight.bias": w["unit.weight.bias"]}
    places = {"layer.0": "layers.0", "layer.1": "layers.2", "logit": "layers.4"}
    for ours, theirs in places.items():
        state |= {f"{theirs}.weight": w[f"{ours}.weight"].T, f"{theirs}.bias": w[f"{ours}.bias"]}
    for ours, theirs in {"unit.dice": "unit_dice", "layer.0.dice": "layers.1", "layer.1.dice": "layers.3"}.items():
        state |= {f"{theirs}.{part}": w[f"{ours}.{part}"] for part in ("alpha", "mean", "variance")}
    model.load_state_dict(state)
    return model.eval()


def main():
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    job = outcome.job()
    inputs = dict(history=torch.zeros(5, dtype=torch.long), candidates=torch.zeros(7, dtype=torch.long))
    shapes = dict(history={0: torch.export.Dim("L", min=2)}, candidates={0: torch.export.Dim("C", min=2)})
    torch.onnx.export(load(job["artefact"], job["split"]), tuple(inputs.values()), job["graph"], input_names=list(inputs),
                      output_names=["scores"], dynamic_shapes=shapes, dynamo=True, external_data=False, verbose=False)
    outcome.report(torch.__version__, {"bytes": [os.path.getsize(job["graph"])]})


if __name__ == "__main__":
    main()
