"""Reads an artefact of foci."""
import json

import numpy as np
import torch


def read(path):
    """The first model's options, and the tensors of models by their names."""
    with open(path, "rb") as file:
        length = int.from_bytes(file.read(8), "little")
        header = json.loads(file.read(length))
    about = json.loads(header.pop("__metadata__")["foci"])
    body = np.memmap(path, np.uint8, "r", 8 + length)
    weights = {}
    for name, place in header.items():
        if not name.startswith(("catalogue.", "popular.")):
            begin, end = place["data_offsets"]
            weights[name] = torch.from_numpy(body[begin:end].view(np.float32).reshape(place["shape"]).copy())
    return about["parts"][0]["options"], weights
