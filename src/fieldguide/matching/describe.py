"""From a table of pictures to their local features, kept by what is in the files as embeddings are."""

import logging
import warnings
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from fieldguide.core.arrays import Bytes
from fieldguide.core.machine import cores
from fieldguide.core.progress import progress
from fieldguide.embedding.cache import (
    EmbeddingCache,
    FileSignature,
    open_cache_of,
    sign_file,
    sign_in_memory,
    sign_region,
    unchanged,
)
from fieldguide.embedding.workers import Workers
from fieldguide.images.decoding import UnreadableError, decode, open_picture, open_rgb
from fieldguide.matching.described import DescribedPictures
from fieldguide.matching.local_features import LocalFeatures, record_width
from fieldguide.matching.matcher import Matcher
from fieldguide.records import ImageTable
from fieldguide.records.image_table import Source, whole_and_region

if TYPE_CHECKING:
    from PIL import Image

log = logging.getLogger("fieldguide")

SMALLEST = 16  # pixels of the shorter side; nothing is found in less
PATIENCE = 60.0  # seconds a picture


@dataclass(frozen=True)
class _Described:
    record: Bytes
    seen: FileSignature | None = None
    reason: str | None = None


def describe_pictures(
    pictures: ImageTable, matcher: Matcher, *, cache: bool = True, what: str = "local features", show: bool = True
) -> DescribedPictures:
    """Find the local features of all pictures of a table; those of one that cannot be read are none.

    Parameters
    ----------
    pictures : n of them
    matcher : what finds and describes keypoints
    cache : whether features of earlier runs are used, and those of this run kept
    what : what the progress bar says
    show : whether there is a progress bar
    """
    width = record_width(matcher.most, matcher.dim)
    records = np.zeros((len(pictures), width), np.uint8)
    kept = open_cache_of(f"{matcher.name}-{matcher.fingerprint}", width, np.uint8) if cache else None
    missing = kept.load_unchanged(pictures.sources, records) if kept else np.arange(len(pictures))
    reasons: dict[int, str] = {}
    with warnings.catch_warnings(), progress(what, len(missing), show=show and len(missing) > 0) as advance:
        warnings.filterwarnings("ignore", module="PIL")
        hands = Workers(partial(_describe, matcher=matcher, cache=kept), cores(), PATIENCE)
        try:
            with hands:
                jobs = hands.in_order((pictures.sources[row] for row in missing), ahead=8 * cores())
                for row, job in zip(missing.tolist(), jobs, strict=True):
                    try:
                        one = hands.result(job)
                    except TimeoutError:
                        one = _Described(_nothing(matcher), reason=f"not described within {PATIENCE:.0f} seconds")
                    records[row] = one.record
                    if one.reason:
                        reasons[row] = one.reason
                    elif kept and one.seen:
                        kept.add(one.seen, one.record)
                    advance()
        finally:
            if kept:
                kept.flush()
    if reasons:
        row, reason = next(iter(reasons.items()))
        log.warning("%d pictures could not be matched: %s (%s)", len(reasons), pictures.images[row], reason)
    features = (LocalFeatures.from_record(record, matcher.most, matcher.dim) for record in records)
    return DescribedPictures.of(list(features), matcher.dim)


def describe_one(source: Source, matcher: Matcher) -> LocalFeatures:
    """Find the local features of one picture, or of a region of it.

    Raises
    ------
    UnreadableError : it cannot be decoded.
    """
    return _features(open_rgb(source, matcher.longest), matcher)


def _describe(source: Source, *, matcher: Matcher, cache: EmbeddingCache | None) -> _Described:
    path, region = whole_and_region(source)
    try:
        if not isinstance(path, Path):
            seen = sign_in_memory(path) if isinstance(path, bytes) else None
            if seen and region is not None:
                seen = sign_region(seen, region)
            return _Described(describe_one(source, matcher).to_record(matcher.most), seen)
        with open_picture(path) as file:
            seen = sign_file(path, file, region) if cache else None
            if seen and cache and cache.contains(seen.content):
                record = np.zeros((1, record_width(matcher.most, matcher.dim)), np.uint8)
                content = np.frombuffer(seen.content, np.uint8)[None]
                if not len(cache.load(content, record, np.zeros(1, np.int64))):
                    return _Described(record[0], seen)
            features = _features(decode(file, matcher.longest, region), matcher)
            if seen and not unchanged(seen, path, file, region):  # while it was read: of which content are these?
                seen = None
            return _Described(features.to_record(matcher.most), seen)
    except UnreadableError as error:
        return _Described(_nothing(matcher), reason=str(error))


def _features(picture: "Image.Image", matcher: Matcher) -> LocalFeatures:
    if max(picture.size) > matcher.longest:
        picture = picture.copy()  # one in memory is the user's
        picture.thumbnail((matcher.longest, matcher.longest), reducing_gap=3.0)
    if min(picture.size) < SMALLEST:
        return LocalFeatures.none(matcher.dim, picture.size)
    return matcher.describe(np.asarray(picture))


def _nothing(matcher: Matcher) -> Bytes:
    return LocalFeatures.none(matcher.dim).to_record(matcher.most)
