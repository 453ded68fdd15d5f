"""fast-reid's YAML: what it says of a network, read as plain values, and compared with what the weights say."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from harness.errors import UsageError
from plugins.released.neck import Pool
from plugins.released.plain_yaml import read_plain_yaml

POOLS: Mapping[str, Pool] = {
    "GlobalAvgPool": "avg",
    "FastGlobalAvgPool": "avg",
    "GlobalMaxPool": "max",
    "AdaptiveAvgMaxPool": "avgmax",
    "GeneralizedMeanPooling": "gem",
    "GeneralizedMeanPoolingP": "gem",
    "avgpool": "avg",
    "fastavgpool": "avg",
    "maxpool": "max",
    "avgmaxpool": "avgmax",
    "gempool": "gem",
    "gempoolP": "gem",
}
"""The poolings by their names in the YAML, those of 2020 last."""

LEARNT = frozenset({"GeneralizedMeanPoolingP", "gempoolP"})

BASES: Mapping[str, Mapping[str, Any]] = {
    "Base-bagtricks": {"HEADS.POOL_LAYER": "GlobalAvgPool"},
    "Base-AGW": {"BACKBONE.WITH_NL": True, "HEADS.POOL_LAYER": "GeneralizedMeanPooling"},
    "Base-SBS": {
        "BACKBONE.WITH_NL": True,
        "HEADS.POOL_LAYER": "GeneralizedMeanPoolingP",
        "SIZE_TEST": [384, 128],
    },
}
"""What the released base files say besides the defaults; a YAML that names one inherits it."""

SHARED = {
    "BACKBONE.NAME": "build_resnet_backbone",
    "BACKBONE.LAST_STRIDE": 1,
    "BACKBONE.DEPTH": "50x",
    "BACKBONE.WITH_IBN": False,
    "BACKBONE.WITH_SE": False,
    "BACKBONE.WITH_NL": False,
    "HEADS.WITH_BNNECK": True,
    "HEADS.EMBEDDING_DIM": 0,
    "SIZE_TEST": [256, 128],
}
"""What all released base files say or inherit from the defaults."""

DATA = {"VeRi": "veri776", "VehicleID": "vehicleid", "VeRiWild": "veriwild", "VERIWild": "veriwild"}
"""The protocols of fast-reid's names of data sets."""


@dataclass(frozen=True)
class Config:
    """What a YAML says.

    Attributes:
        path: the file.
        said: the values by their dotted names below MODEL; ``SIZE_TEST`` and ``DATASETS`` beside them.
    """

    path: Path
    said: Mapping[str, Any]

    @property
    def pool(self) -> Pool | None:
        """The pooling, or None if it is not said or not known."""
        return POOLS.get(str(self.said.get("HEADS.POOL_LAYER")))

    @property
    def last_stride(self) -> int | None:
        """The stride of the last stage, or None."""
        stride = self.said.get("BACKBONE.LAST_STRIDE")
        return stride if stride in (1, 2) else None

    @property
    def input_size(self) -> tuple[int, int] | None:
        """Height and width of test images, or None."""
        size = self.said.get("SIZE_TEST")
        if isinstance(size, list | tuple) and len(size) == 2 and all(type(side) is int and side > 0 for side in size):
            return size[0], size[1]
        return None

    @property
    def trained_on(self) -> tuple[str, ...]:
        """The protocols of the data sets that the YAML trains on, and the names of those without a protocol."""
        names = self.said.get("DATASETS")
        words = re.findall(r"[A-Za-z0-9_-]+", names if isinstance(names, str) else " ".join(map(str, names or ())))
        return tuple(dict.fromkeys(DATA.get(word, word.lower()) for word in words[:10]))

    def colours(self, which: str) -> tuple[float, float, float] | None:
        """Return ``PIXEL_MEAN`` or ``PIXEL_STD``, 0 to 255, or None."""
        values = self.said.get(which)
        if isinstance(values, list) and len(values) == 3 and all(isinstance(one, int | float) for one in values):
            return float(values[0]), float(values[1]), float(values[2])
        return None

    def contradictions(self, weights: Mapping[str, Any], *, learnt: bool) -> Iterator[str]:
        """Yield what the YAML and the weights say differently.

        Args:
            weights: what the weights say, by the same names.
            learnt: whether they hold the power of a generalised mean.
        """
        for name, found in weights.items():
            said = self.said.get(name)
            if said is not None and not _equal(said, found):
                yield f"{name} is {said} in the YAML, {found} in the weights"
        pool = self.said.get("HEADS.POOL_LAYER")
        if pool is not None and (pool in LEARNT) != learnt:
            yield f"HEADS.POOL_LAYER is {pool} in the YAML, the weights have {'a' if learnt else 'no'} learnt power"


def _equal(said: Any, found: Any) -> bool:
    if isinstance(found, list):
        numbers = isinstance(said, list) and len(said) == len(found) and all(isinstance(x, int | float) for x in said)
        return numbers and all(math.isclose(x, y, rel_tol=1e-4) for x, y in zip(said, found, strict=True))
    return bool(said == found)


def read_config(path: Path) -> Config:
    """Read a YAML of fast-reid; the base file that it names is known, not opened.

    Raises:
        UsageError: it is missing, too large or no YAML of fast-reid.
    """
    content = _parsed(path)
    base = PurePosixPath(str(content.get("_BASE_", "")).replace("\\", "/")).stem
    model = content.get("MODEL", {} if base in BASES else None)
    if not isinstance(model, dict):
        raise _no_config(path, "no section MODEL")
    said: dict[str, Any] = {**SHARED, **BASES[base]} if base in BASES else {}
    for section in ("BACKBONE", "HEADS"):
        found = model.get(section)
        said |= {f"{section}.{name}": value for name, value in found.items()} if isinstance(found, dict) else {}
    said |= {name: model[name] for name in ("PIXEL_MEAN", "PIXEL_STD", "META_ARCHITECTURE") if name in model}
    sizes, data = content.get("INPUT"), content.get("DATASETS")
    if isinstance(sizes, dict) and "SIZE_TEST" in sizes:
        said["SIZE_TEST"] = sizes["SIZE_TEST"]
    if isinstance(data, dict) and "NAMES" in data:
        said["DATASETS"] = data["NAMES"]
    return Config(path, said)


def _parsed(path: Path) -> dict[str, Any]:
    content = read_plain_yaml(path)
    if isinstance(content, str):
        raise _no_config(path, content)
    return content


def _no_config(path: Path, found: str) -> UsageError:
    return UsageError(
        "the configuration cannot be used",
        where=path,
        found=found,
        expected="the YAML of fast-reid that the weights were trained with",
        next_step="give it with --set config=FILE",
    )
