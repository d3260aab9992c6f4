"""`pointseg compare`: PointSeg beside a U-Net and optical flow, on the same cases, with paired statistics."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from PointSegLib.cli.batch import SOME_FAILED
from PointSegLib.cli.files import make_folder, one_line
from PointSegLib.cli.options import add_command, add_model_options, load_predictor
from PointSegLib.errors import PointSegError

if TYPE_CHECKING:
    from PointSegLib import PointSegPredictor
    from PointSegLib.evaluation.runs import Track
    from PointSegLib.peers.comparison import Comparison
    from PointSegLib.peers.scoring import Trial
    from PointSegLib.peers.unet import FrameUNet

SMOOTHING_FRAMES = 1.5


def add(commands: Any) -> None:
    """Add the command's parser."""
    command = add_command(commands, "compare", _run, "Train a U-Net with the same data and budget; score all.")
    add_score_options(command)
    command.add_argument("--unet", type=Path, metavar="FILE", help="a U-Net of an earlier comparison, not trained anew")
    command.add_argument("--minutes", type=float, help="the U-Net's budget [what the segmenter of the checkpoint had]")
    add_model_options(command)


def add_score_options(command: argparse.ArgumentParser) -> None:
    """Add what comparison and ablation share: training data, recipe, and the cases that are scored."""
    command.add_argument("--data", type=Path, required=True, metavar="FOLDER", help="CAMUS folder: patient0001, ...")
    command.add_argument("--packed", type=Path, nargs="*", default=[], metavar="NPZ", help="further annotated frames")
    command.add_argument("--clips", type=Path, metavar="FOLDER", help="simulated clips to train on")
    command.add_argument("--out", type=Path, required=True, metavar="FOLDER", help="networks and tables go here")
    command.add_argument("--recipe", default="small-cpu", help="a recipe's name or .toml file [small-cpu]")
    command.add_argument("--subset", default="validation", choices=("validation", "testing"))
    command.add_argument("--view", default="4CH", choices=("4CH", "2CH"))
    clip_of = "what is one clip: each annotated frame, a patient's ED and ES, or the half sequence"
    command.add_argument("--clip-of", choices=("frame", "pair", "sequence"), help=clip_of)
    simulated = "clips in the layout of SynUS; those of the split valid are scored"
    command.add_argument("--simulated", type=Path, metavar="FOLDER", help=simulated)


def _run(options: argparse.Namespace) -> int:
    make_folder(options.out)
    trial = make_trial(options)
    predictor = load_predictor(options)
    peer = _trained_unet(options, predictor) if options.unet is None else _given_unet(options, predictor)
    notes = _notes(predictor.provenance, peer)
    comparison = _compare(trial, predictor, peer.unet, notes)
    comparison.write(options.out, {"pointseg": predictor.provenance, "unet": peer.provenance})
    print(comparison.markdown())
    return exit_code(trial)


class _Peer(NamedTuple):
    """The U-Net, its provenance, and a warning where its training data were not PointSeg's, else ""."""

    unet: FrameUNet
    provenance: dict[str, Any]
    unequal: str


def _given_unet(options: argparse.Namespace, predictor: PointSegPredictor) -> _Peer:
    from PointSegLib.peers.equality import data_of_masks
    from PointSegLib.peers.unet import load_unet

    unet, provenance = load_unet(options.unet, predictor.device)
    return _Peer(unet, provenance, _warned(predictor, data_of_masks(provenance)))


def _trained_unet(options: argparse.Namespace, predictor: PointSegPredictor) -> _Peer:
    """The U-Net trained in OUT with the budget of PointSeg's masks; other data are told of before it is trained."""
    from PointSegLib.peers.schedule import mask_schedule
    from PointSegLib.peers.unet import load_unet
    from PointSegLib.peers.unet_training import train_unet
    from PointSegLib.training import Launch, TrainingData

    schedule = mask_schedule(options.recipe, options.minutes or _minutes(predictor.provenance))
    data, folder = TrainingData(options.data, options.packed, options.clips), options.out / "unet"
    size = predictor.config.image_size
    planned = dict.fromkeys(str(data.material(part, size, folder)) for part in schedule)
    unequal = _warned(predictor, "; ".join(planned))
    path = train_unet(data, predictor.model, folder, schedule, Launch(predictor.device.type))
    return _Peer(*load_unet(path, predictor.device), unequal)


def _warned(predictor: PointSegPredictor, peers: str) -> str:
    """A warning where the data in `peers`' words are not those of PointSeg's masks, on stderr and for the report."""
    from PointSegLib.peers.equality import data_of_masks, unequal_data

    unequal = unequal_data(data_of_masks(predictor.provenance), peers)
    if unequal:
        print(f"pointseg: warning: {unequal.replace('**', '')}", file=sys.stderr)
    return unequal


def _minutes(provenance: dict[str, Any]) -> float:
    """How long the network's masks were trained: on stills, and then with the tracker."""
    minutes = sum(float(provenance.get(stage, {}).get("minutes", 0.0)) for stage in ("stills", "segmenter"))
    if not minutes:
        msg = "the checkpoint does not say how long its segmenter was trained; give the U-Net's budget as --minutes."
        raise PointSegError(msg)
    return minutes


def _notes(ours: dict[str, Any], peer: _Peer) -> tuple[str, ...]:
    return (
        *([peer.unequal] if peer.unequal else []),
        f"PointSeg was trained in the stages {_stages(ours)}.",
        f"The U-Net (MONAI, 1.6 M parameters) was trained in the stages {_stages(peer.provenance)}, with the batches, "
        "loss and loop of PointSeg's segmenter.",
        f"Smoothing is a Gaussian of {SMOOTHING_FRAMES:g} frames standard deviation; stills stay as they are.",
        "Optical flow is OpenCV's, chained from frame to frame at native size.",
    )


def _stages(provenance: dict[str, Any]) -> str:
    words = [
        f"{name} ({stage['minutes']:g} min, {stage.get('steps', '?')} steps, {stage.get('machine', '?')})"
        for name, stage in provenance.items()
        if isinstance(stage, dict) and "minutes" in stage
    ]
    return ", ".join(words) or "that its file does not tell"


def _compare(trial: Trial, predictor: PointSegPredictor, unet: FrameUNet, notes: tuple[str, ...]) -> Comparison:
    from PointSegLib.evaluation.report import tracker_data
    from PointSegLib.evaluation.runs import standing_still
    from PointSegLib.peers.comparison import Comparison
    from PointSegLib.peers.flow import dis_flow, lucas_kanade
    from PointSegLib.peers.report import OURS
    from PointSegLib.peers.unet import UNetPredictor

    smoothed = {f"U-Net, smoothed over {SMOOTHING_FRAMES:g} frames": UNetPredictor(unet, SMOOTHING_FRAMES)}
    masks = trial.masks({"U-Net": UNetPredictor(unet), OURS: predictor}, smoothed)
    trackers: dict[str, Track] = {"Standing still": standing_still, "Lucas-Kanade": lucas_kanade}
    tracks = trial.tracks({**trackers, "DIS flow": dis_flow, OURS: predictor.track})
    return Comparison(masks, notes, tracks, {OURS: tracker_data(predictor.provenance)})


def make_trial(options: argparse.Namespace) -> Trial:
    """The cases the options name."""
    from PointSegLib.io.problems import Problem
    from PointSegLib.peers.scoring import Trial
    from PointSegLib.training.cases import DEFAULT_CLIP_OF, HeldOutPatients, StoredClips

    looked_at = options.verbose or sys.stderr.isatty()
    problems: list[Problem] = []
    patients = HeldOutPatients(options.data, options.subset, options.view, options.clip_of or DEFAULT_CLIP_OF)
    clips = StoredClips.found(options.simulated, problems) if options.simulated else None
    trial = Trial(patients, clips, lambda case: print(f"scoring {case}", file=sys.stderr) if looked_at else None)
    trial.left_out |= {problem.case: problem.message for problem in problems}
    return trial


def exit_code(trial: Trial) -> int:
    """Name on stderr what was left out; 0 when nothing was."""
    for case, reason in trial.left_out.items():
        print(f"left out: {case}: {one_line(reason)}", file=sys.stderr)
    return SOME_FAILED if trial.left_out else 0
