"""Training of the two stages and the cases their checkpoints are judged by."""

from PointSegLib.training.data import TrainingData
from PointSegLib.training.launch import Launch
from PointSegLib.training.settings import TrainingSettings, load_settings
from PointSegLib.training.stages import train_segmenter, train_tracker

__all__ = ["Launch", "TrainingData", "TrainingSettings", "load_settings", "train_segmenter", "train_tracker"]
