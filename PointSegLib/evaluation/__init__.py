"""Metrics of masks, tracks, clicks and steadiness in time, paired statistics, and the tables made of them."""

from PointSegLib.evaluation.clicks import evaluate_clicks
from PointSegLib.evaluation.runs import SegmentationCase, TrackingCase, evaluate_segmentation, evaluate_tracking
from PointSegLib.evaluation.statistics import compare_paired, compare_with_baselines, holm
from PointSegLib.evaluation.summary import summarise, write_csv, write_json
from PointSegLib.evaluation.tracking import TrackSet

__all__ = [
    "SegmentationCase",
    "TrackSet",
    "TrackingCase",
    "compare_paired",
    "compare_with_baselines",
    "evaluate_clicks",
    "evaluate_segmentation",
    "evaluate_tracking",
    "holm",
    "summarise",
    "write_csv",
    "write_json",
]
