"""What a few clicks are worth: a simulated user points at the worst mistake, the network answers, and so on.

The user sees the annotated frames of a clip. The worst mistake is the largest connected region, over all of them, in
which the myocardium was missed (the user says "wall"), or found in the cavity ("cavity") or anywhere else ("outside");
the click goes to the pixel of the region farthest from its border. `NoC@90`, the number of clicks to a Dice of 0.90, is
counted as in the literature on interactive segmentation: a case that never gets there counts as the most clicks given,
and is marked as censored.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import ndimage

from PointSegLib.clip import CineClip
from PointSegLib.evaluation.masks import dice
from PointSegLib.evaluation.runs import SegmentationCase, check_fit, excused
from PointSegLib.result import LV_CAVITY, MYOCARDIUM, PointSegResult

PredictWithClicks = Callable[[CineClip, np.ndarray, Sequence[str]], PointSegResult]
WALL, CAVITY, OUTSIDE = "wall", "cavity", "outside"
TARGET = 0.90


@dataclass(frozen=True)
class Click:
    """One point the user gives: pixel (x, y) of a frame, and what lies there ("wall", "cavity" or "outside")."""

    frame: int
    x: int
    y: int
    hint: str


@dataclass(frozen=True)
class ClickCurve:
    """How one clip fared.

    Attributes:
        dices: mean Dice of the myocardium over the annotated frames, after 0, 1, ... k clicks.
        clicks: those given; fewer than k when nothing was left to mend.
    """

    dices: tuple[float, ...]
    clicks: tuple[Click, ...]

    @property
    def reached(self) -> tuple[bool, ...]:
        """Whether the target was reached with at most 0, 1, ... k clicks."""
        return tuple(any(value >= TARGET for value in self.dices[: k + 1]) for k in range(len(self.dices)))

    def as_row(self) -> dict[str, float | int]:
        """`dice_after_k` and `reached_after_k` for every k, `clicks_to_90` and whether that is `censored` (0 or 1)."""
        reached = self.reached
        row: dict[str, float | int] = {f"dice_after_{k}": value for k, value in enumerate(self.dices)}
        row |= {f"reached_after_{k}": int(value) for k, value in enumerate(reached)}
        row["clicks_to_90"] = reached.index(True) if any(reached) else len(reached) - 1
        row["censored"] = int(not any(reached))
        return row


def evaluate_clicks(
    predict: PredictWithClicks, cases: Iterable[SegmentationCase], most: int, failed: dict[str, str] | None = None
) -> list[dict[str, Any]]:
    """Let the simulated user mend every clip.

    Args:
        predict: gives the result of (clip, points float32 `[M, 3]` rows (frame, x, y), M hints).
        cases: as for `evaluate_segmentation`.
        most: clicks given to each clip.
        failed: takes the reason of each case that cannot be scored, by its name; None lets the error out.

    Returns:
        One row per case, see `ClickCurve.as_row`.

    Raises:
        ClipError: when a truth does not fit its clip or the result does not; the case is named.
    """
    rows = []
    for name, clip, truths in cases:
        with excused(name, failed):
            curve = click_curve(predict, (name, clip, truths), most)
            rows.append({"case": name, "most_clicks": most, **curve.as_row()})
    return rows


def click_curve(predict: PredictWithClicks, case: SegmentationCase, most: int) -> ClickCurve:
    """Let the simulated user mend one clip, with all clicks so far given anew each time.

    Args:
        predict: as for `evaluate_clicks`.
        case: (name, clip, {frame: uint8 `[H, W]` labels}) with at least one annotated frame.
        most: clicks given.

    Raises:
        ClipError: when a truth does not fit its clip or the result does not.
    """
    name, clip, truths = case
    clicks: list[Click] = []
    dices: list[float] = []
    for _ in range(most + 1):
        points = np.array([(c.frame, c.x, c.y) for c in clicks], np.float32).reshape(-1, 3)
        result = predict(clip, points, [c.hint for c in clicks])
        check_fit(name, clip, result, truths)
        dices.append(_wall_dice(result.labels, truths))
        click = worst_mistake(result.labels, truths, clicks)
        if click is None:
            break
        clicks.append(click)
    dices.extend(dices[-1:] * (most + 1 - len(dices)))
    return ClickCurve(tuple(dices), tuple(clicks[:most]))


def worst_mistake(labels: np.ndarray, truths: Mapping[int, np.ndarray], given: Sequence[Click] = ()) -> Click | None:
    """Where the simulated user clicks next.

    Args:
        labels: uint8 `[T, H, W]`, what was found.
        truths: {frame: uint8 `[H, W]` labels}, what is so.
        given: earlier clicks; their pixels are not clicked again.

    Returns:
        The click, or None when the myocardium is right in every annotated frame.
    """
    largest, click = 0, None
    for frame, truth in truths.items():
        for hint, wrong in _mistakes(labels[frame], truth).items():
            for earlier in given:
                if earlier.frame == frame:
                    wrong[earlier.y, earlier.x] = False
            regions, count = ndimage.label(wrong)
            sizes = np.bincount(regions.ravel())[1:]
            if count and sizes.max() > largest:
                largest = int(sizes.max())
                click = Click(frame, *_innermost(regions == sizes.argmax() + 1), hint)
    return click


def _mistakes(found: np.ndarray, truth: np.ndarray) -> dict[str, np.ndarray]:
    wall, false = truth == MYOCARDIUM, (found == MYOCARDIUM) & (truth != MYOCARDIUM)
    cavity = truth == LV_CAVITY
    return {WALL: wall & (found != MYOCARDIUM), CAVITY: false & cavity, OUTSIDE: false & ~cavity}


def _innermost(region: np.ndarray) -> tuple[int, int]:
    """The pixel (x, y) farthest from the region's border; the edge of the image is a border."""
    depth = ndimage.distance_transform_edt(np.pad(region, 1))[1:-1, 1:-1]
    y, x = np.unravel_index(depth.argmax(), depth.shape)
    return int(x), int(y)


def _wall_dice(labels: np.ndarray, truths: Mapping[int, np.ndarray]) -> float:
    scores = [dice(labels[frame] == MYOCARDIUM, truth == MYOCARDIUM) for frame, truth in truths.items()]
    known = [score for score in scores if not np.isnan(score)]
    return float(np.mean(known)) if known else float("nan")
