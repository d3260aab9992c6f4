"""Which device the network runs on."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

import torch

from PointSegLib.errors import PointSegError

DEVICES = ("auto", "cpu", "cuda", "mps")


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


def fast_arithmetic(device: torch.device) -> AbstractContextManager[object]:
    """Short floating-point numbers where they are much faster and known to be good enough.

    Processors with AMX multiply matrices of bfloat16 several times as fast as of float32. Others, and GPUs, whose
    arithmetic has not been tried, keep float32.
    """
    has_amx = getattr(torch.cpu, "_is_amx_tile_supported", lambda: False)
    if device.type == "cpu" and has_amx():
        return torch.autocast("cpu", torch.bfloat16)
    return nullcontext()
