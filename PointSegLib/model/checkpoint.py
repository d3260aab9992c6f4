"""The checkpoint format: one safetensors file with the weights, the configuration and the provenance.

Pickles are refused: loading one runs whatever code it carries.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from PointSegLib.atomic import atomic_path
from PointSegLib.errors import CheckpointError
from PointSegLib.model.config import config_from_dict, config_to_dict
from PointSegLib.model.point_seg import PointSeg

FORMAT, VERSION = "pointseg", 1


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
    metadata = {
        "format": FORMAT,
        "version": str(VERSION),
        "config": json.dumps(config_to_dict(model.config)),
        "provenance": json.dumps(provenance),
    }
    tensors = {name: value.detach().cpu().half().contiguous() for name, value in model.state_dict().items()}
    with atomic_path(path) as temporary:
        temporary.write_bytes(save(tensors, metadata))


def load_checkpoint(path: str | os.PathLike[str], device: str | torch.device = "cpu") -> Checkpoint:
    """Read a checkpoint written by `save_checkpoint`.

    Raises:
        CheckpointError: when the file is missing, a pickle, corrupt, not PointSeg's, of another version, or when
            its weights do not fit its configuration.
    """
    source = Path(path)
    if not source.is_file():
        msg = f"{source}: there is no such checkpoint; give the path of a .safetensors file."
        raise CheckpointError(msg)
    try:
        _refuse_pickle(source)
        with safe_open(source, framework="pt", device=str(device)) as file:
            metadata = file.metadata() or {}
            _check_version(source, metadata)
            state = {name: file.get_tensor(name).float() for name in file.keys()}  # noqa: SIM118
    except SafetensorError as error:
        msg = f"{source}: the checkpoint is corrupt ({error}); fetch or train it again."
        raise CheckpointError(msg) from error
    except OSError as error:
        msg = f"{source}: the checkpoint cannot be read ({error}); check the file's permissions."
        raise CheckpointError(msg) from error
    model, provenance = _network(source, metadata)
    try:
        model.load_state_dict(state)
    except RuntimeError as error:
        msg = f"{source}: the weights do not fit the configuration stored with them; the file is damaged."
        raise CheckpointError(msg) from error
    return Checkpoint(model.to(device).eval(), provenance)


def _refuse_pickle(source: Path) -> None:
    with source.open("rb") as file:
        start = file.read(9)
    # torch.save writes a zip archive, older versions a bare pickle; safetensors have eight bytes of length, then JSON
    is_pickle = start.startswith((b"PK", b"\x80")) and not start.endswith(b"{")
    if is_pickle or source.suffix in {".pth", ".pt", ".pkl"}:
        msg = f"{source}: this is a pickle, which can run any code when opened; only .safetensors checkpoints are read."
        raise CheckpointError(msg)


def _check_version(source: Path, metadata: dict[str, str]) -> None:
    if metadata.get("format") != FORMAT:
        msg = f"{source}: this file holds no PointSeg network; give a checkpoint written by `pointseg train`."
        raise CheckpointError(msg)
    if metadata.get("version") != str(VERSION):
        msg = (
            f"{source}: the checkpoint has format version {metadata.get('version')}, this PointSeg reads "
            f"version {VERSION}; install the PointSeg release that wrote it."
        )
        raise CheckpointError(msg)


def _network(source: Path, metadata: dict[str, str]) -> tuple[PointSeg, dict[str, Any]]:
    """The network the file's configuration describes, still untrained, and the provenance."""
    try:
        config = config_from_dict(json.loads(metadata["config"]))
        return PointSeg(config), json.loads(metadata.get("provenance", "{}"))
    except (KeyError, TypeError, ValueError, ArithmeticError, RuntimeError) as error:
        msg = f"{source}: the configuration inside the checkpoint cannot be used ({error}); the file is damaged."
        raise CheckpointError(msg) from error
