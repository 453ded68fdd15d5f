"""Networks for images of transformers, as zero-shot extractors; code of a hub is never executed."""

from __future__ import annotations

import math
from functools import partial
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from harness.basics.extras import require
from harness.basics.plain_json import read_json
from harness.basics.reading import read_whole
from harness.data.resizing import Interpolation, Resizing
from harness.errors import CheckpointError, UsageError, first_of, in_one_line
from plugins.released.hubs.cards import data_of_card
from plugins.released.hubs.hub import from_hub
from plugins.released.hubs.method import HubMethod, Preprocessing, unknown_fit
from plugins.weights.fitting import fill
from plugins.weights.reading import read_weights, unwrapped

TOWERS = {
    "clip": "CLIPVisionModelWithProjection",
    "clip_vision_model": "CLIPVisionModelWithProjection",
    "siglip": "SiglipVisionModel",
    "siglip_vision_model": "SiglipVisionModel",
    "vit": "ViTModel",
}
"""The class of the image tower, where that of the whole network would need texts, by the type of the config."""

RESAMPLING: dict[int, Interpolation] = {0: "nearest", 1: "lanczos", 2: "bilinear", 3: "bicubic"}
"""Pillow's numbers, which the config of a preprocessing has."""

FOLLOWED = {"do_center_crop", "do_rescale", "do_normalize"}
"""The switches of a preprocessing that are followed; ``do_resize`` and ``do_pad`` have messages of their own."""

IDLE = {"do_resize", "do_pad", "do_convert_rgb", "do_reduce_labels", "do_convert_annotations"}
"""Switches that change no picture here: pictures are RGB already, and labels do not matter."""

FURTHER = {"rescale_offset", "include_top"}
"""Switches of EfficientNet's preprocessing that change its numbers."""

WARPED = 384
"""The size from which ConvNeXT's preprocessing crops nothing."""

LARGEST = 1 << 20
"""Of a config in bytes."""


class Transformers(HubMethod):
    """A network for images of transformers: its pooled feature, or the class token where it has none."""

    about = "DINOv2, SigLIP, CLIP, ViT and others of transformers, zero-shot"
    word = "transformers"
    modules = ("transformers",)

    def build(self) -> tuple[nn.Module, Preprocessing]:
        """Return the network and the preprocessing in the folder of its config."""
        library = require("transformers", by="method 'transformers'", extra="transformers")
        name = self.options.model
        config = from_hub(lambda: self._config(library), name, "transformers")
        about = self._preprocessing(library, config)
        kind = self._kind(library, config)
        more: dict[str, Any] = {"add_pooling_layer": False} if config.model_type == "vit" else {}
        if self.options.weights == "hub":
            made = from_hub(lambda: self._pretrained(kind, config, more), name, "transformers")
            self.source = "" if Path(name).is_dir() else f"hf-hub:{name}"
            self.trained_on = data_of_card(self._card(library))
        else:
            made = kind.from_config(config) if kind is library.AutoModel else kind(config, **more)
            if self.options.weights != "none":
                self._fill(made)
        own = getattr(config, "image_size", None)
        resize = isinstance(own, int) and self.asked_size not in (None, (own, own))
        return Pooled(made, interpolate=bool(resize)), about

    def _config(self, library: Any) -> Any:
        """Return the config, that of the images if the network is one of images and texts."""
        try:
            config = library.AutoConfig.from_pretrained(self.options.model, trust_remote_code=False)
        except ValueError as problem:
            if "trust_remote_code" in str(problem) or "execute" in str(problem):
                raise CheckpointError(
                    f"'{self.options.model}' brings code of its own, which is never executed",
                    found=in_one_line(problem),
                    next_step="build it in a method of your own, or export it to ONNX and use --method onnx",
                ) from None
            raise CheckpointError(
                f"transformers does not know the network '{self.options.model}'",
                found=in_one_line(problem),
                next_step="give a name in the hub, or a folder with config.json",
            ) from None
        return getattr(config, "vision_config", config)

    def _kind(self, library: Any, config: Any) -> Any:
        return getattr(library, TOWERS.get(config.model_type, "AutoModel"))

    def _pretrained(self, kind: Any, config: Any, more: dict[str, Any]) -> nn.Module:
        """Return the network with the hub's weights, all of which must be there."""
        network, found = kind.from_pretrained(
            self.options.model,
            config=config,
            use_safetensors=True,
            trust_remote_code=False,
            output_loading_info=True,
            dtype="float32",
            **more,
        )
        missing = sorted(map(str, [*found["missing_keys"], *(one[0] for one in found["mismatched_keys"])]))
        if missing:
            raise CheckpointError(
                "the weights are of another network", where=self.options.model, found=f"missing: {first_of(missing, 3)}"
            )
        made: nn.Module = network
        return made

    def _card(self, library: Any) -> str:
        """Return the text of the network's README.md; empty without one."""
        try:
            place = library.utils.cached_file(self.options.model, "README.md")
            with Path(place).open(encoding="utf-8") as file:
                return file.read(LARGEST)
        except (OSError, TypeError, UnicodeDecodeError):
            return ""

    def _fill(self, network: nn.Module) -> None:
        source = self.options.weights
        holding = f"the tensors of {self.options.model}"
        named = partial(unwrapped, own=network.state_dict())
        fill(network, read_weights(Path(source), holding, instead="'hub' or 'none'", named=named), source)

    def _preprocessing(self, library: Any, config: Any) -> Preprocessing:
        """Return what ``preprocessor_config.json`` says."""
        found = from_hub(lambda: self._read(library), f"{self.options.model} preprocessor_config.json", "transformers")
        given = self.options
        self._check_pictures(found)
        normal = _switch(found, "do_normalize")
        wanted = {"image_mean": normal and given.mean == "auto", "image_std": normal and given.deviation == "auto"}
        lacking = [word for word, needed in wanted.items() if needed and word not in found]
        if lacking:
            raise UsageError(
                f"the preprocessing of '{given.model}' is not known",
                found=f"no {first_of(lacking)} in preprocessor_config.json",
                next_step="give it with --set mean=imagenet --set deviation=imagenet, or the numbers of its authors",
            )
        try:
            return _read_preprocessing(found, config)
        except (KeyError, TypeError, ValueError) as problem:
            raise CheckpointError(
                f"the preprocessing of '{given.model}' cannot be read",
                found=f"{type(problem).__name__}: {problem}",
                expected="sizes and numbers as transformers writes them into preprocessor_config.json",
            ) from None

    def _check_pictures(self, found: dict[str, Any]) -> None:
        """Refuse what is done to pictures in training and cannot be done here."""
        name, stretched = self.options.model, self.options.fit == "stretch"
        if _switch(found, "do_pad", usual=False) and not stretched:
            raise unknown_fit(name, "do_pad is true in preprocessor_config.json")
        if not _switch(found, "do_resize") and not stretched:
            raise UsageError(
                f"{name} was trained on pictures of any size, which bench cannot give it",
                found="do_resize is false in preprocessor_config.json",
                next_step="stretch all pictures to one size, with --set fit=stretch and --set input_size",
            )
        steps = {word for word in found if word.startswith("do_")} - FOLLOWED - IDLE | FURTHER
        if odd := sorted(word for word in steps if _switch(found, word, usual=False)):
            raise CheckpointError(
                f"the preprocessing of '{name}' has steps that bench does not know",
                found=f"{first_of(odd)} in preprocessor_config.json",
                expected="resizing, a crop from the middle, rescaling, and normalisation",
                next_step="build the network with these steps in a method of your own; see docs/your-method.md",
            )

    def _read(self, library: Any) -> dict[str, Any]:
        try:
            place = library.utils.cached_file(self.options.model, "preprocessor_config.json")
        except OSError:
            if not Path(self.options.model).is_dir():
                raise
            return {}
        path = Path(place)
        config = Path(library.utils.cached_file(self.options.model, "config.json"))
        self.read_files = {"config.json": config, path.name: path}
        try:
            found = read_json(read_whole(path, LARGEST, "the preprocessing", error=CheckpointError).decode())
            if not isinstance(found, dict):
                raise TypeError("it is no object")
        except (ValueError, TypeError) as problem:
            raise CheckpointError("the preprocessing cannot be read", where=path, found=problem) from None
        return found


def _read_preprocessing(found: dict[str, Any], config: Any) -> Preprocessing:
    """Return the preprocessing of a config: the size to scale to, and the crop from its middle, if there is one."""
    own = getattr(config, "image_size", 224)
    scaled = found.get("size", own)
    sizes = {"shortest_edge": scaled} if isinstance(scaled, int) and found.get("do_center_crop") else scaled
    keep = isinstance(sizes, dict) and "shortest_edge" in sizes
    whole = _sides(sizes["shortest_edge"] if keep else sizes)
    cropped = _sides(found["crop_size"]) if found.get("do_center_crop") and "crop_size" in found else whole
    if keep and "crop_pct" in found:  # of ConvNeXT, which crops without do_center_crop
        keep = max(cropped) < WARPED
        whole = _sides(int(cropped[0] / float(found["crop_pct"] or 224 / 256))) if keep else cropped
    elif keep and str(found.get("image_processor_type")).startswith("Levit"):  # whose size is that of the crop
        whole = _sides(int(256 / 224 * whole[0]))
    share = min(1.0, *(part / side for part, side in zip(cropped, whole, strict=True)))
    word = RESAMPLING[int(found.get("resample", 2))]
    mean, deviation = _colours(found)
    return Preprocessing(cropped, mean, deviation, Resizing(word, keep, share, round_down=keep or share < 1))


def _switch(found: dict[str, Any], word: str, *, usual: bool = True) -> bool:
    """Return a switch of a preprocessing; one that is missing or null is as usual."""
    value = found.get(word)
    if value is not None and not isinstance(value, bool):
        raise CheckpointError(
            "the preprocessing cannot be read", found=f"{word}: {value!r}"[:100], expected=f"{word}: true or false"
        )
    return usual if value is None else value


def _colours(found: dict[str, Any]) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return mean and deviation for pixels from 0 to 1, empty where they are not said.

    Raises:
        ValueError: they are not three finite numbers, deviations and the factor above 0.
    """
    factor = float(found.get("rescale_factor") or 1 / 255) if _switch(found, "do_rescale") else 1.0
    white = 255 * factor
    if not 0 < white < math.inf:
        raise ValueError(f"rescale_factor is {factor}")
    white = 1.0 if math.isclose(white, 1.0, rel_tol=1e-6) else white
    if not _switch(found, "do_normalize"):
        found = {"image_mean": 0.0, "image_std": 1.0}
    colours = []
    for name in ("image_mean", "image_std"):
        value = found.get(name, ())
        numbers = (float(value),) * 3 if isinstance(value, int | float) else tuple(map(float, value))
        if len(numbers) not in (0, 3) or not all(map(math.isfinite, numbers)):
            raise ValueError(f"{name} is {value}")
        colours.append(tuple(number / white for number in numbers))
    if min(colours[1], default=1.0) <= 0:
        raise ValueError(f"image_std is {found['image_std']}")
    return colours[0], colours[1]


def _sides(size: Any) -> tuple[int, int]:
    """Return height and width of ``224``, ``[224, 224]`` or ``{"height": 224, "width": 224}``."""
    if isinstance(size, dict):
        return int(size["height"]), int(size["width"])
    height, width = (size, size) if isinstance(size, int) else size
    return int(height), int(width)


class Pooled(nn.Module):
    """A network of transformers that returns its feature alone."""

    def __init__(self, network: nn.Module, *, interpolate: bool) -> None:
        super().__init__()
        self.network = network
        self.more = {"interpolate_pos_encoding": True} if interpolate else {}

    def forward(self, images: Tensor) -> Tensor:
        """Return (n, d): the projected or pooled feature, else the class token."""
        found = self.network(pixel_values=images, **self.more)
        for word in ("image_embeds", "pooler_output"):
            feature: Tensor | None = getattr(found, word, None)
            if feature is not None:
                return feature
        hidden: Tensor = found.last_hidden_state
        return hidden[:, 0]
