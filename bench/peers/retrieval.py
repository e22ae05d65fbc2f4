"""Exact best items by inner product with faiss, numpy or PyTorch, each in the fastest of the forms that we tried."""
import numpy as np

import outcome

# Rows of scores that stand at once where there are many queries: 256 MB a million items.
CHUNK = 64


def numpy_search(items):
    def best(scores, k):
        found = np.argpartition(scores, -k, axis=1)[:, -k:]
        order = np.take_along_axis(scores, found, 1).argsort(1)[:, ::-1]
        found = np.take_along_axis(found, order, 1)
        return np.take_along_axis(scores, found, 1), found

    def search(queries, k):
        parts = [best(queries[s:s + CHUNK] @ items.T, k) for s in range(0, len(queries), CHUNK)]
        return tuple(np.concatenate(part) for part in zip(*parts))

    def merged(queries, k):
        return best((queries @ items.T).max(0, keepdims=True), k)

    return np.__version__, search, merged


def torch_search(items):
    import torch
    table = torch.from_numpy(items)
    numbers = lambda values, found: (values.numpy(), found.numpy())

    def search(queries, k):
        parts = [torch.topk(part @ table.t(), k, dim=1) for part in torch.from_numpy(queries).split(CHUNK)]
        return numbers(*(torch.cat(part) for part in zip(*parts)))

    return torch.__version__, search, lambda queries, k: merge(*search(queries, k), k)


def faiss_search(items):
    import faiss
    index = faiss.IndexFlatIP(items.shape[1])
    index.add(items)
    return faiss.__version__, index.search, lambda queries, k: merge(*index.search(queries, k), k)


def merge(scores, found, k):
    """The best items of several lists as one, an item's score the best of its own."""
    order = np.argsort(-scores, axis=None, kind="stable")
    first = np.sort(np.unique(found.flat[order], return_index=True)[1])[:k]
    best = order[first]
    return scores.flat[best][None], found.flat[best][None]


def main():
    job = outcome.job()
    dim, count, k = job["dim"], job["items"], job["k"]
    numbers = np.fromfile(job["numbers"], np.float32).reshape(-1, dim)
    items, queries = numbers[:count], numbers[count:count + job["queries"]]
    version, search, merged = dict(numpy=numpy_search, PyTorch=torch_search, faiss=faiss_search)[job["library"]](items)
    call = lambda: (merged if job["interests"] else search)(queries, k)
    scores, found = call()
    times = outcome.milliseconds(call)
    outcome.report(version, {"ms": times}, dict(items=found.tolist(), scores=scores.tolist()))


if __name__ == "__main__":
    main()
