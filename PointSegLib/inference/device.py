"""Which device the network runs on."""

from __future__ import annotations

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
