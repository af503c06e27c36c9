"""Rules that call queries distractors. A new rule is one file beside this one."""

from fieldguide.recognition.distractors.dbscan import DBSCANRule
from fieldguide.recognition.distractors.evoc import EVoCRule
from fieldguide.recognition.distractors.hdbscan import HDBSCANRule
from fieldguide.recognition.distractors.rule import DistractorRule, NoRule, Verdict
from fieldguide.recognition.distractors.threshold import ThresholdRule

__all__ = ["DBSCANRule", "DistractorRule", "EVoCRule", "HDBSCANRule", "NoRule", "ThresholdRule", "Verdict"]
