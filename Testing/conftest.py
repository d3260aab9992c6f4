"""What all tests share: quiet off-screen libraries, few threads, and the real clips."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

# Before any import of vtk, Qt or torch: they read these once.
os.environ.setdefault("VTK_DEFAULT_OPENGL_WINDOW", "vtkEGLRenderWindow")
os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
os.environ.setdefault("OMP_NUM_THREADS", str(min(2, os.cpu_count() or 1)))

from shared_data import shared_data


@pytest.fixture(scope="session")
def camus_folder() -> Path:
    """CAMUS in its official layout; skips where the shared data is absent."""
    return shared_data("camus")


@pytest.fixture(scope="session")
def echo_dicom() -> Path:
    """The real 30-frame apical cine that comes with pydicom: YBR_FULL_422, JPEG baseline, 240 x 320."""
    examples = pytest.importorskip("pydicom.examples")
    return Path(examples.get_path("ybr_color"))
