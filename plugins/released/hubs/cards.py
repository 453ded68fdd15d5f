"""What a hub says that weights have seen: the tags of timm and open_clip, and the cards of Hugging Face."""

from __future__ import annotations

import re

from harness.features.seen import SAFE
from plugins.released.plain_yaml import plain_yaml

TAGS = {
    "in1k": "imagenet",
    "in12k": "imagenet-12k",
    "in21k": "imagenet-21k",
    "in22k": "imagenet-22k",
    "openai": "openai-wit",
}
"""Data by its word in the tags of timm and open_clip; OpenAI's 400 million pairs were never published."""

NAMED = re.compile(
    r"(laion|lvd|webli|datacomp|commonpool|dfn|yfcc|cc3m|cc12m|metaclip|merged2b|jft|ig1b|mscoco)[a-z0-9]*"
)
"""Data that tags call by name."""

ALIASES = {"imagenet-1k": "imagenet", "imagenet2012": "imagenet"}
MOST = 10


def data_of(tag: str) -> tuple[str, ...]:
    """Return the data that a tag names, in its order; empty if it names none.

    Example:
        >>> data_of("laion2b_ft_in12k_in1k")
        ('laion2b', 'imagenet-12k', 'imagenet')
    """
    words = [TAGS.get(word) or (word if NAMED.fullmatch(word) else "") for word in tag.lower().split("_")]
    return tuple(dict.fromkeys(filter(None, words)))


def data_of_card(text: str) -> tuple[str, ...]:
    """Return the data sets that the head of a model card lists; empty if it lists none.

    Example:
        >>> data_of_card("---\\nlicense: mit\\ndatasets:\\n- ILSVRC/imagenet-1k\\n---\\n# A network")
        ('imagenet',)
    """
    head = re.match(r"---\r?\n(.*?)\r?\n---", text, re.DOTALL)
    try:
        found = plain_yaml(head[1]) if head else None
    except ValueError:
        return ()
    named = found.get("datasets") if isinstance(found, dict) else None
    listed = [named] if isinstance(named, str) else named if isinstance(named, list) else []
    words = [str(one).rpartition("/")[2].lower() for one in listed[:MOST] if isinstance(one, str)]
    return tuple(dict.fromkeys(ALIASES.get(word, word) for word in words if SAFE.fullmatch(word)))
