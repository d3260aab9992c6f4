"""What the commands share: their common options, the predictor these name, and the progress bar."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from PointSegLib import PointSegPredictor, SegmentOptions
    from PointSegLib.result import Progress


def add_command(
    commands: Any, name: str, handler: Callable[[argparse.Namespace], int], summary: str
) -> argparse.ArgumentParser:
    """Add the parser of one command, with the options all commands have."""
    command: argparse.ArgumentParser = commands.add_parser(name, help=summary, description=summary)
    command.add_argument("--verbose", action="store_true", help="show progress also where stderr is no terminal")
    command.add_argument("--debug", action="store_true", help="show the traceback of an error")
    command.set_defaults(handler=handler)
    return command


def add_output_options(command: argparse.ArgumentParser) -> None:
    """Add where results go and which of them are wanted; `NAME` is the clip's name without its suffix."""
    command.add_argument("-o", "--out", type=Path, required=True, metavar="OUT", help="folder for the results")
    command.add_argument("--format", choices=("nrrd", "nii.gz"), default="nrrd", help="of the labels (default: nrrd)")
    command.add_argument("--overlay", action="store_true", help="also write NAME_overlay.mp4")
    command.add_argument("--probabilities", action="store_true", help="also write NAME_probabilities.npz")


def add_model_options(command: argparse.ArgumentParser) -> None:
    """Add which weights run on which device."""
    add_device_option(command)
    command.add_argument("--checkpoint", type=Path, metavar="FILE", help=".safetensors (default: the built-in one)")


def add_segment_options(command: argparse.ArgumentParser) -> None:
    """Add how the clips are segmented."""
    command.add_argument(
        "--grid", type=at_least(1), metavar="N", help="N x N automatic points over the sector (default: as trained)"
    )
    command.add_argument(
        "--smoothing",
        type=float,
        default=0.0,
        metavar="FRAMES",
        help="smooth the masks over time; standard deviation in frames (default: 0, not at all)",
    )


def segment_options(options: argparse.Namespace) -> SegmentOptions:
    """What `add_segment_options` was told; OptionError for a number out of its range."""
    from PointSegLib import SegmentOptions

    return SegmentOptions(options.grid, options.smoothing)


def add_device_option(command: argparse.ArgumentParser) -> None:
    """Add where the network runs."""
    command.add_argument("--device", choices=("auto", "cpu", "cuda", "mps"), default="auto")


def at_least(smallest: int) -> Callable[[str], int]:
    """The type of an option that is a whole number, `smallest` or more."""

    def number(text: str) -> int:
        if not text.isdecimal() or int(text) < smallest:
            msg = f"{text!r} is no whole number of at least {smallest}"
            raise argparse.ArgumentTypeError(msg)
        return int(text)

    return number


def share(text: str) -> float:
    """The type of an option that is a share, 0 to 1."""
    try:
        number = float(text)
    except ValueError:
        number = -1.0
    if not 0 <= number <= 1:
        msg = f"{text!r} is no share from 0 to 1"
        raise argparse.ArgumentTypeError(msg)
    return number


def load_predictor(options: argparse.Namespace) -> PointSegPredictor:
    """The predictor named by `--checkpoint` and `--device`."""
    from PointSegLib import PointSegPredictor

    return PointSegPredictor.from_pretrained(options.checkpoint, device=options.device)


def chosen_progress(options: argparse.Namespace) -> Progress | None:
    """The progress bar where somebody looks at it, else None."""
    return progress_bar if options.verbose or sys.stderr.isatty() else None


def progress_bar(done: int, total: int) -> None:
    """Draw `[#####-----] 12/30` on stderr: over itself on a terminal, a line each elsewhere.

    Args:
        done: frames finished.
        total: frames in all.
    """
    width = 40
    filled = width * done // total if total else width
    terminal = sys.stderr.isatty()
    start = "\r" if terminal else ""
    end = "\n" if done >= total or not terminal else ""
    print(f"{start}[{'#' * filled}{'-' * (width - filled)}] {done}/{total}", end=end, file=sys.stderr, flush=True)
