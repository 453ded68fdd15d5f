"""The names under which other programs keep features, keys, labels and distances."""

from __future__ import annotations

from collections.abc import Collection

FEATURES = ("features", "feature", "feats", "feat", "f", "embeddings", "embedding", "emb", "x")
KEYS = (
    "keys", "key", "names", "name", "paths", "path", "img_paths", "img_path", "image_paths", "image_path",
    "image_names", "image_name", "img_names", "img_name", "images", "image", "imgs", "img", "filenames", "filename",
    "files", "file",
)  # fmt: skip
VEHICLES = ("label", "labels", "id", "ids", "pid", "pids", "vid", "vids", "vehicle", "vehicles", "vehicle_id")
CAMERAS = ("cam", "cams", "camera", "cameras", "camid", "camids", "cam_id", "cam_ids", "camera_id")
DISTANCES = ("distmat", "dist_mat", "dist", "dists", "distance", "distances", "distance_matrix")
SIMILARITIES = ("similarity", "similarities", "sim", "scores", "score_matrix", "similarity_matrix")
WEIGHTS = ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")
"""How PyTorch names the parts of a layer, after the layer's own name and a dot."""

ROLES = {"query": ("query", "q", "probe"), "gallery": ("gallery", "g", "test")}
"""How the names of a role begin: ``query_f``, ``qf``, ``q_pids``."""


def forms(role: str, words: Collection[str]) -> set[str]:
    """Return the names, in lower case, of a role's words: of ``query`` and ``f``: query_f, queryf, f_query, ..."""
    if not role:
        return set(words)
    joined = {(start, word) for start in ROLES[role] for word in words}
    found = {f"{start}_{word}" for start, word in joined} | {f"{start}{word}" for start, word in joined}
    alone = {start for start in ROLES[role] if len(start) > 1} if words is FEATURES else set()
    return found | alone | {f"{word}_{start}" for start, word in joined if len(start) > 1}


def found(names: Collection[str], role: str, words: Collection[str]) -> list[str]:
    """Return the names among those of a file that are one of a role's words, sorted; folders do not matter."""
    wanted = forms(role, words)
    return sorted(name for name in names if last(name) in wanted)


def last(name: str) -> str:
    """Return a name without the groups or dicts that it is in, in lower case, with underscores."""
    return name.replace("/", ".").rpartition(".")[2].lower().replace("-", "_").replace(" ", "_")


def is_known(name: str) -> bool:
    """Return whether a name is one of features, keys, labels or distances, of any role."""
    words = (*FEATURES, *KEYS, *VEHICLES, *CAMERAS, *DISTANCES, *SIMILARITIES)
    return any(last(name) in forms(role, words) for role in ("", *ROLES))
