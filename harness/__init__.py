"""The benchmark harness for vehicle re-identification; each name is imported when it is first used."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from harness.detection import Detector as Detector
    from harness.errors import BenchError as BenchError
    from harness.evaluation import evaluate as evaluate
    from harness.features import FeatureFile as FeatureFile
    from harness.features import write_features as write_features
    from harness.hookspecs import hookimpl as hookimpl
    from harness.images import ImageTable as ImageTable
    from harness.kernel import rank as rank
    from harness.method import Method as Method
    from harness.method import Options as Options
    from harness.plugins import load as load
    from harness.protocol import Dataset as Dataset
    from harness.protocol import Draws as Draws
    from harness.protocol import Protocol as Protocol
    from harness.protocol import Rule as Rule
    from harness.protocol import Task as Task
    from harness.ranks import PositiveRanks as PositiveRanks
    from harness.relevance import Relevance as Relevance
    from harness.reranking import Reranking as Reranking
    from harness.scores import Scores as Scores
    from harness.training.network import NetworkMethod as NetworkMethod
    from harness.training.network import Stage as Stage

__version__ = "0.1.0"

_HOME = {
    "BenchError": "errors",
    "Dataset": "protocol",
    "Detector": "detection",
    "Draws": "protocol",
    "FeatureFile": "features",
    "ImageTable": "images",
    "Method": "method",
    "NetworkMethod": "training.network",
    "Options": "method",
    "PositiveRanks": "ranks",
    "Protocol": "protocol",
    "Relevance": "relevance",
    "Reranking": "reranking",
    "Rule": "protocol",
    "Scores": "scores",
    "Stage": "training.network",
    "Task": "protocol",
    "evaluate": "evaluation",
    "hookimpl": "hookspecs",
    "load": "plugins",
    "rank": "kernel",
    "write_features": "features",
}
__all__ = sorted([*_HOME, "__version__"])  # noqa: PLE0605 - the one table above is the list of public names


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'harness' has no attribute '{name}'")
    value = getattr(importlib.import_module(f"harness.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
