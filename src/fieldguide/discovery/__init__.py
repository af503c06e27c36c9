"""From embeddings and a ranking to groups, each a new class."""

from fieldguide.discovery.clusterer import DiscoveryClusterer
from fieldguide.discovery.new_classes import Discovery, NewClass, discover, nearest_label
from fieldguide.discovery.number import NumberOfClasses

__all__ = ["Discovery", "DiscoveryClusterer", "NewClass", "NumberOfClasses", "discover", "nearest_label"]
