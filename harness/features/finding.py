"""The feature file that a folder holds for a protocol."""

from __future__ import annotations

from pathlib import Path

from harness.errors import FeatureError, first_of
from harness.features.reader import FeatureFile

FEATURES = "features.h5"
"""The name of the feature file in a run's folder."""
RUN = "config.json"
"""The name of the file in a run's folder that says which run it is; the features are a folder below."""


def is_of_run(path: Path) -> bool:
    """Return whether a feature file is the one that a run has extracted, where the run left it."""
    return path.name == FEATURES and (path.parent.resolve().parent / RUN).is_file()


def find_features(path: Path, dataset: str = "") -> Path:
    """Return a path that is no folder as it is, and for a folder the one feature file in it.

    A folder is looked at together with its own folders, as a run has one for each protocol; of several files, those of
    the data set are taken, if one is named.

    Raises:
        FeatureError: the folder has no feature file, or several.
    """
    if not path.is_dir():
        return path
    found = sorted({*path.glob("*.h5"), *path.glob(f"*/{FEATURES}")})
    if len(found) > 1:
        found = [one for one in found if _dataset(one) == dataset] or found
    if len(found) == 1:
        return found[0]
    if found:
        raise FeatureError(
            f"the folder has {len(found)} feature files" + (f" for '{dataset}'" if dataset else ""),
            where=path,
            found=first_of(one.relative_to(path) for one in found),
            expected="one feature file",
            next_step="name the file",
        )
    raise FeatureError(
        "the folder has no feature file",
        where=path,
        found=first_of(sorted(one.name for one in path.iterdir()), 5) or "nothing",
        expected=f"a file {FEATURES} in it, as in a run's folder",
        next_step="name the feature file, or the folder of a run that has extracted features",
    )


def _dataset(path: Path) -> str | None:
    try:
        with FeatureFile.open(path) as file:
            return file.provenance.dataset
    except FeatureError:
        return None
