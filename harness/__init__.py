"""The benchmark harness for vehicle re-identification. Each name is imported when it is first used."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from harness.boxes import Boxes as Boxes
    from harness.compute.machine import Machine as Machine
    from harness.data.dataset import Dataset as Dataset
    from harness.data.images import UNKNOWN as UNKNOWN
    from harness.data.images import ImageTable as ImageTable
    from harness.data.layout import Layout as Layout
    from harness.errors import BenchError as BenchError
    from harness.errors import CheckpointError as CheckpointError
    from harness.errors import DataError as DataError
    from harness.errors import FeatureError as FeatureError
    from harness.errors import PluginError as PluginError
    from harness.errors import RecordError as RecordError
    from harness.errors import RunError as RunError
    from harness.errors import UsageError as UsageError
    from harness.features import FeatureFile as FeatureFile
    from harness.features import write_features as write_features
    from harness.kernel.ranking import rank as rank
    from harness.measures.family import MeasureFamily as MeasureFamily
    from harness.measures.ranks import PositiveRanks as PositiveRanks
    from harness.methods.attention import Attention as Attention
    from harness.methods.attention import shares as shares
    from harness.methods.batches import PK as PK
    from harness.methods.batches import Batches as Batches
    from harness.methods.batches import Shuffled as Shuffled
    from harness.methods.detector import Detector as Detector
    from harness.methods.detector import DetectorOptions as DetectorOptions
    from harness.methods.detector import pack as pack
    from harness.methods.method import Method as Method
    from harness.methods.method import Options as Options
    from harness.methods.network import NetworkMethod as NetworkMethod
    from harness.methods.network import Stage as Stage
    from harness.methods.session import Session as Session
    from harness.registry.hookspecs import hookimpl as hookimpl
    from harness.registry.registry import load as load
    from harness.scoring.dataframes import leaderboard as leaderboard
    from harness.scoring.dataframes import results as results
    from harness.scoring.evaluation import evaluate as evaluate
    from harness.scoring.record import Record as Record
    from harness.scoring.scores import Scores as Scores
    from harness.tasks.protocol import Protocol as Protocol
    from harness.tasks.relevance import Relevance as Relevance
    from harness.tasks.relevance import RowLists as RowLists
    from harness.tasks.reranking import Reranking as Reranking
    from harness.tasks.task import Convention as Convention
    from harness.tasks.task import Draws as Draws
    from harness.tasks.task import Rule as Rule
    from harness.tasks.task import Task as Task

__version__ = "0.1.0"

_MODULES = {
    "boxes": ("Boxes",),
    "compute.machine": ("Machine",),
    "data.dataset": ("Dataset",),
    "data.images": ("ImageTable", "UNKNOWN"),
    "data.layout": ("Layout",),
    "errors": (
        "BenchError",
        "CheckpointError",
        "DataError",
        "FeatureError",
        "PluginError",
        "RecordError",
        "RunError",
        "UsageError",
    ),
    "features": ("FeatureFile", "write_features"),
    "kernel.ranking": ("rank",),
    "measures.family": ("MeasureFamily",),
    "measures.ranks": ("PositiveRanks",),
    "methods.attention": ("Attention", "shares"),
    "methods.batches": ("Batches", "PK", "Shuffled"),
    "methods.detector": ("Detector", "DetectorOptions", "pack"),
    "methods.method": ("Method", "Options"),
    "methods.network": ("NetworkMethod", "Stage"),
    "methods.session": ("Session",),
    "registry.hookspecs": ("hookimpl",),
    "registry.registry": ("load",),
    "scoring.dataframes": ("leaderboard", "results"),
    "scoring.evaluation": ("evaluate",),
    "scoring.record": ("Record",),
    "scoring.scores": ("Scores",),
    "tasks.protocol": ("Protocol",),
    "tasks.relevance": ("Relevance", "RowLists"),
    "tasks.reranking": ("Reranking",),
    "tasks.task": ("Convention", "Draws", "Rule", "Task"),
}
_HOME = {name: module for module, names in _MODULES.items() for name in names}
"""The module of each public name."""

__all__ = sorted([*_HOME, "__version__"])  # noqa: PLE0605 - the table above lists the public names


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'harness' has no attribute '{name}'")
    value = getattr(importlib.import_module(f"harness.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
