"""SASRec in PyTorch, as foci has it: to be trained (training.py) and to be exported (export.py)."""
import math

import torch
import torch.nn.functional as F
from torch import nn

import artefact


class Block(nn.Module):
    def __init__(self, dim, heads, dropout, textbook):
        super().__init__()
        self.heads, self.textbook = heads, textbook
        self.query_norm, self.forward_norm = nn.LayerNorm(dim, 1e-8), nn.LayerNorm(dim, 1e-8)
        self.query, self.key, self.value, self.output = (nn.Linear(dim, dim) for _ in range(4))
        self.inner, self.outer = nn.Linear(dim, dim), nn.Linear(dim, dim)
        self.drop = nn.Dropout(dropout)

    def forward(self, x, last=None):
        """With `last` [B], only the rows that stand there ask."""
        B, _, D = x.shape
        split = lambda y: y.view(B, -1, self.heads, D // self.heads).transpose(1, 2)
        asking = x if last is None else x.gather(1, last.view(-1, 1, 1).expand(-1, 1, D))
        n = self.query_norm(asking)
        a = self.attend(split(self.query(n)), split(self.key(x)), split(self.value(x)), last)
        y = self.forward_norm(n + self.output(a.transpose(1, 2).reshape(B, -1, D)))
        return y + self.drop(self.outer(self.drop(F.relu(self.inner(y)))))

    def attend(self, q, k, v, last):
        L = k.shape[2]
        if last is not None:
            return F.scaled_dot_product_attention(q, k, v, attn_mask=(torch.arange(L) <= last[:, None])[:, None, None, :])
        if not self.textbook:
            return F.scaled_dot_product_attention(q, k, v, is_causal=True)  # the fused kernel, without dropout on the weights
        scores = q @ k.transpose(-1, -2) / math.sqrt(q.shape[-1])
        later = torch.ones(L, L, dtype=torch.bool).triu(1)
        return self.drop(scores.masked_fill(later, float("-inf")).softmax(-1)) @ v


class Sasrec(nn.Module):
    def __init__(self, items, dim=64, blocks=2, heads=1, max_length=50, dropout=0.1, textbook=False):
        super().__init__()
        self.item, self.position = nn.Embedding(items, dim), nn.Embedding(max_length, dim)
        self.blocks = nn.ModuleList(Block(dim, heads, dropout, textbook) for _ in range(blocks))
        self.norm, self.drop = nn.LayerNorm(dim, 1e-8), nn.Dropout(dropout)
        for parameter in self.parameters():
            if parameter.dim() > 1:
                nn.init.normal_(parameter, std=0.02)

    def events(self, x):
        return self.drop(self.item(x) * math.sqrt(self.item.embedding_dim) + self.position.weight[: x.shape[1]])

    def forward(self, x):
        h = self.events(x)
        for block in self.blocks:
            h = block(h)
        return self.norm(h)


def load(path, textbook=False):
    """The model of an artefact of foci, with its weights and options."""
    options, weights = artefact.read(path)
    items, dim = weights["item"].shape
    model = Sasrec(items, dim, options["blocks"], options["heads"], options["maxLength"], options["dropout"], textbook)
    model.load_state_dict({ours(name): tensor.T if linear(name) else tensor for name, tensor in weights.items()})
    return model


def linear(name):
    return name.endswith(".weight")


def ours(name):
    """foci's name of a parameter in PyTorch's words: block.0.attention.query.weight is blocks.0.query.weight."""
    name = name.replace("block.", "blocks.").replace(".attention.", ".").replace("-", "_").replace(".gain", ".weight")
    return name + ".weight" if name in ("item", "position") else name
