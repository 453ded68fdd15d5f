"""k-reciprocal re-ranking as a step; ``harness.kernel.rerank`` defines it."""

from __future__ import annotations

from types import MappingProxyType

from pydantic import Field

from harness import FeatureSets, Options, PositiveRanks, RankingStep, Relevance, Reranking
from harness.kernel.rerank import rerank
from harness.tasks.reranking import LARGEST


class KReciprocalOptions(Options):
    """The paper's three numbers."""

    k1: int = Field(20, ge=1, le=LARGEST, description="size of the neighbourhoods (section 4.1)")
    k2: int = Field(6, ge=1, le=LARGEST, description="neighbours whose encodings are averaged (section 4.1)")
    share: float = Field(0.3, ge=0, le=1, alias="lambda", description="weight of the original distance (section 4.1)")


class KReciprocal(RankingStep):
    """Ranks by the nearest images that queries and gallery images share."""

    about = "re-ranking by k-reciprocal neighbours (Zhong et al., 2017)"
    source = "Zhong et al., Re-ranking Person Re-identification with k-reciprocal Encoding, CVPR 2017"
    grid = MappingProxyType({"k1": (5, 10, 15, 30, 40), "k2": (1, 2, 4, 10), "lambda": (0.1, 0.2, 0.4, 0.5, 0.7)})
    Options = KReciprocalOptions

    def rank(self, sets: FeatureSets, relevance: Relevance) -> tuple[PositiveRanks, ...]:
        """Return the ranks after re-ranking."""
        options = self.options
        return rerank(
            sets.query,
            sets.gallery,
            relevance,
            Reranking(options.k1, options.k2, options.share),
            metric=sets.metric,
            machine=sets.machine,
            progress=sets.progress,
        )
