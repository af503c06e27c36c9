"""Pictures to match scores of pairs, by local features: which one of a kind is in stripes, spots, scars and print."""

from fieldguide.matching.describe import describe_pictures
from fieldguide.matching.described import DescribedPictures
from fieldguide.matching.lnbnn import nearest_matches
from fieldguide.matching.local_features import LocalFeatures
from fieldguide.matching.matcher import Matcher
from fieldguide.matching.registry import load_matcher, matcher_names
from fieldguide.matching.verification import verified_scores

__all__ = [
    "DescribedPictures",
    "LocalFeatures",
    "Matcher",
    "describe_pictures",
    "load_matcher",
    "matcher_names",
    "nearest_matches",
    "verified_scores",
]
