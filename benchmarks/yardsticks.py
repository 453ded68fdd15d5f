"""What the kernel is compared with: a bare product, and the same work in NumPy, straight from the definitions."""

from __future__ import annotations

import numpy as np


def product(queries: np.ndarray, gallery: np.ndarray, block: int = 8192) -> None:
    """Multiply in float32 by torch.mm, block by block, and discard the products."""
    import torch  # here, since the definitions in NumPy are timed with what they import

    left = torch.from_numpy(queries)
    for first in range(0, len(gallery), block):
        torch.mm(left, torch.from_numpy(gallery[first : first + block]).T)


def by_sorting(features: tuple[np.ndarray, np.ndarray], vehicles: tuple[np.ndarray, np.ndarray]) -> list[float]:
    """Return the AP of each query as most evaluators compute it: all similarities, with every row sorted in full."""
    queries, gallery = (rows / np.linalg.norm(rows, axis=1, keepdims=True) for rows in features)
    query, answer = vehicles
    ignored = np.zeros(len(gallery), dtype=np.bool_)
    values = []
    for first in range(0, len(queries), 256):
        order = np.argsort(-(queries[first : first + 256] @ gallery.T), axis=1)
        matches = answer[order] == query[first : first + 256, None]
        for row, match in zip(order, matches, strict=True):
            right = match[~ignored[row]]
            found = np.cumsum(right)
            precision = found / np.arange(1, len(right) + 1)
            values.append(float((precision * right).sum() / found[-1]))
    return values


def rerank_densely(
    queries: np.ndarray, gallery: np.ndarray, k1: int = 20, k2: int = 6, share: float = 0.3
) -> np.ndarray:
    """Return (q, g) distances re-ranked by whole matrices, as the definition in ``harness.kernel.rerank`` reads."""
    table = np.concatenate([queries, gallery])
    table /= np.linalg.norm(table, axis=1, keepdims=True)
    distance = 2 - 2 * (table @ table.T)
    distance /= distance.max(axis=1, keepdims=True)
    order = np.argsort(distance, axis=1)

    def mutual(image: int, k: int) -> np.ndarray:
        near = order[image, : k + 1]
        return near[(order[near, : k + 1] == image).any(axis=1)]

    encoding = np.zeros_like(distance)
    for image in range(len(table)):
        own = mutual(image, k1)
        wide = [own]
        for other in own:
            theirs = mutual(other, k1 // 2)
            if len(np.intersect1d(theirs, own)) > 2 / 3 * len(theirs):
                wide.append(theirs)
        reached = np.unique(np.concatenate(wide))
        weights = np.exp(-distance[image, reached])
        encoding[image, reached] = weights / weights.sum()
    encoding = np.stack([encoding[near].mean(axis=0) for near in order[:, :k2]])
    jaccard = np.empty((len(queries), len(gallery)), dtype=np.float32)
    holders = [np.flatnonzero(column) for column in encoding.T]
    for query in range(len(queries)):
        shared = np.zeros(len(table), dtype=np.float32)
        for column in np.flatnonzero(encoding[query]):
            held = holders[column]
            shared[held] += np.minimum(encoding[query, column], encoding[held, column])
        jaccard[query] = 1 - shared[len(queries) :] / (2 - shared[len(queries) :])
    return (1 - share) * jaccard + share * distance[: len(queries), len(queries) :]
