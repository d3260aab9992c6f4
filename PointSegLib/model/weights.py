"""Networks on disk: one safetensors file with the weights, the configuration and the provenance.

Pickles are refused: loading one runs whatever code it carries.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import nn

from PointSegLib.atomic import atomic_path
from PointSegLib.errors import CheckpointError

Network = TypeVar("Network", bound=nn.Module)


@dataclass(frozen=True)
class NetworkKind:
    """What a file of one kind of network says of itself.

    Attributes:
        format: the mark in the file.
        version: of its layout; others are refused.
        called: the network, for messages.
        made_by: the command that writes it, for messages.
    """

    format: str
    version: int
    called: str
    made_by: str


def write_network(
    path: str | os.PathLike[str],
    kind: NetworkKind,
    network: nn.Module,
    config: dict[str, Any],
    provenance: dict[str, Any],
) -> None:
    """Write weights (half precision), configuration and provenance; WriteError leaves nothing half-written."""
    metadata = {
        "format": kind.format,
        "version": str(kind.version),
        "config": json.dumps(config),
        "provenance": json.dumps(provenance),
    }
    tensors = {name: value.detach().cpu().half().contiguous() for name, value in network.state_dict().items()}
    with atomic_path(path) as temporary:
        temporary.write_bytes(save(tensors, metadata))


def read_network(
    path: str | os.PathLike[str],
    kind: NetworkKind,
    build: Callable[[dict[str, Any]], Network],
    device: str | torch.device = "cpu",
) -> tuple[Network, dict[str, Any]]:
    """Read a file written by `write_network`.

    Args:
        path: the file.
        kind: what it must hold.
        build: makes the untrained network from its configuration.
        device: where it is wanted.

    Returns:
        The network in evaluation mode and its provenance.

    Raises:
        CheckpointError: when the file is missing, a pickle, corrupt, of another kind or version, or when its weights
            do not fit its configuration.
    """
    source = Path(path)
    if not source.is_file():
        msg = f"{source}: there is no such checkpoint; give the path of a .safetensors file."
        raise CheckpointError(msg)
    try:
        _refuse_pickle(source)
        with safe_open(source, framework="pt", device=str(device)) as file:
            metadata = file.metadata() or {}
            _check_kind(source, metadata, kind)
            state = {name: file.get_tensor(name).float() for name in file.keys()}  # noqa: SIM118
    except SafetensorError as error:
        msg = f"{source}: the checkpoint is corrupt ({error}); fetch or train it again."
        raise CheckpointError(msg) from error
    except OSError as error:
        msg = f"{source}: the checkpoint cannot be read ({error}); check the file's permissions."
        raise CheckpointError(msg) from error
    try:
        network, provenance = build(json.loads(metadata["config"])), json.loads(metadata.get("provenance", "{}"))
    except (KeyError, TypeError, ValueError, ArithmeticError, RuntimeError) as error:
        msg = f"{source}: the configuration inside the checkpoint cannot be used ({error}); the file is damaged."
        raise CheckpointError(msg) from error
    try:
        network.load_state_dict(state)
    except RuntimeError as error:
        msg = f"{source}: the weights do not fit the configuration stored with them; the file is damaged."
        raise CheckpointError(msg) from error
    return network.to(device).eval(), provenance


def _refuse_pickle(source: Path) -> None:
    with source.open("rb") as file:
        start = file.read(9)
    # torch.save writes a zip archive, older versions a bare pickle; safetensors have eight bytes of length, then JSON
    is_pickle = start.startswith((b"PK", b"\x80")) and not start.endswith(b"{")
    if is_pickle or source.suffix in {".pth", ".pt", ".pkl"}:
        msg = f"{source}: this is a pickle, which can run any code when opened; only .safetensors checkpoints are read."
        raise CheckpointError(msg)


def _check_kind(source: Path, metadata: dict[str, str], kind: NetworkKind) -> None:
    if metadata.get("format") != kind.format:
        msg = f"{source}: this file holds no {kind.called}; give a checkpoint written by `{kind.made_by}`."
        raise CheckpointError(msg)
    if metadata.get("version") != str(kind.version):
        msg = (
            f"{source}: the checkpoint has format version {metadata.get('version')}, this PointSeg reads "
            f"version {kind.version}; install the PointSeg release that wrote it."
        )
        raise CheckpointError(msg)
