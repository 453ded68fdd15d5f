"""The image towers of open_clip, as zero-shot extractors."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import Any

from pydantic import Field
from torch import Tensor, nn

from harness.basics.extras import require
from harness.data.resizing import Resizing
from harness.errors import UsageError, first_of, unknown_name
from plugins.released.hubs.cards import data_of
from plugins.released.hubs.hub import from_hub
from plugins.released.hubs.method import HubMethod, HubOptions, Preprocessing, unknown_fit
from plugins.weights.fitting import fill
from plugins.weights.reading import read_weights

PREFIX = "visual."
"""Of the image tower's tensors in a file of the whole network."""


class OpenClipOptions(HubOptions):
    """The options of open_clip."""

    weights: str = Field("", description="a tag of open_clip, a file, or none for random weights by the run's seed")


class OpenClip(HubMethod):
    """The image tower of a network of open_clip: the feature in the space of images and texts."""

    about = "the image towers of open_clip, zero-shot"
    word = "open-clip"
    modules = ("open_clip",)
    Options = OpenClipOptions

    def build(self) -> tuple[nn.Module, Preprocessing]:
        """Return the image tower and its preprocessing."""
        library = require("open_clip", by="method 'open-clip'", extra="open-clip")
        name, weights = self.options.model, self.options.weights
        known = library.list_models()
        if name not in known:
            raise unknown_name("network of open_clip", name, difflib.get_close_matches(name, known, 8, 0.0))
        tags = library.list_pretrained_tags_by_model(name)
        if not weights:
            raise UsageError(
                f"no weights of {name} were named",
                expected=f"{first_of(tags, 20)}, a file, or none" if tags else "a file, or none",
                next_step="name them with --set weights=TAG",
            )
        about: dict[str, Any] = {"force_image_size": self.asked_size, "pretrained_text": False}
        if weights in tags:
            whole = from_hub(lambda: library.create_model(name, weights, **about), f"{name} {weights}", "open-clip")
            about_weights = library.get_pretrained_cfg(name, weights)
            place = str(about_weights.get("hf_hub") or "").strip("/")
            self.source = f"hf-hub:{place}" if place else about_weights.get("url") or ""
            self.trained_on = data_of(weights)
        else:
            whole = library.create_model(name, **about)
        tower = whole.visual
        if weights not in (*tags, "none"):
            holding, instead = f"the tensors of open_clip's {name}", f"{first_of(tags, 20)} or none"
            state = read_weights(Path(weights), holding, instead=instead)
            of_tower = {key.removeprefix(PREFIX): one for key, one in state.items() if key.startswith(PREFIX)}
            fill(tower, of_tower or state, weights)
        return Tower(tower), self._preprocessing(library.get_model_preprocess_cfg(whole))

    def _preprocessing(self, found: dict[str, Any]) -> Preprocessing:
        mode, size = found.get("resize_mode") or "shortest", found["size"]
        if mode not in {"shortest", "squash"} and self.options.fit != "stretch":
            raise unknown_fit(self.options.model, f"resize mode {mode}")
        height, width = (size, size) if isinstance(size, int) else size
        return Preprocessing(
            (height, width),
            found["mean"],
            found["std"],
            Resizing(found["interpolation"], keep_ratio=mode == "shortest"),
        )


class Tower(nn.Module):
    """An image tower that may return its tokens beside its feature."""

    def __init__(self, tower: nn.Module) -> None:
        super().__init__()
        self.tower = tower

    def forward(self, images: Tensor) -> Tensor:
        """Return (n, d)."""
        found = self.tower(images)
        features: Tensor = found[0] if isinstance(found, tuple) else found
        return features
