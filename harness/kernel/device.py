"""The counting pass in torch operations, for a GPU: the same bounds, the same canonical arithmetic, the same integers.

Elementwise float64 operations of torch are rounded once each and never contracted, one kernel an operation, so that the
canonical similarity has the same bits on a GPU as on a processor. The first pass multiplies float16 (float32 if asked
for), whose residuals are an eighth of bfloat16's, with float32 sums and output; ``ACCUMULATION`` covers the bits that
tensor cores cut off.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from harness.data.images import IntArray
from harness.kernel.bounds import (
    OUTPUT_FLOAT32,
    FloatArray,
    Lengths,
    Measured,
    band_of,
    below,
    biases_of,
    bound_of,
    centre_of,
    errors_of,
    lengths,
    less_centre,
    rounded_biases,
    scale_of,
    shifts_of,
    slacks_of,
    targets_of,
)
from harness.kernel.exact import tolerance
from harness.kernel.native.fold import LANES
from harness.kernel.native.nearest import insert_pairs
from harness.kernel.native.scores import BLANK, LOWEST
from harness.kernel.native.tuples import NO_MEANS, Block, Bound, Means
from harness.kernel.neighbours import Lists
from harness.kernel.passes import Job, units_within

ACCUMULATION = 2.0**-21
"""Error of one addition in a tensor core, which aligns the terms of a step to the greatest and cuts off lower bits."""

SMALLEST = 2.0**-14
"""The least normal float16: some tensor cores take smaller numbers for zero."""

QUERIES, IMAGES = 4096, 16384
"""Rows and columns of one product: 256 MB of scores."""

PAIRS = 1 << 16
"""Pairs whose canonical similarity is computed at once."""


@dataclass(frozen=True, eq=False)
class Table(Measured):
    """Rows on the device.

    Attributes:
        rows: (n, d) float32 as stored, or float64 sums.
        norms: (n,) float64 squared norms.
        values: (n, d) rounded for the product.
        rests: (n, d) float64 of sums, see ``Means``; (0, 0) if the rows are images.
        images: (n,) float64 likewise.
    """

    rows: Tensor
    norms: Tensor
    values: Tensor
    rests: Tensor
    images: Tensor


class DevicePass:
    """Counts as ``Pass`` does, by torch.

    Args:
        job: the work; its lists are without the least similarity.
        device: a torch device.
        half: whether to multiply float16.
    """

    def __init__(self, job: Job, *, device: str, half: bool = True) -> None:
        queries, entries = job.queries, job.entries
        self.plan = job.plan
        self.entries = entries
        self.device = torch.device(device)
        self.euclidean = job.settings.euclidean
        self.type = torch.float16 if half else torch.float32
        self.width = queries.rows.shape[1]
        self.closer = np.zeros(len(entries.pair), dtype=np.int64)
        self.tied = np.zeros(len(entries.pair), dtype=np.int64)
        self.again = 0
        self.values = job.limits.similarities[entries.pair]
        self.lists = job.empty_lists()
        self.centre = centre_of(queries.rows, queries.norms, euclidean=self.euclidean)
        self.queries = self._prepare(queries.rows, queries.norms, NO_MEANS)
        self.shifts = shifts_of(self.queries, self.centre, euclidean=self.euclidean)

    def count(self, block: Block) -> None:
        """Add a block to the counts, and to the lists."""
        for first, last in units_within(block.starts, IMAGES):
            own = block.part(first, last)
            part = _Columns(self._prepare(own.rows, own.norms, own.means), own.first, own.starts, self._put(own.starts))
            for start in range(0, len(self.shifts), QUERIES):
                self._tile(part, start, min(start + QUERIES, len(self.shifts)))

    def _put(self, values: npt.NDArray[np.generic]) -> Tensor:
        return torch.from_numpy(np.ascontiguousarray(values)).to(self.device)

    def _prepare(self, stored: npt.NDArray[np.floating], squares: FloatArray, means: Means) -> Table:
        """Return rows centred, scaled and rounded; see ``native.prepare``."""
        rows, norms, centre = self._put(stored), self._put(squares), self._put(self.centre)
        rests, images = self._put(means.rests), self._put(means.images)
        directions = rows.double()
        if not self.euclidean:
            directions = directions * torch.where(norms > 0, 1 / norms.sqrt(), torch.zeros_like(norms))[:, None]
        elif len(images):
            squares = squares / means.images**2
        scale = scale_of(squares, self.centre, euclidean=self.euclidean)
        centring = self.euclidean and len(images)
        exact = (less_centre(directions, (rests, images), centre) if centring else directions - centre) * scale
        values = exact.float().to(self.type)
        if self.type is torch.float16:
            values.masked_fill_(values.abs() < SMALLEST, 0)
        rounded = values.double()
        residuals = (exact - rounded).square().sum(1).sqrt()
        sizes = (residuals, rounded.square().sum(1).sqrt(), (exact * centre).sum(1), exact.square().sum(1))
        known = torch.stack(sizes, dim=1).cpu().numpy()
        measured = lengths(known, self.width), known[:, 2], known[:, 3], scale
        return Table(*measured, rows, norms, values, rests, images)

    def _tile(self, part: _Columns, start: int, stop: int) -> None:
        """Multiply some queries with some images and count."""
        own, gallery = self.queries, part.table
        biases = biases_of(own, gallery, euclidean=self.euclidean)
        bound = bound_of(own, gallery, biases, OUTPUT_FLOAT32)
        some = Lengths(
            *(column[start:stop] for column in (own.lengths.residual, own.lengths.rounded, own.lengths.exact))
        )
        errors = errors_of(some, gallery.lengths, self.width, bound.offset, ACCUMULATION)
        scores = self._multiply(own.values[start:stop], gallery.values)
        scores -= self._put(rounded_biases(biases))
        if len(part.starts) - 1 < scores.shape[1]:
            scores = part.reduce(scores)
        tile = _Tile(part, start, scores, errors, bound)
        self._blank(tile, self.plan.ignored.starts, self.plan.ignored.units)
        if self.lists is not None:
            self._list(tile, self.lists)
        self._blank(tile, self.plan.positives.starts, self.plan.positives.units)
        for draw in range(max(len(self.plan.drawn), 1)):
            self._count(tile, draw)

    def _multiply(self, a: Tensor, b: Tensor) -> Tensor:
        """Return the product of a and b transposed as float32, summed in float32."""
        if self.type is torch.float32 or self.device.type == "cpu":
            return torch.mm(a.float(), b.float().T)
        return torch.mm(a, b.T, out_dtype=torch.float32)

    def _blank(self, tile: _Tile, starts: IntArray, units: IntArray) -> None:
        """Blank the listed units of each query."""
        stop = tile.start + len(tile.scores)
        rows = np.repeat(np.arange(len(tile.scores)), np.diff(starts[tile.start : stop + 1]))
        columns = units[starts[tile.start] : starts[stop]] - tile.part.first
        inside = (columns >= 0) & (columns < tile.scores.shape[1])
        tile.scores[self._put(rows[inside]), self._put(columns[inside])] = float(BLANK)

    def _count(self, tile: _Tile, draw: int) -> None:
        """Count the asks of one draw, the n-th entry of each at a time."""
        asks = self._asks(tile, draw)
        if not len(asks):
            return
        begin, end = self.entries.entry_starts[asks], self.entries.entry_starts[asks + 1]
        rows = self.entries.query[begin] - tile.start
        scores = tile.scores if len(rows) == len(tile.scores) else tile.scores[self._put(rows)]
        if len(self.plan.drawn):
            first = tile.part.first
            drawn = self._put(self.plan.drawn[draw, first : first + scores.shape[1]])
            scores = torch.where(drawn, scores, torch.full_like(scores, float(BLANK)))
        for place in range(int((end - begin).max())):
            live = np.flatnonzero(begin + place < end)
            some = scores if len(live) == len(scores) else scores[self._put(live)]
            self._count_entries(tile, some, begin[live] + place, rows[live])

    def _asks(self, tile: _Tile, draw: int) -> IntArray:
        table = self.entries
        first, last = table.ask_starts[tile.start], table.ask_starts[tile.start + len(tile.scores)]
        asks = np.arange(first, last)
        return np.asarray(asks[table.ask_draw[first:last] == draw])

    def _count_entries(self, tile: _Tile, scores: Tensor, entries: IntArray, rows: IntArray) -> None:
        """Count one entry for each row of scores."""
        low, high = self._band(tile, self.values[entries], rows)
        above = (scores > high[:, None]).sum(1)
        inside = (scores >= low[:, None]) & (scores <= high[:, None])
        self.closer[entries] += above.cpu().numpy()
        found = inside.nonzero()
        self.again += len(found)
        for first in range(0, len(found), PAIRS):
            pairs = found[first : first + PAIRS]
            which, units = pairs[:, 0].cpu().numpy(), pairs[:, 1]
            similar = self._canonical(tile, rows[which], units)
            value = self.values[entries[which]]
            limit = tolerance(self.width) * (np.maximum(-similar, -value) if self.euclidean else 1.0)
            np.add.at(self.closer, entries[which], similar - value > limit)
            np.add.at(self.tied, entries[which], np.abs(similar - value) <= limit)

    def _band(self, tile: _Tile, values: FloatArray, rows: IntArray) -> tuple[Tensor, Tensor]:
        """Return the scores from which and up to which the first pass cannot decide; see ``bounds``."""
        shifts, scale = self.shifts[tile.start + rows], tile.bound.scale
        targets = targets_of(values, shifts, euclidean=self.euclidean) * scale
        slacks = slacks_of(values, shifts, self.width, euclidean=self.euclidean) * scale
        low, high = (self._put(edge) for edge in band_of(targets, tile.errors[rows] + slacks, tile.bound))
        return low, high

    def _canonical(self, tile: _Tile, rows: IntArray, units: Tensor) -> FloatArray:
        """Return the canonical similarity of pairs of a tile's row and unit: the greatest over the unit's images."""
        starts = tile.part.on_device
        sizes = starts[units + 1] - starts[units]
        pair = torch.repeat_interleave(torch.arange(len(units), device=self.device), sizes)
        edges = sizes.cumsum(0) - sizes
        images = starts[units][pair] + torch.arange(len(pair), device=self.device) - edges[pair]
        asked = self._put(rows)[pair] + tile.start
        pieces = [
            self._similar(tile, asked[first : first + PAIRS], images[first : first + PAIRS])
            for first in range(0, len(pair), PAIRS)
        ]
        return np.asarray(np.maximum.reduceat(np.concatenate(pieces), edges.cpu().numpy()))

    def _similar(self, tile: _Tile, asked: Tensor, images: Tensor) -> FloatArray:
        """Return the canonical similarity of query rows and images, in the order of sums that ``exact`` defines."""
        gallery = tile.part.table
        a, b = self.queries.rows[asked].double(), gallery.rows[images].double()
        if self.euclidean and len(gallery.images):
            count = gallery.images[images]
            step = (count[:, None] * a - b) - gallery.rests[images]
            # Divided by numpy, as below.
            return np.asarray(-ordered_sum(step * step).cpu().numpy() / (count * count).cpu().numpy())
        if self.euclidean:
            step = a - b
            return np.asarray(-ordered_sum(step * step).cpu().numpy())
        norms = (self.queries.norms[asked] * gallery.norms[images]).cpu().numpy()
        # Not all of torch's square roots are rounded correctly: on a processor they are MKL's. numpy's are.
        dots = ordered_sum(a * b).cpu().numpy()
        return np.asarray(np.divide(dots, np.sqrt(norms), out=np.zeros_like(dots), where=norms > 0))

    def _list(self, tile: _Tile, lists: Lists) -> None:
        """Bring the lists up to date; of several draws, those of the first."""
        scores, most = tile.scores, lists.units.shape[1]
        if len(self.plan.drawn):
            first = tile.part.first
            drawn = self._put(self.plan.drawn[0, first : first + scores.shape[1]])
            scores = torch.where(drawn, scores, torch.full_like(scores, float(BLANK)))
        rows = np.arange(len(scores))
        low = torch.full((len(scores),), LOWEST, dtype=torch.float32, device=self.device)
        if most < scores.shape[1]:
            last = scores.topk(most, dim=1).values[:, -1].double().cpu().numpy()
            low = torch.maximum(low, self._put(self._below(tile, last)))
        full = np.flatnonzero(lists.numbers[tile.start + rows] == most)
        least = lists.similarities[tile.start + full, most - 1]
        place = self._put(full)
        low[place] = torch.maximum(low[place], self._band(tile, least, full)[0])
        found = (scores >= low[:, None]).nonzero()
        for first in range(0, len(found), PAIRS):
            pairs = found[first : first + PAIRS]
            which = pairs[:, 0].cpu().numpy()
            similar = self._canonical(tile, which, pairs[:, 1])
            units = pairs[:, 1].cpu().numpy() + tile.part.first
            insert_pairs(lists, which + tile.start, units, similar)

    def _below(self, tile: _Tile, score: FloatArray) -> npt.NDArray[np.float32]:
        """Return a score so far below that no unit under it can be nearer than one at ``score``."""
        shifts, bound = self.shifts[tile.start : tile.start + len(score)], tile.bound
        slacks = 2 * shifts * bound.scale + 2 * (1 + bound.offset) if self.euclidean else 1.0
        return below(score, tile.errors + 8 * tolerance(self.width) * slacks, bound)


@dataclass(frozen=True, eq=False)
class _Columns:
    """Some units of the gallery: their images, the first unit, and the images of each, here and on the device."""

    table: Table
    first: int
    starts: IntArray
    on_device: Tensor

    @cached_property
    def unit_of(self) -> Tensor:
        """(images,) the unit of each image, from 0."""
        sizes = self.on_device.diff()
        return torch.repeat_interleave(torch.arange(len(sizes), device=sizes.device), sizes)

    def reduce(self, scores: Tensor) -> Tensor:
        """Return the greatest score of each unit."""
        best = torch.full((len(scores), len(self.starts) - 1), float(BLANK), device=scores.device)
        return best.scatter_reduce_(1, self.unit_of.expand_as(scores), scores, "amax")


@dataclass(frozen=True, eq=False)
class _Tile:
    """Scores of some queries and units, with their bound; see ``native.tuples.Tile``."""

    part: _Columns
    start: int
    scores: Tensor
    errors: FloatArray
    bound: Bound


def ordered_sum(terms: Tensor) -> Tensor:
    """Return the sum of each row: term i goes to sum i modulo 32, then the sums are folded by halves.

    Args:
        terms: (n, d) float64.
    """
    sums = torch.zeros((len(terms), LANES), dtype=torch.float64, device=terms.device)
    for piece in torch.split(terms, LANES, dim=1):
        sums[:, : piece.shape[1]] += piece
    width = LANES // 2
    while width:
        sums[:, :width] += sums[:, width : 2 * width]
        width //= 2
    return sums[:, 0]
