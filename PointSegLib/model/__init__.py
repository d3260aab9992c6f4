"""The Point-Seg network: pure modules, their configurations and the checkpoint format."""

from PointSegLib.model.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from PointSegLib.model.config import PRESETS, PointSegConfig, paper_config, small_config, with_classes
from PointSegLib.model.point_seg import PointSeg, parameter_count
from PointSegLib.model.segmenter import PointCues
from PointSegLib.model.tracker import PointQueries, PointTracker, TrackedPoints

__all__ = [
    "PRESETS",
    "Checkpoint",
    "PointCues",
    "PointQueries",
    "PointSeg",
    "PointSegConfig",
    "PointTracker",
    "TrackedPoints",
    "load_checkpoint",
    "paper_config",
    "parameter_count",
    "save_checkpoint",
    "small_config",
    "with_classes",
]
