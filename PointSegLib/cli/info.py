"""`pointseg info CLIP`: what the reader found in a file, before anything is computed from it."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PointSegLib.cli.options import add_command
from PointSegLib.errors import ClipError

if TYPE_CHECKING:
    from PointSegLib import CineClip


def add(commands: Any) -> None:
    """Add the command's parser."""
    command = add_command(commands, "info", _run, "Say what is known of a clip: size, spacing, times, sector.")
    command.add_argument("clip", type=Path, metavar="CLIP", help="DICOM, NRRD, NIfTI, MHD or video file")
    command.add_argument("--json", action="store_true", help="print one JSON object")


def _run(options: argparse.Namespace) -> int:
    from PointSegLib import read_clip

    facts = clip_facts(read_clip(options.clip), options.clip)
    if options.json:
        print(json.dumps(facts, indent=2))
        return 0
    print(facts["file"])
    print(f"  frames    {facts['frames']} of {facts['width']} x {facts['height']} pixels")
    print(f"  spacing   {_spacing_text(facts)}")
    print(f"  times     {_times_text(facts)}")
    print(f"  R waves   {_waves_text(facts)}")
    print(f"  region    {_box_text(facts['region'], 'the whole frame')}")
    print(f"  sector    {_box_text(facts['sector'], 'not found')}")
    for warning in facts["warnings"]:
        print(f"  warning   {warning}")
    return 0


def clip_facts(clip: CineClip, path: Path) -> dict[str, Any]:
    """What is known of a clip, as values JSON can hold; null where the file does not say.

    Args:
        clip: the clip as read.
        path: the file it came from.

    Returns:
        `spacing_mm` is [row, column]; times are in seconds; boxes are inclusive [x0, y0, x1, y1] in pixels.
    """
    from PointSegLib.sector import find_sector

    width, height = clip.size_wh
    warnings = list(clip.warnings)
    try:
        sector: list[int] | None = [int(edge) for edge in find_sector(clip).box]
    except ClipError as error:
        sector = None
        warnings.append(str(error))
    return {
        "file": str(path),
        "frames": len(clip),
        "width": width,
        "height": height,
        "spacing_mm": None if clip.spacing_mm is None else list(clip.spacing_mm),
        "calibration": clip.calibration,
        "first_s": None if clip.times_s is None else float(clip.times_s[0]),
        "last_s": None if clip.times_s is None else float(clip.times_s[-1]),
        "frame_rate_hz": clip.frame_rate_hz,
        "r_waves_s": None if clip.r_wave_times_s is None else clip.r_wave_times_s.tolist(),
        "region": None if clip.region is None else [int(edge) for edge in clip.region],
        "sector": sector,
        "warnings": warnings,
    }


def _spacing_text(facts: dict[str, Any]) -> str:
    if facts["spacing_mm"] is None:
        return "unknown: results will be in pixels"
    row, column = facts["spacing_mm"]
    return f"{row:.4g} mm down, {column:.4g} mm across ({facts['calibration'] or 'source not stated'})"


def _times_text(facts: dict[str, Any]) -> str:
    if facts["first_s"] is None:
        return "unknown"
    rate = "" if facts["frame_rate_hz"] is None else f", {facts['frame_rate_hz']:.1f} frames/s"
    return f"{facts['first_s']:.3f} s to {facts['last_s']:.3f} s{rate}"


def _waves_text(facts: dict[str, Any]) -> str:
    if facts["r_waves_s"] is None:
        return "unknown"
    return f"at {', '.join(f'{wave:.3f}' for wave in facts['r_waves_s'])} s"


def _box_text(box: list[int] | None, otherwise: str) -> str:
    if box is None:
        return otherwise
    x0, y0, x1, y1 = box
    return f"x {x0} to {x1}, y {y0} to {y1}"
