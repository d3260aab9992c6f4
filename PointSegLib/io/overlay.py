"""Show a result on its clip: filled and outlined structures, points with fading trails, as .mp4 or .png."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import SimpleITK

from PointSegLib.atomic import atomic_path
from PointSegLib.clip import CineClip
from PointSegLib.coordinates import resize_xy
from PointSegLib.errors import WriteError
from PointSegLib.io.drawing import blend, discs, outline, resize, soft_mask, trails
from PointSegLib.io.movie import write_movie
from PointSegLib.result import LEFT_ATRIUM, LV_CAVITY, MYOCARDIUM, PointSegResult

COLOURS = {LV_CAVITY: (255.0, 99.0, 92.0), MYOCARDIUM: (72.0, 209.0, 150.0), LEFT_ATRIUM: (94.0, 158.0, 255.0)}
FILL = {LV_CAVITY: 0.16, MYOCARDIUM: 0.26, LEFT_ATRIUM: 0.16}
PROMPT, GRID, TRAIL, SHADOW = (255.0, 214.0, 10.0), (255.0, 255.0, 255.0), (255.0, 232.0, 160.0), (15.0, 15.0, 20.0)
TRAIL_FRAMES = 12
HIDDEN = 0.2
SHORT_SIDE, LONG_SIDE = 720, 1600


def write_overlay(
    path: str | os.PathLike[str], clip: CineClip, result: PointSegResult, frame: int | None = None
) -> None:
    """Write the clip with its result drawn over it, enlarged to at least 720 rows or columns and with square pixels.

    Args:
        path: .mp4 for all frames (H.264, at the clip's frame rate or 25 per second), .png for one.
        clip: what was segmented.
        result: labels and tracks at the clip's own size.
        frame: which frame a .png shows; None takes the first.

    Raises:
        WriteError: when the result does not fit the clip, the frame does not exist, the suffix is another or the
            file cannot be written; nothing is left behind.
        DependencyError: for .mp4 without PyAV.
    """
    target = Path(path)
    suffix = target.suffix.lower()
    if suffix not in (".mp4", ".png"):
        msg = f"{target}: overlays are written as .mp4 (all frames) or .png (one frame); choose one of these endings."
        raise WriteError(msg)
    if result.labels.shape != clip.frames.shape or result.tracks.xy.shape[1] != len(clip):
        labels, tracks = list(result.labels.shape), list(result.tracks.xy.shape)
        msg = f"{target}: labels {labels} and tracks {tracks} do not fit the frames {list(clip.frames.shape)}."
        raise WriteError(msg)
    if suffix == ".mp4":
        write_movie(target, (draw_frame(clip, result, index) for index in range(len(clip))), clip.frame_rate_hz)
        return
    shown = 0 if frame is None else frame
    if not 0 <= shown < len(clip):
        msg = f"{target}: frame {shown} does not exist; the clip has frames 0 to {len(clip) - 1}."
        raise WriteError(msg)
    picture = draw_frame(clip, result, shown)
    with atomic_path(target) as temporary:
        try:
            SimpleITK.WriteImage(SimpleITK.GetImageFromArray(picture, isVector=True), str(temporary))
        except RuntimeError as error:
            msg = f"{target} cannot be written ({str(error).splitlines()[-1].strip()}); is the disk full?"
            raise WriteError(msg) from error


def draw_frame(clip: CineClip, result: PointSegResult, frame: int) -> np.ndarray:
    """Draw one frame of a result.

    Returns:
        uint8 `[H', W', 3]` RGB with even sides, enlarged for display.
    """
    size = display_size(clip)
    enlarged = size[0] / clip.size_wh[0]
    line = max(1.5, min(size) / 400)
    canvas = np.repeat(resize(clip.frames[frame], size)[..., None], 3, 2)
    _draw_labels(canvas, result.labels[frame], max(0.8, 0.75 * enlarged), line)
    _draw_tracks(canvas, clip, result, frame, line)
    return np.clip(np.rint(canvas), 0, 255).astype(np.uint8)


def display_size(clip: CineClip) -> tuple[int, int]:
    """(width, height) of the drawing: square pixels, short side at least 720, long side at most 1600."""
    width, height = (float(v) for v in clip.size_wh)
    if clip.spacing_mm is not None:
        row, column = clip.spacing_mm
        finest = min(row, column)
        width, height = width * column / finest, height * row / finest
    scale = max(1.0, SHORT_SIDE / min(width, height))
    scale = min(scale, LONG_SIDE / max(width, height))
    return 2 * max(1, round(width * scale / 2)), 2 * max(1, round(height * scale / 2))


def _draw_labels(canvas: np.ndarray, labels: np.ndarray, blur: float, line: float) -> None:
    size = canvas.shape[1], canvas.shape[0]
    soft = {value: soft_mask(labels == value, size, blur) for value in COLOURS if (labels == value).any()}
    for value, mask in soft.items():
        blend(canvas, COLOURS[value], FILL[value] * np.clip((mask - 0.5) * 4 + 0.5, 0, 1))
    # The wall is drawn last: its two outlines are the endocardium and the epicardium.
    for value in sorted(soft, key=lambda v: v == MYOCARDIUM):
        blend(canvas, COLOURS[value], outline(soft[value], line))


def _draw_tracks(canvas: np.ndarray, clip: CineClip, result: PointSegResult, frame: int, line: float) -> None:
    tracks = result.tracks
    if len(tracks) == 0:
        return
    shape, size = canvas.shape[:2], (canvas.shape[1], canvas.shape[0])
    first = max(0, frame - TRAIL_FRAMES)
    paths = resize_xy(tracks.xy[:, first : frame + 1].astype(np.float64), np.array(clip.size_wh), np.array(size))
    strength = np.where(tracks.visible[:, frame], 1.0, HIDDEN)
    prompt = np.asarray(tracks.is_prompt, bool)
    for chosen, colour, path_colour, radius in (
        (_worth_showing(result) & ~prompt, GRID, TRAIL, 1.1),
        (prompt, PROMPT, PROMPT, 2.4),
    ):
        if not chosen.any():
            continue
        now = paths[chosen, -1]
        seen = chosen & tracks.visible[:, frame]
        blend(canvas, path_colour, 0.85 * trails(shape, paths[seen], line))
        blend(canvas, SHADOW, 0.8 * discs(shape, now, radius * line + 1, strength[chosen]))
        blend(canvas, colour, discs(shape, now, radius * line, strength[chosen]))


def _worth_showing(result: PointSegResult) -> np.ndarray:
    """Bool `[N]`: points put on a structure; all where none is, so that an empty segmentation shows its points."""
    height, width = result.labels.shape[1:]
    at = np.rint(result.tracks.queries).astype(int)
    frame = np.clip(at[:, 0], 0, len(result.labels) - 1)
    x, y = np.clip(at[:, 1], 0, width - 1), np.clip(at[:, 2], 0, height - 1)
    on = result.labels[frame, y, x] > 0
    return on if on.any() else np.ones(len(at), bool)
