"""From embeddings and a ranking to groups, each a new class."""

from fieldguide.discovery.clusterer import DiscoveryClusterer
from fieldguide.discovery.new_classes import Discovery, NewClass, discover, nearest_label

__all__ = ["Discovery", "DiscoveryClusterer", "NewClass", "discover", "nearest_label"]
