"""Query points: the automatic grid and how a window's `PointQueries` are put together."""

from __future__ import annotations

import torch
from torch import Tensor

from PointSegLib.model.encoder import FrameFeatures
from PointSegLib.model.layers import grid_positions
from PointSegLib.model.tracker import PointDescription, PointTracker


def staggered_grid(size: int) -> tuple[Tensor, Tensor]:
    """The two halves of a regular grid, like the black and the white squares of a chessboard.

    One half is put on the first frame of a clip and the other on the last frame of its first window, so that tissue
    which only one of them shows is followed too.

    Returns:
        Two tensors `[about size^2 / 2, 2]` of normalised positions.
    """
    cells = grid_positions(size, size)
    index = torch.arange(size * size)
    white = (index // size + index % size) % 2 == 0
    return cells[white], cells[~white]


def describe_points(
    tracker: PointTracker, features: FrameFeatures, n_clips: int, xy: Tensor, frame: Tensor
) -> PointDescription:
    """What points put on different frames look like there.

    Args:
        tracker: whose encoder made `features`.
        features: of `n_clips` clips of T frames, clip by clip.
        n_clips: number of clips B.
        xy: `[B, N, 2]` normalised positions.
        frame: int64 `[N]`, the query frame of each point, alike in all clips.

    Returns:
        The points in their order.
    """
    n_frames = len(features.detail) // n_clips
    first = torch.arange(n_clips, device=xy.device) * n_frames
    order, parts = [], []
    for value in frame.unique().tolist():
        chosen = (frame == value).nonzero().flatten()
        order.append(chosen)
        parts.append(tracker.describe(features.frames(first + value), xy[:, chosen]))
    back = torch.cat(order).argsort()
    return PointDescription.joined(parts).map(lambda part: part[:, back])


def start_at_query(xy: Tensor, frame: Tensor, n_frames: int) -> tuple[Tensor, Tensor]:
    """First estimates of points whose query frame lies inside the window: they rest where they were put.

    Args:
        xy: `[B, N, 2]` normalised positions.
        frame: int64 `[N]`, query frame within the window.
        n_frames: frames T of the window.

    Returns:
        start `[B, N, T, 2]` and given, bool `[B, N, T]`.
    """
    start = xy.unsqueeze(2).expand(-1, -1, n_frames, -1).clone()
    given = torch.arange(n_frames, device=xy.device) == frame[:, None]
    return start, given.expand(len(xy), -1, -1)


def start_from_overlap(known: Tensor, n_frames: int, at_end: bool = False) -> tuple[Tensor, Tensor]:
    """First estimates of points that come from the neighbouring window.

    Args:
        known: `[B, N, O, 2]` positions in the frames both windows share.
        n_frames: frames T of the window.
        at_end: False when the shared frames are the window's first, True when they are its last.

    Returns:
        start `[B, N, T, 2]`, which rests outside the shared frames, and carried, bool `[B, N, T]`, True inside them.
    """
    rest = n_frames - known.shape[2]
    edge = known[:, :, :1] if at_end else known[:, :, -1:]
    still = edge.expand(-1, -1, rest, -1)
    start = torch.cat([still, known] if at_end else [known, still], 2)
    frames = torch.arange(n_frames, device=start.device)
    shared = frames >= rest if at_end else frames < known.shape[2]
    return start, shared.expand(start.shape[:3])
