"""`ClickTracks`: each click of an open clip followed once, in the company of a few grid points."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from PointSegLib.inference.clip_view import ClipView
from PointSegLib.inference.sweep import WindowTracks
from PointSegLib.inference.tracking import ClipTracking, FeaturesOf, of_prompts
from PointSegLib.model import PointTracker

# six clicks on a real clip went 0.06 of the network's 256 pixels astray on average against the company of the whole
# grid, and alone 0.2; 16 points cost a sixth more time than none, the grid three times as much
COMPANY = 16


@dataclass(frozen=True, eq=False)
class ClickTrack:
    """Points of the user followed through the whole clip, M of them.

    Attributes:
        windows: as each window knew them, tokens in half precision, on the CPU.
        xy: `[M, T, 2]` normalised positions.
        confidence: `[M, T]` in 0..1.
    """

    windows: list[WindowTracks]
    xy: Tensor
    confidence: Tensor


class ClickTracks:
    """Follows every click for itself, so that what is found depends on no other click and is found once.

    Args:
        tracker: in evaluation mode, on its device.
        view: of the clip.
    """

    def __init__(self, tracker: PointTracker, view: ClipView) -> None:
        self.tracker, self.view = tracker, view
        self._found: dict[tuple[float, ...], ClickTrack] = {}

    def of(self, query: Tensor, features_of: FeaturesOf) -> ClickTrack:
        """The track of one click.

        Args:
            query: `[3]`, (frame, x, y) with a normalised position.
            features_of: gives the tracker's features of a window by its index.
        """
        key = tuple(query.tolist())
        if key not in self._found:
            self._found[key] = self.together(query[None], features_of)
        return self._found[key]

    def together(self, queries: Tensor, features_of: FeaturesOf) -> ClickTrack:
        """The tracks of points `[M, 3]` that are each other's company too; not kept."""
        tracking = ClipTracking(self.tracker, self.view, queries, COMPANY)
        count, windows = len(queries), []
        if len(self.view.clip) == 1:
            windows.append(of_prompts(tracking.sweep.rest(), count))
        else:
            tracking.follow_back(features_of)
            for index in range(len(self.view.windows)):
                early = index < tracking.begin
                tracks = tracking.waiting(index) if early else tracking.step(index, features_of(index))
                found = of_prompts(tracks, count)
                windows.append(replace(found, tokens=found.tokens.half().cpu()))
        return ClickTrack(windows, tracking.sweep.xy[:count].clone(), tracking.sweep.confidence[:count].clone())


def side_by_side(parts: Sequence[WindowTracks]) -> WindowTracks:
    """The points of several runs through one window, numbered anew."""
    return WindowTracks(
        torch.arange(sum(len(part.active) for part in parts)),
        torch.cat([part.xy for part in parts]),
        torch.cat([part.confidence for part in parts]),
        torch.cat([part.tokens for part in parts]),
    )
