"""The checkpoint of a Point-Seg network: `weights` says what is in the file."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

import torch

from PointSegLib.model.config import config_from_dict, config_to_dict
from PointSegLib.model.point_seg import PointSeg
from PointSegLib.model.weights import NetworkKind, read_network, write_network

# 2: convolutional pyramids, embedding bags, spots for hints, the pull of the correlation
# 3: steps between frames, and how they agree with the matches
POINTSEG = NetworkKind("pointseg", 3, "PointSeg network", "pointseg train")


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """A network with what is known of where its weights come from.

    Attributes:
        model: the network, in evaluation mode.
        provenance: data, licence, commit, seed, settings and figures, as plain JSON types.
    """

    model: PointSeg
    provenance: dict[str, Any]


def save_checkpoint(path: str | os.PathLike[str], model: PointSeg, provenance: dict[str, Any]) -> None:
    """Write weights (half precision), configuration and provenance; WriteError leaves nothing half-written."""
    write_network(path, POINTSEG, model, config_to_dict(model.config), provenance)


def load_checkpoint(path: str | os.PathLike[str], device: str | torch.device = "cpu") -> Checkpoint:
    """Read a checkpoint written by `save_checkpoint`.

    Raises:
        CheckpointError: when the file is missing, a pickle, corrupt, not PointSeg's, of another version, or when
            its weights do not fit its configuration.
    """
    model, provenance = read_network(path, POINTSEG, lambda values: PointSeg(config_from_dict(values)), device)
    return Checkpoint(model, provenance)
