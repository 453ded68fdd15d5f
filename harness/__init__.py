"""The benchmark harness for vehicle re-identification; each name is imported when it is first used."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from harness.data.dataset import Dataset as Dataset
    from harness.data.images import ImageTable as ImageTable
    from harness.data.layout import Layout as Layout
    from harness.errors import BenchError as BenchError
    from harness.features import FeatureFile as FeatureFile
    from harness.features import write_features as write_features
    from harness.kernel import rank as rank
    from harness.measures.ranks import PositiveRanks as PositiveRanks
    from harness.methods.detector import Detector as Detector
    from harness.methods.method import Method as Method
    from harness.methods.method import Options as Options
    from harness.methods.network import NetworkMethod as NetworkMethod
    from harness.methods.network import Stage as Stage
    from harness.registry.hookspecs import hookimpl as hookimpl
    from harness.registry.registry import load as load
    from harness.scoring.evaluation import evaluate as evaluate
    from harness.scoring.scores import Scores as Scores
    from harness.tasks.protocol import Protocol as Protocol
    from harness.tasks.relevance import Relevance as Relevance
    from harness.tasks.reranking import Reranking as Reranking
    from harness.tasks.task import Draws as Draws
    from harness.tasks.task import Rule as Rule
    from harness.tasks.task import Task as Task

__version__ = "0.1.0"

_HOME = {
    "BenchError": "errors",
    "Dataset": "data.dataset",
    "Detector": "methods.detector",
    "Draws": "tasks.task",
    "FeatureFile": "features",
    "ImageTable": "data.images",
    "Layout": "data.layout",
    "Method": "methods.method",
    "NetworkMethod": "methods.network",
    "Options": "methods.method",
    "PositiveRanks": "measures.ranks",
    "Protocol": "tasks.protocol",
    "Relevance": "tasks.relevance",
    "Reranking": "tasks.reranking",
    "Rule": "tasks.task",
    "Scores": "scoring.scores",
    "Stage": "methods.network",
    "Task": "tasks.task",
    "evaluate": "scoring.evaluation",
    "hookimpl": "registry.hookspecs",
    "load": "registry.registry",
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
