"""Which device the network runs on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar

import torch

from PointSegLib.errors import PointSegError

DEVICES = ("auto", "cpu", "cuda", "mps")
_KEEPS_FLOAT32 = ContextVar("keeps_float32", default=False)


def choose_device(name: str = "auto") -> torch.device:
    """The device a name stands for; "auto" takes CUDA, then Apple's MPS, then the CPU.

    Raises:
        PointSegError: for an unknown name or a device this machine does not have.
    """
    present = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if name == "auto":
        return torch.device(next(device for device in ("cuda", "mps", "cpu") if present[device]))
    if name not in present:
        msg = f"unknown device {name!r}; choose one of {', '.join(DEVICES)}."
        raise PointSegError(msg)
    if not present[name]:
        msg = f"the device {name!r} is not available on this machine; choose 'auto' or 'cpu'."
        raise PointSegError(msg)
    return torch.device(name)


def device_in_words(device: torch.device) -> str:
    """The device as its maker calls it, for people: "NVIDIA RTX 4090", "Apple GPU", "CPU"."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return "Apple GPU" if device.type == "mps" else device.type.upper()


def fast_arithmetic(device: torch.device) -> AbstractContextManager[object]:
    """Short floating-point numbers where they are much faster and known to be good enough.

    Processors with AMX multiply matrices of bfloat16 several times as fast as of float32. Others, and GPUs, whose
    arithmetic has not been tried, keep float32.
    """
    return torch.autocast("cpu", torch.bfloat16) if _is_short(device) else nullcontext()


@contextmanager
def only_float32() -> Iterator[None]:
    """Keep `fast_arithmetic` from short numbers, to see on a processor with AMX what others will see."""
    token = _KEEPS_FLOAT32.set(True)
    try:
        yield
    finally:
        _KEEPS_FLOAT32.reset(token)


def arithmetic(device: torch.device) -> str:
    """What the network computes with on a device, in words."""
    if _is_short(device):
        return "bfloat16 by AMX, point decoder in float32"
    if device.type == "cuda" and torch.backends.cudnn.allow_tf32:
        return "float32, convolutions in TF32"
    return "float32"


def _is_short(device: torch.device) -> bool:
    has_amx = getattr(torch.cpu, "_is_amx_tile_supported", lambda: False)
    return device.type == "cpu" and not _KEEPS_FLOAT32.get() and has_amx()
