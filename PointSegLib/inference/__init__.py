"""Running the network over clips."""

from PointSegLib.inference.predictor import EMBEDDED, PointSegPredictor

__all__ = ["EMBEDDED", "PointSegPredictor"]
