"""Backbones: the networks that turn pictures into embeddings, by name."""

from fieldguide.backbones.backbone import Backbone, fingerprint
from fieldguide.backbones.registry import backbone_names, load_backbone

__all__ = ["Backbone", "backbone_names", "fingerprint", "load_backbone"]
