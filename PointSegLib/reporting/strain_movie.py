"""The overlay movie: the wall in the colours of its strain, beside the curves with a cursor that runs along."""

from __future__ import annotations

import os
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from PointSegLib.coordinates import resize_xy
from PointSegLib.io.drawing import blend, discs, resize
from PointSegLib.io.movie import write_movie
from PointSegLib.io.overlay import display_size
from PointSegLib.io.polygon import fill_polygon
from PointSegLib.measurement.measurements import BeatMeasurements, Measurements, WallMeasurements
from PointSegLib.reporting.bulls_eye import draw_scale, strain_colour
from PointSegLib.reporting.curve_plots import plot_segments, plot_volume
from PointSegLib.reporting.figures import QUIET, clock_of, new_figure, styled
from PointSegLib.reporting.measured_clip import MeasuredClip

_PANEL_SHARE, _DPI = 0.8, 120
_BAND, _LINE, _PER_SEGMENT = 0.62, 0.9, 25
_WHITE, _UNKNOWN, _CURSOR = (255.0, 255.0, 255.0), (150.0, 150.0, 150.0), (200.0, 40.0, 30.0)


@dataclass(frozen=True, eq=False)
class _Panel:
    """The curves as a picture, and where a cursor stands in it.

    Attributes:
        picture: float32 `[H, W, 3]`.
        columns: per curve, float `[T]` pixel columns, NaN in frames the curve does not have.
        rows: per curve, first and last pixel row of its axes.
    """

    picture: np.ndarray
    columns: tuple[np.ndarray, ...]
    rows: tuple[tuple[int, int], ...]


def write_strain_movie(path: str | os.PathLike[str], measured: MeasuredClip) -> None:
    """Write the clip with the tracked wall drawn over it, each segment in the colour of its strain at that time.

    Outside a measured beat, and where a segment is not trusted, the wall is grey.

    Args:
        path: .mp4.
        measured: one view.

    Raises:
        WriteError: when the file cannot be written; nothing is left behind.
        DependencyError: without matplotlib or PyAV.
    """
    panel = _draw_panel(measured)
    pictures = (draw_strain_frame(measured, frame, panel) for frame in range(len(measured.clip)))
    write_movie(path, pictures, measured.clip.frame_rate_hz)


def draw_strain_frame(measured: MeasuredClip, frame: int, panel: _Panel | None = None) -> np.ndarray:
    """One frame of the movie: uint8 `[H, W, 3]` RGB with even sides."""
    panel = panel or _draw_panel(measured)
    size = display_size(measured.clip)
    canvas = np.repeat(resize(measured.clip.frames[frame], size)[..., None], 3, 2)
    beat = _beat_of(measured.measurements, frame)
    if beat is not None and beat.wall is not None and beat.wall.lines.known[frame]:
        _draw_wall(canvas, measured, beat, beat.wall, frame)
    side = panel.picture.copy()
    for columns, (top, bottom) in zip(panel.columns, panel.rows, strict=True):
        if np.isfinite(columns[frame]):
            at = round(float(columns[frame]))
            side[top:bottom, at - 1 : at + 1] = _CURSOR
    return np.clip(np.rint(np.concatenate([canvas, side], 1)), 0, 255).astype(np.uint8)


def _beat_of(measurements: Measurements, frame: int) -> BeatMeasurements | None:
    """The measured beat that holds a frame, else the one to be quoted, whose lines go on beyond it."""
    walls = [beat for beat in measurements.beats if beat.wall is not None]
    holding = [beat for beat in walls if beat.beat.start <= frame <= beat.beat.end]
    return holding[0] if holding else (measurements.best if walls else None)


def _draw_wall(
    canvas: np.ndarray, measured: MeasuredClip, beat: BeatMeasurements, wall: WallMeasurements, frame: int
) -> None:
    old, new = np.array(measured.clip.size_wh), np.array([canvas.shape[1], canvas.shape[0]])
    endo, epi = (resize_xy(line[frame], old, new) for line in (wall.lines.endo, wall.lines.epi))
    share, inside = wall.lines.geometry.share, beat.beat.start <= frame <= beat.beat.end
    for index, segment in enumerate(wall.lines.geometry.segments):
        at = np.linspace(segment.start, segment.end, _PER_SEGMENT)
        inner, outer = (np.stack([np.interp(at, share, c) for c in line.T], 1) for line in (endo, epi))
        strain = wall.strain.longitudinal[index].values[frame - beat.beat.start] if inside else np.nan
        counts = wall.trust[index].trusted or measured.measurements.insisted
        colour = strain_colour(float(strain)) if np.isfinite(strain) and counts else None
        rgb = _UNKNOWN if colour is None else (255 * colour[0], 255 * colour[1], 255 * colour[2])
        _fill(canvas, np.concatenate([inner, outer[::-1]]), rgb)
        _line(canvas, np.stack([inner[0], outer[0]]), 1.2)
    for line in (endo, epi):
        _line(canvas, line, 1.8)


def _fill(canvas: np.ndarray, outline: np.ndarray, colour: tuple[float, float, float]) -> None:
    """Lay a colour over a polygon with soft edges."""
    (left, top), (right, bottom) = np.floor(outline.min(0)).astype(int) - 3, np.ceil(outline.max(0)).astype(int) + 4
    left, top = max(left, 0), max(top, 0)
    part = canvas[top:bottom, left:right]
    if part.size:
        mask = fill_polygon(outline - (left, top), part.shape[:2]).astype(np.float32)
        blend(part, colour, _BAND * ndimage.gaussian_filter(mask, 0.8))


def _line(canvas: np.ndarray, line: np.ndarray, width: float) -> None:
    points = _evenly(line)
    blend(canvas, _WHITE, _LINE * discs(canvas.shape[:2], points, width / 2.0, np.ones(len(points))))


def _evenly(line: np.ndarray) -> np.ndarray:
    """Points of a line `[M, 2]` less than a pixel apart."""
    length = np.concatenate([[0.0], np.linalg.norm(np.diff(line, axis=0), axis=1).cumsum()])
    at = np.linspace(0.0, length[-1], int(np.ceil(length[-1])) + 2)
    return np.stack([np.interp(at, length, column) for column in line.T], 1)


def _draw_panel(measured: MeasuredClip) -> _Panel:
    measurements = measured.measurements
    height = display_size(measured.clip)[1]
    width = 2 * round(_PANEL_SHARE * height / 2)
    beat = measurements.best
    with styled("Drawing the strain movie"):
        figure = new_figure(width / _DPI, height / _DPI)
        figure.set_dpi(_DPI)
        strain, volume = figure.subplots(2, 1, height_ratios=(1.5, 1.0))
        clocks = []
        if beat is not None and beat.wall is not None:
            plot_segments(strain, measurements, beat)
            strain.set_ylabel("longitudinal strain [%]")
            clocks.append((strain, beat.beat.start, clock_of(beat, measurements.times_s)[0]))
            draw_scale(figure, [strain, volume])
        else:
            strain.set_axis_off()
            strain.text(0.5, 0.5, "Strain was not measured.", ha="center", color=QUIET, transform=strain.transAxes)
        clocks.append((volume, 0, plot_volume(volume, measurements)))
        figure.canvas.draw()
        picture = np.asarray(figure.canvas.buffer_rgba())[..., :3].astype(np.float32)  # type: ignore[attr-defined]
        columns, rows = [], []
        for axes, start, clock in clocks:
            at = np.full(len(measurements), np.nan)
            at[start : start + len(clock)] = axes.transData.transform(np.stack([clock, np.zeros_like(clock)], 1))[:, 0]
            box = axes.get_window_extent()
            columns.append(at)
            rows.append((round(height - box.y1), round(height - box.y0)))
    return _Panel(picture, tuple(columns), tuple(rows))
