"""What a file of ``bench export`` says about its network, so that ``bench run`` finds it there."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from harness.data.resizing import Interpolation, Resizing
from harness.errors import CheckpointError, wanted
from harness.features.metric import Metric
from harness.methods.sizes import MAX_SIDE

CARD = "bench"
"""The name of the card in a file's metadata."""

LONGEST = 10_000
"""Of a card, in characters."""

Side = Annotated[int, Field(ge=1, le=MAX_SIDE)]


class Card(BaseModel):
    """The input and the origin of an exported network, which takes (n, 3, height, width) float32, RGB, 0 to 1.

    Attributes:
        run: the name of the run that it comes from.
        input_size: height and width in pixels.
        interpolation: with the next three, how pictures come to this size; see ``Resizing``.
        metric: how its features are compared.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    run: Annotated[str, Field(max_length=200)]
    input_size: tuple[Side, Side]
    interpolation: Interpolation = "bilinear"
    keep_ratio: bool = False
    share: Annotated[float, Field(gt=0, le=1)] = 1.0
    round_down: bool = False
    metric: Metric = "cosine"

    @property
    def resizing(self) -> Resizing:
        """The way to the input size."""
        return Resizing(self.interpolation, self.keep_ratio, self.share, self.round_down)


def read_card(text: str | None, where: object) -> Card | None:
    """Return the card in a file's metadata; None if the file comes from elsewhere.

    Raises:
        CheckpointError: it is damaged.
    """
    if not text:
        return None
    try:
        if len(text) > LONGEST:
            raise ValueError(f"{len(text)} characters")
        return Card.model_validate_json(text)
    except ValueError as problem:
        first = wanted(problem.errors()[0]) if isinstance(problem, ValidationError) else str(problem)
        raise CheckpointError(
            "what the file says about its network is damaged",
            where=where,
            found=first,
            next_step="export the run again with 'bench export'",
        ) from None
