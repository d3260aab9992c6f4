"""The main job on a real clip, as `make demo` runs it: file in, Slicer scene, labels, tracks, movie and picture out.

Usage: python Testing/demo.py [CLIP]

Without CLIP (an argument or the environment variable), the apical cine that comes with pydicom is used. Results lie in
`demo_output/`.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from PointSegLib import CineClip, PointSegError, PointSegResult, read_clip, write_labels, write_overlay, write_tracks

OUTPUT = Path(__file__).resolve().parents[1] / "demo_output"
LV_CAVITY = 1
PICTURE_SIZE = (1200, 900)


def main(arguments: list[str]) -> int:
    """Run the demo; returns the exit status."""
    path = Path(arguments[0]) if arguments else default_clip()
    OUTPUT.mkdir(exist_ok=True)
    try:
        clip = read_clip(path)
        say("read", describe(clip, path))
        for warning in clip.warnings:
            say("note", warning)
        output = segment(clip)
        write_files(clip, output)
    except PointSegError as error:
        print(f"demo: {error}", file=sys.stderr)
        return 2
    draw_slice_view(output)
    return 0


def default_clip() -> Path:
    """The file named by CLIP, else pydicom's example of an ultrasound cine."""
    named = os.environ.get("CLIP")
    if named:
        return Path(named)
    from pydicom import examples

    return Path(examples.get_path("ybr_color"))


def describe(clip: CineClip, path: Path) -> str:
    """One line about a clip."""
    width, height = clip.size_wh
    spacing = "uncalibrated"
    if clip.spacing_mm is not None:
        spacing = "{:.3g} x {:.3g} mm".format(*clip.spacing_mm)
    rate = f"{clip.frame_rate_hz:.3g} frames/s" if clip.frame_rate_hz else "no times"
    return f"{path.name}: {len(clip)} frames of {width} x {height}, {spacing}, {rate}"


def segment(clip: CineClip) -> Any:
    """Load a clip into a headless Slicer scene and run the module's logic on it."""
    from mrml import headless_slicer

    headless = headless_slicer.start(quiet=True)
    from PointSeg import PointSegLogic  # importable only once the scene runs

    from PointSegModule.clip_loading import addClip

    browser = addClip(clip, "Echo")
    say("scene", f"{len(clip)} frames as '{browser.GetMasterSequenceNode().GetName()}' in a real MRML scene")
    logic = PointSegLogic()
    bar = ProgressBar("segment")
    output = logic.process(browser, progress=bar.show)
    bar.finish(len(clip))
    myocardium = (output.result.labels == 2).any(axis=(1, 2)).sum()
    say("result", f"myocardium in {myocardium} of {len(clip)} frames, {len(output.result.tracks)} points tracked")
    for warning in output.warnings:
        say("note", warning)
    if not headless.scene.IsNodePresent(output.segmentation):
        raise PointSegError("the segmentation did not arrive in the scene")
    return output


def write_files(clip: CineClip, output: Any) -> None:
    """Write scene.mrb, labels.nrrd, tracks.csv and overlay.mp4."""
    import slicer

    result: PointSegResult = output.result
    partial = OUTPUT / "partial.scene.mrb"
    try:
        if not slicer.mrmlScene.WriteToMRB(str(partial)):
            raise PointSegError(f"{OUTPUT / 'scene.mrb'} cannot be written; is the disk full?")
        os.replace(partial, OUTPUT / "scene.mrb")
    finally:
        partial.unlink(missing_ok=True)
    say_written("scene.mrb", "images, segmentation and points: open it in Slicer")
    write_labels(OUTPUT / "labels.nrrd", result.labels, clip)
    say_written("labels.nrrd", "0 background, 1 LV cavity, 2 myocardium, 3 left atrium")
    write_tracks(OUTPUT / "tracks.csv", result.tracks, clip)
    say_written("tracks.csv", "one row per point and frame")
    write_overlay(OUTPUT / "overlay.mp4", clip, result)
    say_written("overlay.mp4", "the clip with its result")


def draw_slice_view(output: Any) -> None:
    """Draw Slicer's own slice view of the frame with the largest left ventricle."""
    from mrml import headless_slicer, slice_view

    problem = slice_view.whyNoRendering()
    if problem:
        say("picture", f"left out. {problem}")
        return
    frame = int(np.argmax((output.result.labels == LV_CAVITY).sum(axis=(1, 2))))
    output.browser.SetSelectedItemNumber(frame)
    view = slice_view.OffscreenSliceView(headless_slicer.start(), size=PICTURE_SIZE)
    view.showVolume(output.imageNode)
    view.zoomTo(tissue_positions(output))
    view.render(OUTPUT / "slice_view.png")
    say_written("slice_view.png", f"frame {frame} in Slicer's slice view")


def tissue_positions(output: Any) -> np.ndarray:
    """World positions `[4, 3]` of the corners of the box that holds all tracked points and labels."""
    from PointSegModule.geometry import CineGeometry
    from PointSegModule.scene_input import findCine

    _, rows, columns = np.nonzero(output.result.labels)
    xy = np.concatenate([output.result.tracks.queries[:, 1:], np.stack([columns, rows], axis=1)])
    (left, top), (right, bottom) = xy.min(axis=0), xy.max(axis=0)
    corners = np.array([[left, top], [right, top], [left, bottom], [right, bottom]])
    return CineGeometry(findCine(output.browser)).worldPositions(0, corners)


class ProgressBar:
    """A bar on one line of a terminal; elsewhere only its last state is printed."""

    WIDTH = 30

    def __init__(self, step: str) -> None:
        self._step = step
        self._started = time.monotonic()

    def show(self, done: int, total: int) -> None:
        """Show (done, total) frames."""
        if sys.stdout.isatty():
            print(f"\r{self._line(done, total)}", end="", flush=True)

    def finish(self, total: int) -> None:
        """Show that all frames are done, and how fast."""
        print(f"\r{self._line(total, total)}" if sys.stdout.isatty() else self._line(total, total))

    def _line(self, done: int, total: int) -> str:
        filled = self.WIDTH * done // total
        rate = done / max(time.monotonic() - self._started, 1e-9)
        bar = "#" * filled + "." * (self.WIDTH - filled)
        return f"{self._step:>8}  [{bar}] {done}/{total} frames, {rate:.1f} frames/s"


def say(step: str, text: str) -> None:
    """Print the line of one step."""
    print(f"{step:>8}  {text}", flush=True)


def say_written(name: str, what: str) -> None:
    """Print the line of one written file."""
    size = (OUTPUT / name).stat().st_size / 1024
    say("write", f"{OUTPUT.name}/{name} ({size:.0f} KiB): {what}")


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
