"""`unequal_data`: whether the masks of two networks were learnt from as much, as far as their words tell."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

FRAMES, PATIENTS, CLIPS = r"(\d+) annotated (?:ED/ES )?frames", r"frames of (\d+) patients", r"(\d+) clips of "


def data_of_masks(provenance: Mapping[str, Any]) -> str:
    """What a network says its masks were learnt from, each stage's words once; "" where it says nothing."""
    stages = [stage for name, stage in provenance.items() if name != "tracker" and isinstance(stage, Mapping)]
    return "; ".join(dict.fromkeys(stage["data"] for stage in stages if isinstance(stage.get("data"), str)))


def unequal_data(ours: str, peers: str) -> str:
    """Compare the numbers of frames, patients and clips.

    Args:
        ours: words of `data_of_masks`, or of `training.data.Material`, on PointSeg.
        peers: such words on the network it is compared with.

    Returns:
        A warning for the reader of a comparison; "" where the numbers are the same.
    """
    if not ours or not peers:
        silent = " and ".join(name for name, said in (("PointSeg", ours), ("the other network", peers)) if not said)
        return f"**Perhaps unequal training data**: {silent} cannot say from what the masks were learnt."
    mine, other = (
        [max(map(int, re.findall(count, said)), default=None) for count in (FRAMES, PATIENTS, CLIPS)]
        for said in (ours, peers)
    )
    if mine == other:
        return ""
    return (
        f"**Unequal training data**: PointSeg's masks were learnt from {ours}; the other network's from {peers}. "
        "Their scores may differ by that; give the --data, --packed and --clips that PointSeg was trained with."
    )
