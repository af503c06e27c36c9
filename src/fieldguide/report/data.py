"""All that a report is drawn from: the answers, the pictures and embeddings behind them, the truth."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from importlib.util import find_spec
from typing import Any

import numpy as np

from fieldguide.core.arrays import Anything, Flags, Floats, Ints
from fieldguide.core.errors import FieldguideError
from fieldguide.embedding import EmbeddingTable
from fieldguide.evaluation import Score, evaluate, resolve_labels
from fieldguide.recognition import NOTHING, UNKNOWN, DBSCANRule, Ranking
from fieldguide.records import ImageTable
from fieldguide.report.details import RunFacts
from fieldguide.report.plane import Plane, lay_out, lay_out_epochs


def check_report() -> None:
    """Refuse, before hours of work, a report that could not be drawn after it.

    Raises
    ------
    FieldguideError : the extra `report` is not installed.
    """
    if any(find_spec(name) is None for name in ("jinja2", "matplotlib")):
        raise FieldguideError("what reports need is not installed: pip install 'fieldguide[report]'")


@dataclass(frozen=True)
class ReportData:
    """Answers, the pictures and embeddings behind them, and what else is known.

    Attributes
    ----------
    ranking : of n queries
    facts : how the answers were found
    gallery : the pictures that `ranking.nearest` counts
    queries : (n,) their names and where they lie
    gallery_embeddings : (n_gallery, dim), NaN for pictures that could not be read
    query_embeddings : of the queries that could be read
    truth : the true label of a query by its name, the unknown label for distractors; None if it is not known
    leaderboard : rows of a leaderboard
    training : what each epoch of a training run left
    stages : by epoch, what a training run made of gallery and queries: their adapted embeddings
    layout : how the map is laid out, as in `lay_out`
    """

    ranking: Ranking
    facts: RunFacts
    gallery: ImageTable
    queries: ImageTable
    gallery_embeddings: Floats
    query_embeddings: EmbeddingTable
    truth: Mapping[str, str] | None = None
    leaderboard: Sequence[Mapping[str, Any]] = ()
    training: Sequence[Mapping[str, Any]] = ()
    stages: Mapping[int, tuple[Floats, EmbeddingTable]] = field(default_factory=dict)
    layout: str = "t-sne"

    @cached_property
    def plane(self) -> Plane:
        """Where gallery and queries lie on the map; worked out once."""
        return lay_out(
            self.gallery_embeddings,
            np.asarray(self.gallery.labels),
            self.query_embeddings,
            self.facts.seed,
            self.layout,
        )

    @cached_property
    def gallery_codes(self) -> Ints:
        """(n_gallery,) the class of each gallery picture, as the ranking's codes."""
        code = {str(label): place for place, label in enumerate(self.ranking.classes)}
        return np.array([code[label] for label in self.gallery.labels or ()], np.int64)

    @cached_property
    def unanswered(self) -> Flags:
        """(n,) which queries could not be read, so that they have no answer, not even none of these.

        One that was answered, and is no longer there, is not among them.
        """
        ranking = self.ranking
        bare: Flags = ranking.is_unknown() & (ranking.codes[:, 1:] == NOTHING).all(axis=1)
        bare &= np.isnan(ranking.probability[:, 0])
        unreadable = np.zeros(len(ranking), bool)
        unreadable[list(self.query_embeddings.unreadable)] = True
        return bare & unreadable

    @cached_property
    def dbscan(self) -> Flags:
        """(n_readable,) whether a query lies in no cluster of DBSCAN's with a gallery picture, on the map itself.

        The report clustered the very t-SNE that it showed; one sees here what the rule sees.
        """
        queries = self.plane.queries[np.asarray(self.query_embeddings.rows)]
        read = ~np.isnan(self.plane.gallery[:, 0])
        codes = np.unique(self.gallery_codes[read], return_inverse=True)[1]
        return DBSCANRule().judge_points(self.plane.gallery[read], codes, queries).is_distractor

    @cached_property
    def planes(self) -> dict[int, Plane]:
        """Where gallery and queries lie at each stage of a training; worked out once."""
        return lay_out_epochs(self.stages, self.facts.seed, self.layout)

    @cached_property
    def scores(self) -> list[Score]:
        """The scores by the truth; none where it is not known."""
        true = true_codes(self.ranking, self.truth or {})
        rows = np.flatnonzero(true != NOTHING).tolist()
        if not len(rows):
            return []
        names = [*map(str, self.ranking.classes), self.ranking.unknown]  # code -1 takes the last
        evaluation = evaluate(
            [self.ranking.labels(row) for row in rows],
            [names[true[row]] for row in rows],
            distractor_score=self.ranking.distractor_score[rows],
            unknown=self.ranking.unknown,
            known_classes=[str(label) for label in self.ranking.classes],
            k=self.ranking.codes.shape[1],
        )
        return list(evaluation)


def true_codes(ranking: Ranking, truth: Mapping[str, str]) -> Anything:
    """(n,) the code of each query's true label: `UNKNOWN` for distractors, `NOTHING` where the truth is not known."""
    code = {str(label): place for place, label in enumerate(ranking.classes)} | {ranking.unknown: UNKNOWN}
    named = [name for name in ranking.names if name in truth]
    true = resolve_labels([truth[name] for name in named], [str(label) for label in ranking.classes], ranking.unknown)
    codes = {name: code[label] for name, label in zip(named, true, strict=True)}
    return np.array([codes.get(name, NOTHING) for name in ranking.names], np.int64)


def unknown_probability(ranking: Ranking) -> Floats:
    """(n,) how probably each query is a distractor: 0 or 1 where the recognizer gives no probability.

    Where the unknown label is not among the k answers it is less likely than all of them, and counts as 0.
    """
    is_unknown: Flags = ranking.codes == UNKNOWN
    probability = np.where(np.isnan(ranking.probability), 1.0, ranking.probability)
    unknown: Floats = np.where(is_unknown, probability, 0).sum(axis=1).astype(np.float32)
    return unknown


def confidence(ranking: Ranking) -> Floats:
    """(n,) the probability of the first answer, or its similarity where there is none; NaN where there is neither."""
    first = ranking.probability[:, 0]
    return np.where(np.isnan(first), best_similarity(ranking), first).astype(np.float32)


def best_similarity(ranking: Ranking) -> Floats:
    """(n,) the highest cosine similarity among the answers; NaN where the unknown label is the only one."""
    highest = np.max(np.nan_to_num(ranking.similarity, nan=-np.inf), axis=1)
    return np.where(np.isinf(highest), np.nan, highest).astype(np.float32)
