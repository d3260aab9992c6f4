"""`ClipTracking`: the points of one run, the user's followed both ways in time, in the company of the grid's."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from PointSegLib.inference.clip_view import ClipView
from PointSegLib.inference.sweep import TrackingSweep, WindowTracks
from PointSegLib.inference.windows import window_holding
from PointSegLib.model import PointTracker
from PointSegLib.model.encoder import FrameFeatures

FeaturesOf = Callable[[int], FrameFeatures]


class ClipTracking:
    """Tracks prompts and grid forwards, and the prompts back to the start so that they guide every frame's mask.

    Args:
        tracker: in evaluation mode, on its device.
        view: of the clip.
        prompts: `[M, 3]` rows (frame, x, y), positions normalised.
        company: None for the whole grid, put on the first window; else so many of its points, put on the first
            window that holds a prompt, where tracking then begins.
    """

    def __init__(self, tracker: PointTracker, view: ClipView, prompts: Tensor, company: int | None = None) -> None:
        self.tracker, self.view, self.prompts, self.company = tracker, view, prompts, company
        homes = [window_holding(int(frame), view.windows) for frame in prompts[:, 0]]
        self.begin = 0 if company is None else min(homes, default=0)
        self.queries = torch.cat([prompts, view.grid(self.begin, company)])
        self.sweep = TrackingSweep(tracker, self.queries, view.windows, len(view.clip), backward=False)
        self._last_home = max(homes, default=0)
        self._earlier_tokens = torch.zeros(len(prompts), 0, tracker.config.encoder.dim, dtype=torch.float16)

    def follow_back(self, features_of: FeaturesOf) -> None:
        """Track prompts put on later windows back to the start; does nothing where there are none.

        Args:
            features_of: gives the tracker's features of a window by its index; asked for the last one first.
        """
        if self._last_home == 0:
            return
        count, windows = len(self.prompts), self.view.windows[self._last_home :: -1]
        queries = torch.cat([self.prompts, self.view.grid(self._last_home, self.company)])
        back = TrackingSweep(self.tracker, queries, windows, len(self.view.clip), backward=True)
        tokens = self._earlier_tokens.new_zeros(count, windows[0][1], self._earlier_tokens.shape[-1])
        for index, (first, last) in enumerate(windows):
            tracked = of_prompts(back.step(index, features_of(self._last_home - index)), count)
            tokens[tracked.active, first:last] = tracked.tokens.half().cpu()
        self._earlier_tokens = tokens
        for prompt in range(count):
            # up to the end of its window: the one before overlaps it, and the forward sweep has not been there then
            known = slice(0, windows[int(back.home[prompt])][1])
            self.sweep.xy[prompt, known] = back.xy[prompt, known]
            self.sweep.confidence[prompt, known] = back.confidence[prompt, known]

    def step(self, index: int, features: FrameFeatures) -> WindowTracks:
        """Track through window `index`, in order from `begin` on; prompts of later windows are there all the same."""
        return _joined(self.sweep.step(index, features), self.waiting(index))

    def waiting(self, index: int) -> WindowTracks:
        """The prompts that lie in later windows, as `follow_back` found them in window `index`."""
        first, last = self.view.windows[index]
        rows = (self.sweep.home[: len(self.prompts)] > index).nonzero().flatten()
        tokens = self._earlier_tokens[rows, first:last].float()
        # nobody followed them back: whoever only tracks has no use for them here
        rows = rows[: len(rows) if tokens.shape[1] else 0]
        xy, confidence = self.sweep.xy[rows, first:last], self.sweep.confidence[rows, first:last]
        return WindowTracks(rows, xy, confidence, tokens[: len(rows)])


def of_prompts(tracks: WindowTracks, count: int) -> WindowTracks:
    """The user's points among those of a window: the first `count` of all."""
    rows = tracks.active < count
    on_device = rows.to(tracks.tokens.device)
    return WindowTracks(tracks.active[rows], tracks.xy[rows], tracks.confidence[rows], tracks.tokens[on_device])


def _joined(tracks: WindowTracks, others: WindowTracks) -> WindowTracks:
    if len(others.active) == 0:
        return tracks
    return WindowTracks(
        torch.cat([tracks.active, others.active]),
        torch.cat([tracks.xy, others.xy]),
        torch.cat([tracks.confidence, others.confidence]),
        torch.cat([tracks.tokens, others.tokens.to(tracks.tokens)]),
    )
