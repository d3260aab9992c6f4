"""Judge one network on held-out cases: masks, steadiness, clicks and tracks, going on after a case that fails."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np

from PointSegLib.evaluation import SegmentationCase, evaluate_segmentation, evaluate_tracking
from PointSegLib.evaluation.clicks import PredictWithClicks, evaluate_clicks
from PointSegLib.evaluation.report import Evaluation, Measurement, Method
from PointSegLib.evaluation.runs import Track
from PointSegLib.io.problems import Problem
from PointSegLib.training.cases import HeldOutPatients, SimulatedClips, StoredClips

NO_POINTS = np.zeros((0, 3), np.float32)


@dataclass(frozen=True)
class Judged:
    """A network ready to answer.

    Attributes:
        method: what the report says of it.
        predict: segments a clip, told the user's points and their hints.
        track: follows given points.
    """

    method: Method
    predict: PredictWithClicks
    track: Track


@dataclass(frozen=True)
class Examination:
    """What a network is judged on.

    Attributes:
        patients: real frames.
        clips: simulated clips.
        clicks: how many clicks the simulated user may give; 0 leaves them out.
        problems: met when the clips were looked up.
    """

    patients: HeldOutPatients
    clips: SimulatedClips | StoredClips
    clicks: int = 0
    problems: tuple[Problem, ...] = ()


def judge(judged: Judged, examination: Examination) -> Evaluation:
    """Score a network on everything.

    Returns:
        Measurements "masks", "clicks", "simulated_masks" and "tracks", and "steadiness" beside masks of clips that
        move, each where there is something to score; cases that failed are named in it.

    Raises:
        ReadError: when there is no patient to score at all.
    """
    failed: dict[str, str] = {}
    problems = list(examination.problems)
    patients, clips = examination.patients, examination.clips
    found = _masks(judged, patients, patients.cases(problems), failed)
    if examination.clicks:
        rows = evaluate_clicks(judged.predict, patients.cases([]), examination.clicks, failed)
        data = f"{patients}; myocardium, up to {examination.clicks} simulated clicks a clip"
        found["clicks"] = Measurement("clicks", data, patients.described(rows))
    simulated = _masks(judged, clips, clips.mask_cases(problems), failed)
    found |= {f"simulated_{name}": replace(one, simulated=True) for name, one in simulated.items()}
    rows = evaluate_tracking(judged.track, clips.tracking_cases(problems), clips.query_mode, failed)
    data = f"{clips}; TAP-Vid's {clips.query_mode} mode"
    found["tracks"] = Measurement("tracks", data, clips.described(rows), simulated=True)
    left_out = {problem.case: problem.message for problem in problems} | failed
    scored = {name: one for name, one in found.items() if one.rows}
    return Evaluation(judged.method, scored, patients.quality_source, left_out)


def _masks(
    judged: Judged,
    source: HeldOutPatients | SimulatedClips | StoredClips,
    cases: Iterable[SegmentationCase],
    failed: dict[str, str],
) -> dict[str, Measurement]:
    scores = evaluate_segmentation(lambda clip: judged.predict(clip, NO_POINTS, ()), cases, failed)
    # ED and ES side by side, half a beat apart, say nothing of steadiness
    moving = [row for row in scores.clips if row["frames"] > 2]
    return {
        "masks": Measurement("masks", str(source), source.described(scores.frames)),
        "steadiness": Measurement("steadiness", str(source), source.described(moving)),
    }
