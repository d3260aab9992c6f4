"""Metrics of masks, tracks and their steadiness in time, and the tables made of them."""

from PointSegLib.evaluation.runs import SegmentationCase, TrackingCase, evaluate_segmentation, evaluate_tracking
from PointSegLib.evaluation.summary import summarise, write_csv, write_json
from PointSegLib.evaluation.tracking import TrackSet

__all__ = [
    "SegmentationCase",
    "TrackSet",
    "TrackingCase",
    "evaluate_segmentation",
    "evaluate_tracking",
    "summarise",
    "write_csv",
    "write_json",
]
