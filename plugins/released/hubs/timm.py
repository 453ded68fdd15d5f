"""Any network of timm, as a zero-shot extractor with its own data config."""

from __future__ import annotations

import difflib
from functools import partial
from pathlib import Path
from typing import Any, cast, get_args

from torch import nn

from harness.basics.extras import require
from harness.data.resizing import Interpolation, Resizing
from harness.errors import UsageError, in_one_line, unknown_name
from plugins.released.hubs.cards import data_of
from plugins.released.hubs.hub import from_hub
from plugins.released.hubs.method import HubMethod, Preprocessing, unknown_fit
from plugins.weights.fitting import fill
from plugins.weights.reading import read_weights, unwrapped


class Timm(HubMethod):
    """A network of timm without its classifier."""

    about = "any network of timm, zero-shot, with its own data config"
    word = "timm"
    modules = ("timm",)

    def build(self) -> tuple[nn.Module, Preprocessing]:
        """Return the network and timm's data config of it."""
        timm = require("timm", by="method 'timm'", extra="timm")
        name = self.options.model
        if not timm.is_model(name):
            bare = name.partition(".")[0]
            raise unknown_name("network of timm", name, difflib.get_close_matches(bare, timm.list_models(), 8, 0.0))
        if self.options.weights == "hub":
            made = from_hub(lambda: self._create(timm, pretrained=True), name, "timm")
            self._say(made)
        else:
            made = self._create(timm, pretrained=False)
            if self.options.weights != "none":
                self._fill(made)
        return made, self._preprocessing(timm.data.resolve_model_data_config(made))

    def _say(self, network: nn.Module) -> None:
        """Say where the weights come from, and what their config says that they have seen."""
        about: Any = network.pretrained_cfg
        place = about.get("hf_hub_id")
        self.source = f"hf-hub:{place}" if place else about.get("url") or ""
        self.trained_on = data_of(about.get("tag") or "")

    def _create(self, timm: Any, *, pretrained: bool) -> nn.Module:
        about: dict[str, Any] = {"pretrained": pretrained, "num_classes": 0}
        own = timm.get_pretrained_cfg(self.options.model)
        if self.asked_size and own is not None and own.fixed_input_size:
            about["img_size"] = self.asked_size  # the grid of its positions is made for one size
        try:
            network: nn.Module = timm.create_model(self.options.model, **about)
        except RuntimeError as problem:
            if "pretrained weights" not in str(problem).lower():
                raise
            raise UsageError(
                f"timm has no released weights of {self.options.model}",
                found=in_one_line(problem),
                next_step=f"name one with its tag: timm.list_pretrained('{self.options.model}*') lists them",
            ) from None
        return network

    def _fill(self, network: nn.Module) -> None:
        """Load a file's tensors, without those of the classifier."""
        source = self.options.weights
        holding = f"the tensors of timm's {self.options.model}"
        own = network.state_dict()
        short = partial(unwrapped, own=own)
        state = read_weights(Path(source), holding, instead="'hub' or 'none'", named=short)
        about: Any = network.pretrained_cfg
        named = about.get("classifier") or ()
        heads = tuple(f"{head}." for head in ([named] if isinstance(named, str) else named))
        kept = {key: tensor for key, tensor in state.items() if key in own or not key.startswith(heads or ("\0",))}
        fill(network, kept, source)

    def _preprocessing(self, found: dict[str, Any]) -> Preprocessing:
        mode, word = found["crop_mode"], found["interpolation"]
        if mode not in {"center", "squash"} and self.options.fit != "stretch":
            raise unknown_fit(self.options.model, f"crop mode {mode}")
        known = cast("Interpolation", word if word in get_args(Interpolation) else "bicubic")
        return Preprocessing(
            (found["input_size"][1], found["input_size"][2]),
            found["mean"],
            found["std"],
            Resizing(known, keep_ratio=mode == "center", share=float(found["crop_pct"])),
        )
