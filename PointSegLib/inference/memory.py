"""The most memory that this process, and its GPU, held at once."""

from __future__ import annotations

import sys
from contextlib import suppress
from pathlib import Path

import torch

MIB = 2**20


def forget_peaks(device: torch.device) -> None:
    """Let the peaks start from what is held now, where the system can: on Linux, and on CUDA."""
    # the kernel's own way, see proc_pid_clear_refs(5)
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)


def process_peak_mib() -> float | None:
    """The most resident memory of the process in MiB; None on Windows, whose Python does not tell."""
    if sys.platform == "win32":
        return None
    import resource

    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / MIB


def gpu_peak_mib(device: torch.device) -> float | None:
    """The most memory of PyTorch's tensors on a CUDA device in MiB; None on others."""
    return torch.cuda.max_memory_allocated(device) / MIB if device.type == "cuda" else None
