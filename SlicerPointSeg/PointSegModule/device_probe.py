"""What PyTorch can compute on, asked in a process of its own: importing it takes seconds, and can fail."""

from __future__ import annotations

import subprocess

from PointSegLib.errors import DependencyError
from PointSegModule.engines import Steps, pythonInterpreter

_PROBE = """
import torch
found = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())] if torch.cuda.is_available() else []
found += ["Apple graphics"] if torch.backends.mps.is_available() else []
print(f"PyTorch {torch.__version__}: {', '.join([*found, 'processor'])}")
"""


def deviceSteps() -> Steps:
    """Ask, and wait for the answer; gives a line such as "PyTorch 2.5.1: NVIDIA RTX 4090, processor".

    Raises:
        DependencyError: when PyTorch cannot be used, with what Python says.
        WorkerError: when Slicer's Python interpreter is not found.
    """
    process = subprocess.Popen(
        [pythonInterpreter(), "-c", _PROBE],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        while process.poll() is None:
            yield True
        lines = process.stdout.read().strip().splitlines() or [""]
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()
        process.stdout.close()
    if process.returncode != 0:
        raise DependencyError(f"PyTorch cannot be used: {lines[-1]}")
    return lines[-1]
