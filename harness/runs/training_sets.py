"""The data sets that a run trains on: one, or several together, as ``veri776+vric`` names them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from harness.basics.names import LONGEST_PART, is_part
from harness.errors import UsageError, unknown_name
from harness.features.seen import JOINED
from harness.registry.kinds import PROTOCOL
from harness.registry.registry import Registry
from harness.tasks.protocol import Protocol


def training_protocols(word: str, registry: Registry) -> tuple[Protocol, ...]:
    """Return the protocols that a word names, sorted by name: in any order, the same data sets are one training.

    Args:
        word: the name of a protocol or the TOML file of one's own, or several of them with ``+`` between them.
        registry: with the protocols.

    Raises:
        UsageError: an unknown name, a name missing or there twice, or too many for the name of a folder.
    """
    single = word in registry.names(PROTOCOL) or Path(word).is_file()
    words = [word] if single else [part.strip() for part in word.split(JOINED)]
    if not all(words):
        raise UsageError(
            "a data set to train on has no name", found=f"--train-on {word}", expected="names with + between them"
        )
    protocols = [registry.protocol(part) for part in words]
    names = [protocol.name for protocol in protocols]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise UsageError(
            f"'{twice[0]}' is to be trained on twice",
            found=f"--train-on {word}",
            expected="each data set once",
        )
    if len(names) > 1 and not is_part(JOINED.join(names)):
        raise UsageError(
            "the names of the training sets are too long together",
            found=f"{len(JOINED.join(names))} characters",
            expected=f"at most {LONGEST_PART}",
            next_step="give your own protocols shorter names",
        )
    return tuple(sorted(protocols, key=lambda protocol: protocol.name))


def joined_name(protocols: Sequence[Protocol]) -> str:
    """Return the name of some data sets together: ``veri776+vric``."""
    return JOINED.join(protocol.name for protocol in protocols)


def joined_recipe(protocols: Sequence[Protocol]) -> str:
    """Return the recipe that all of them propose, or ``paper`` if they do not agree."""
    proposed = {protocol.recipe for protocol in protocols}
    return proposed.pop() if len(proposed) == 1 else Protocol.recipe


def training_folders(given: Path | None, protocols: Sequence[Protocol]) -> Mapping[str, Path]:
    """Return the folders that ``--train-data`` gives, by the protocol's name.

    Args:
        given: for one data set its folder or ``NAME=DIR``, for several ``NAME=DIR,NAME=DIR``.
        protocols: the data sets to train on.

    Raises:
        UsageError: a folder without a name, a name that is not trained on, or one that is given twice.
    """
    if given is None:
        return {}
    names = {word: protocol.name for protocol in protocols for word in (protocol.word, protocol.name)}
    text = str(given)
    if len(protocols) == 1:
        named = re.match(rf"(?:{'|'.join(map(re.escape, names))})=(.+)", text)
        return {protocols[0].name: Path(named[1]) if named else given}
    folders: dict[str, Path] = {}
    for pair in text.split(","):
        word, equals, folder = pair.strip().partition("=")
        if not equals or not folder:
            raise UsageError(
                "a folder of the training data has no name",
                found=f"--train-data {text}",
                expected=",".join(f"{protocol.word}=DIR" for protocol in protocols),
            )
        if word not in names:
            error = unknown_name("training set", word, {protocol.word for protocol in protocols})
            error.where = "--train-data"
            raise error
        if names[word] in folders:
            raise UsageError(f"the folder of '{word}' is given twice", found=f"--train-data {text}")
        folders[names[word]] = Path(folder)
    return folders
