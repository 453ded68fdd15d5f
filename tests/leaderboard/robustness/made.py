"""A small result of bench corrupt."""

from leaderboard.robustness.result import Corrupted, Drop, Level, Outcome, Result, TaskResult, Value


def outcome(value, drop=0.25):
    mean = Value(value=value, low=value / 2, high=value)
    return Outcome(mean=mean, drop=None if drop is None else Drop(value=drop, low=-0.1, high=0.5))


def result(name="rain", method="tiny", **changes):
    level = Level(
        severity=1, parameters="drops 3", probe="0" * 64, measures={"ap": outcome(0.5), "cmc@1": outcome(0.75)}
    )
    worse = level.model_copy(update={"severity": 5, "measures": {"ap": outcome(0.25), "cmc@1": outcome(0.5)}})
    corrupted = Corrupted(
        name=name, source="a | b", levels=(level, worse), measures={"ap": outcome(0.375), "cmc@1": outcome(0.625)}
    )
    task = TaskResult(
        task="main",
        fingerprint="f",
        queries=4,
        metric="cosine",
        ranked_by="ap",
        clean={"ap": Value(value=0.5, low=0.25, high=0.75), "cmc@1": Value(value=1.0, low=0.5, high=1.0)},
        corruptions=(corrupted,),
        measures={"ap": outcome(0.375), "cmc@1": outcome(0.625, None)},
    )
    words = {"trained_on": ("synthetic",), "boxes": False, "plates": "", "on": "query", **changes}
    return Result(
        method=method,
        seed=0,
        protocol="synthetic",
        version=1,
        features="1" * 64,
        corruption_seed=0,
        severities=(1, 5),
        tasks=(task,),
        **words,
    )
