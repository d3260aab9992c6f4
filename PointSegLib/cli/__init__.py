"""The command line, `pointseg ...`: one file per command, each a thin wrapper of public calls.

A command's file has `add(commands)`, which adds its parser and names its handler, a function of the parsed
options that returns the exit code. Handlers import what they need when they run, so that help is instant.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from PointSegLib import __version__
from PointSegLib.cli import ablate, batch, benchmark, compare, evaluate, info, measure, segment, simulate, track, train
from PointSegLib.cli.files import one_line
from PointSegLib.errors import PointSegError

COMMANDS = (segment, track, measure, batch, info, simulate, train, evaluate, compare, ablate, benchmark)
USER_ERROR, INTERRUPTED = 2, 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        arguments: the words after `pointseg`; None takes those of the process.

    Returns:
        The exit code: 0 done, 1 some files of a batch failed, 2 an error the user can mend, 130 interrupted.
    """
    options = build_parser().parse_args(arguments)
    try:
        return options.handler(options)
    except PointSegError as error:
        if options.debug:
            raise
        print(f"pointseg: error: {one_line(error)}", file=sys.stderr)
        return USER_ERROR
    except KeyboardInterrupt:
        print("\npointseg: interrupted", file=sys.stderr)
        return INTERRUPTED


def build_parser() -> argparse.ArgumentParser:
    """The parser of all commands."""
    summary = "Segment the heart muscle in ultrasound movies and follow its tissue points."
    parser = argparse.ArgumentParser(prog="pointseg", description=summary)
    parser.add_argument("--version", action="version", version=f"pointseg {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for command in COMMANDS:
        command.add(commands)
    return parser
