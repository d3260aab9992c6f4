"""Test doubles of the network: they follow the predictor's contract, quickly and in a way tests can foretell."""

from __future__ import annotations

import threading
import time
from typing import Any

import numpy as np

from PointSegLib.clip import CineClip
from PointSegLib.result import LEFT_ATRIUM, LV_CAVITY, MYOCARDIUM, PointSegResult, PointTracks

GRID_STEP = 16


class FakePredictor:
    """Labels a moving ring (wall) around a disc (cavity) with an atrium below; all points move with the ring.

    The atrium is missing in every third frame, and the last grid point is hidden in frame 1.
    """

    def __init__(self) -> None:
        self.calls: list[tuple[CineClip, Any]] = []

    def __call__(self, clip: CineClip, points: np.ndarray | None = None, progress: Any = None) -> PointSegResult:
        self.calls.append((clip, points))
        labels = np.stack([movingHeart(clip.size_wh, frame) for frame in range(len(clip))])
        for frame in range(len(clip)):
            if progress is not None:
                progress(frame + 1, len(clip))
        return PointSegResult(labels=labels, tracks=self._tracks(clip, points), warnings=("made by a test double",))

    @staticmethod
    def _tracks(clip: CineClip, points: np.ndarray | None) -> PointTracks:
        width, height = clip.size_wh
        grid = np.stack(np.meshgrid(np.arange(8, width, GRID_STEP), np.arange(8, height, GRID_STEP)), -1).reshape(-1, 2)
        queries = np.concatenate([np.zeros((len(grid), 1)), grid], axis=1)
        prompts = np.zeros((0, 3)) if points is None else np.asarray(points, float)
        queries = np.concatenate([prompts, queries]).astype(np.float32)
        frames = np.arange(len(clip))
        xy = np.repeat(queries[:, None, 1:], len(clip), axis=1).astype(np.float32)
        xy[..., 0] += shift(frames)[None] - shift(queries[:, :1].astype(int))
        visible = np.ones(xy.shape[:2], bool)
        if len(clip) > 1:
            visible[-1, 1] = False
        isPrompt = np.arange(len(queries)) < len(prompts)
        return PointTracks(xy, visible, np.where(visible, 0.9, 0.1).astype(np.float32), isPrompt, queries)


class FailingPredictor:
    """Fails after its first frame, as a network that runs out of memory does."""

    def __call__(self, clip: CineClip, points: Any = None, progress: Any = None) -> PointSegResult:
        if progress is not None:
            progress(1, len(clip))
        raise RuntimeError("out of memory")


class SlowPredictor:
    """Waits at its second frame until it is let go, then continues as `then`."""

    def __init__(self, then: Any = None) -> None:
        self.then = then or FakePredictor()
        self.waiting, self.letGo = threading.Event(), threading.Event()

    def __call__(self, clip: CineClip, points: Any = None, progress: Any = None) -> PointSegResult:
        if progress is not None:
            progress(1, len(clip))
        self.waiting.set()
        assert self.letGo.wait(300)
        return self.then(clip, points, progress)


class EndlessPredictor:
    """Works at its first frame until it is cancelled."""

    def __init__(self) -> None:
        self.working = threading.Event()

    def __call__(self, clip: CineClip, points: Any = None, progress: Any = None) -> PointSegResult:
        deadline = time.monotonic() + 300
        while time.monotonic() < deadline:
            progress(1, len(clip))
            self.working.set()
            time.sleep(0.005)
        raise TimeoutError("nobody cancelled")


def shift(frame: Any) -> Any:
    """Pixels the fake heart has moved to the right by a frame."""
    return np.float32(2.0) * (np.asarray(frame) % 5)


def movingHeart(sizeWh: tuple[int, int], frame: int) -> np.ndarray:
    """uint8 `[H, W]` labels of the fake heart in a frame."""
    width, height = sizeWh
    y, x = np.mgrid[:height, :width]
    x = x - width * 0.4 - float(shift(frame))
    inner = np.hypot(x, y - height * 0.4) / (0.18 * height)
    labels = np.zeros((height, width), np.uint8)
    if frame % 3 != 2:
        labels[np.hypot(x, y - height * 0.8) < 0.12 * height] = LEFT_ATRIUM
    labels[inner < 1.5] = MYOCARDIUM
    labels[inner < 1.0] = LV_CAVITY
    return labels
