"""`pointseg evaluate`: masks and clicks against expert annotations, tracks against simulated truth."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PointSegLib.cli.batch import SOME_FAILED
from PointSegLib.cli.files import make_folder, one_line
from PointSegLib.cli.options import add_command, add_model_options, at_least, load_predictor
from PointSegLib.errors import PointSegError

if TYPE_CHECKING:
    import numpy as np

    from PointSegLib import CineClip, PointSegPredictor, PointSegResult
    from PointSegLib.training.judging import Examination, Judged


def add(commands: Any) -> None:
    """Add the command's parser."""
    command = add_command(commands, "evaluate", _run, "Score a checkpoint on patients it has not seen.")
    command.add_argument("--data", type=Path, required=True, metavar="FOLDER", help="CAMUS folder: patient0001, ...")
    command.add_argument("--subset", default="validation", choices=("training", "validation", "testing"))
    command.add_argument("--view", default="4CH", choices=("4CH", "2CH"))
    clip_of = "what is one clip: each annotated frame, a patient's ED and ES, or the half sequence"
    command.add_argument("--clip-of", choices=("frame", "pair", "sequence"), help=clip_of)
    clicks = "also let a simulated user click up to K times where the wall is most wrong"
    command.add_argument("--clicks", type=at_least(1), default=0, metavar="K", help=clicks)
    simulated = "score stored clips in the layout of SynUS (split valid) instead of simulating some"
    command.add_argument("--simulated", type=Path, metavar="FOLDER", help=simulated)
    command.add_argument("--clips", type=at_least(1), default=50, help="clips to simulate [50]")
    command.add_argument("--frames", type=at_least(1), default=24, help="frames of each simulated clip [24]")
    command.add_argument("--out", type=Path, metavar="FOLDER", help="write per-case tables, summary and report here")
    command.add_argument("--record", action="store_true", help="keep the figures in the checkpoint's provenance")
    add_model_options(command)


def _run(options: argparse.Namespace) -> int:
    from PointSegLib.model import save_checkpoint
    from PointSegLib.training.judging import judge

    if options.record and options.checkpoint is None:
        msg = "--record changes a checkpoint; name it with --checkpoint."
        raise PointSegError(msg)
    if options.out:
        make_folder(options.out)
    predictor = load_predictor(options)
    evaluation = judge(_judged(predictor, options.checkpoint), _examination(options, predictor))
    print("\n\n".join("\n".join(lines) for lines in evaluation.overview()))
    if options.out:
        evaluation.write(options.out, predictor.provenance)
    if options.record:
        kept = {**predictor.provenance, "evaluation": evaluation.figures()}
        save_checkpoint(options.checkpoint, predictor.model, kept)
    for case, reason in evaluation.failed.items():
        print(f"left out: {case}: {one_line(reason)}", file=sys.stderr)
    return SOME_FAILED if evaluation.failed else 0


def _judged(predictor: PointSegPredictor, checkpoint: Path | None) -> Judged:
    from PointSegLib.evaluation.report import Method, tracker_data
    from PointSegLib.inference.predictor import EMBEDDED
    from PointSegLib.training.judging import Judged

    def predict(clip: CineClip, points: np.ndarray, hints: Sequence[str]) -> PointSegResult:
        return predictor(clip, points, hints=hints)

    has = predictor.config.segmenter
    parts = (has.use_trajectories, has.point_to_patch, has.mlp, has.point_attention, has.temporal_attention)
    method = Method((checkpoint or EMBEDDED).stem, tracker_data(predictor.provenance), parts)
    return Judged(method, predict, predictor.track)


def _examination(options: argparse.Namespace, predictor: PointSegPredictor) -> Examination:
    from PointSegLib.io.problems import Problem
    from PointSegLib.training.cases import DEFAULT_CLIP_OF, HeldOutPatients, SimulatedClips, StoredClips
    from PointSegLib.training.judging import Examination

    patients = HeldOutPatients(options.data, options.subset, options.view, options.clip_of or DEFAULT_CLIP_OF)
    problems: list[Problem] = []
    clips: SimulatedClips | StoredClips
    if options.simulated:
        clips = StoredClips.found(options.simulated, problems)
    else:
        clips = SimulatedClips(patients, predictor.config.image_size, options.clips, options.frames)
    return Examination(patients, clips, options.clicks, tuple(problems))
