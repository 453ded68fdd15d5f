"""The benchmark harness for vehicle re-identification. Each name is imported when it is first used."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from harness.boxes import Boxes as Boxes
    from harness.compute.engine import Command as Command, Engine as Engine, Ticket as Ticket
    from harness.compute.machine import Machine as Machine
    from harness.corruptions.corruption import Corruption as Corruption, Scene as Scene
    from harness.data.dataset import Dataset as Dataset
    from harness.data.images import UNKNOWN as UNKNOWN, ImageTable as ImageTable
    from harness.data.layout import Choices as Choices, Layout as Layout
    from harness.errors import (
        BenchError as BenchError,
        CheckpointError as CheckpointError,
        DataError as DataError,
        FeatureError as FeatureError,
        PluginError as PluginError,
        RecordError as RecordError,
        RunError as RunError,
        UsageError as UsageError,
    )
    from harness.features import FeatureFile as FeatureFile, write_features as write_features
    from harness.features.metric import Metric as Metric
    from harness.kernel.ranking import rank as rank
    from harness.measures.family import Measure as Measure, MeasureFamily as MeasureFamily
    from harness.measures.ranks import PositiveRanks as PositiveRanks
    from harness.methods.attention import Attention as Attention, shares as shares
    from harness.methods.batches import PK as PK, Batches as Batches, Shuffled as Shuffled
    from harness.methods.detector import Detector as Detector, DetectorOptions as DetectorOptions, pack as pack
    from harness.methods.method import Method as Method, Options as Options
    from harness.methods.network import NetworkMethod as NetworkMethod, Stage as Stage
    from harness.methods.session import Session as Session
    from harness.methods.sizes import InputSize as InputSize
    from harness.pairs.result import Verification as Verification
    from harness.pairs.surface import verification as verification
    from harness.registry.hookspecs import hookimpl as hookimpl
    from harness.registry.observed import ObservedRun as ObservedRun
    from harness.registry.registry import load as load
    from harness.scoring.dataframes import leaderboard as leaderboard, results as results
    from harness.scoring.evaluation import evaluate as evaluate
    from harness.scoring.record import Record as Record
    from harness.scoring.scores import Scores as Scores
    from harness.steps.sets import FeatureSets as FeatureSets
    from harness.steps.step import RankingStep as RankingStep, Step as Step
    from harness.tasks.protocol import Protocol as Protocol
    from harness.tasks.relevance import Relevance as Relevance, RowLists as RowLists
    from harness.tasks.reranking import Reranking as Reranking
    from harness.tasks.task import (
        Convention as Convention,
        Draws as Draws,
        PublicCopy as PublicCopy,
        Rule as Rule,
        Task as Task,
    )

__version__ = "0.1.0"

_MODULES = {
    "boxes": "Boxes",
    "compute.engine": "Command Engine Ticket",
    "compute.machine": "Machine",
    "corruptions.corruption": "Corruption Scene",
    "data.dataset": "Dataset",
    "data.images": "ImageTable UNKNOWN",
    "data.layout": "Choices Layout",
    "errors": "BenchError CheckpointError DataError FeatureError PluginError RecordError RunError UsageError",
    "features": "FeatureFile write_features",
    "features.metric": "Metric",
    "kernel.ranking": "rank",
    "measures.family": "Measure MeasureFamily",
    "measures.ranks": "PositiveRanks",
    "methods.attention": "Attention shares",
    "methods.batches": "Batches PK Shuffled",
    "methods.detector": "Detector DetectorOptions pack",
    "methods.method": "Method Options",
    "methods.network": "NetworkMethod Stage",
    "methods.session": "Session",
    "methods.sizes": "InputSize",
    "pairs.result": "Verification",
    "pairs.surface": "verification",
    "registry.hookspecs": "hookimpl",
    "registry.observed": "ObservedRun",
    "registry.registry": "load",
    "scoring.dataframes": "leaderboard results",
    "scoring.evaluation": "evaluate",
    "scoring.record": "Record",
    "scoring.scores": "Scores",
    "steps.sets": "FeatureSets",
    "steps.step": "RankingStep Step",
    "tasks.protocol": "Protocol",
    "tasks.relevance": "Relevance RowLists",
    "tasks.reranking": "Reranking",
    "tasks.task": "Convention Draws PublicCopy Rule Task",
}
_HOME = {name: module for module, names in _MODULES.items() for name in names.split()}
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
