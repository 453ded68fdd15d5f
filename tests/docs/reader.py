"""What the reader of a page has: drawn vehicles in VeRi-776's layout, and features as other programs save them."""

import shutil
from pathlib import Path

import numpy as np
import pandas
import scipy.io
import torch

import harness
from harness.registry.registry import load


def prepare(folder, small):
    """Fill a folder with the reader's files, and return the names that Python blocks find defined."""
    shutil.copytree(small, folder / "VeRi")
    dataset = load().protocol("veri776").load(folder / "VeRi")
    query, gallery = dataset.split("query"), dataset.split("gallery")
    paths = [*query.paths, *gallery.paths]
    features = torch.from_numpy(np.random.default_rng(0).normal(size=(len(paths), 8)).astype(np.float32))
    qf, gf = features[: len(query)], features[len(query) :]
    labels = {
        f"{role}_{word}": column
        for role, table in (("q", query), ("g", gallery))
        for word, column in (("pids", table.vehicle), ("camids", table.camera))
    }
    np.save(folder / "query.npy", qf.numpy())
    np.save(folder / "gallery.npy", gf.numpy())
    np.save(folder / "distmat.npy", torch.cdist(qf, gf).numpy())
    scipy.io.savemat(folder / "pytorch_result.mat", {"query_f": qf.numpy(), "gallery_f": gf.numpy()})
    harness.write_features(folder / "mine.h5", paths, features.numpy(), dataset="veri776", method="mine")
    return {
        "__name__": "page",
        "Path": Path,
        "np": np,
        "pandas": pandas,
        "torch": torch,
        "features": features,
        "paths": paths,
        "qf": qf,
        "gf": gf,
        **labels,
        "predictions": [{"img_paths": paths}],
    }
