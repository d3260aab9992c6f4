"""`Recording`: what a run over a clip leaves behind for the clicks that follow."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from PointSegLib.inference.clip_view import ClipView
from PointSegLib.inference.feature_store import FeatureStore
from PointSegLib.inference.sweep import WindowTracks
from PointSegLib.model.config import PointSegConfig

MEMORY_LIMIT = 2**30


@dataclass(eq=False)
class Recording:
    """Features of both encoders and the grid's tracks of one clip.

    Attributes:
        tracker: features of the tracker's encoder.
        segmenter: features of the segmenter's encoder.
        windows: the grid's tracks as each window knew them, tokens in half precision, on the CPU.
    """

    tracker: FeatureStore
    segmenter: FeatureStore
    windows: list[WindowTracks] = field(default_factory=list)

    @classmethod
    def of(cls, view: ClipView, memory_limit: int) -> Recording:
        """An empty one; each encoder may fill half of `memory_limit` bytes before its maps go to a file."""
        frames, config = len(view.clip), view.config
        read_by_tracker = {("levels", stride) for stride in config.tracker.levels} | {("images", None)}

        def read_by_segmenter(name: str, _stride: int | None) -> bool:
            return name == "levels" or (name == "detail" and _wants_detail(config))

        return cls(
            FeatureStore(frames, lambda *key: key in read_by_tracker, memory_limit // 2),
            FeatureStore(frames, read_by_segmenter, memory_limit // 2),
        )

    def note(self, tracks: WindowTracks) -> None:
        """Keep the tracks of the next window."""
        self.windows.append(replace(tracks, tokens=tracks.tokens.half().cpu()))

    @property
    def bytes_per_frame(self) -> int:
        """What the clip holds for each of its frames, in memory or in files; tracks of grid and clicks included."""
        frames = self.tracker.n_frames
        tracks = sum(part.nbytes for window in self.windows for part in (window.xy, window.confidence, window.tokens))
        return self.tracker.bytes_per_frame + self.segmenter.bytes_per_frame + tracks // frames


def _wants_detail(config: PointSegConfig) -> bool:
    """Whether the mask decoder goes on to the resolution of the backbone's first map."""
    return config.segmenter.mask_stride <= 2
