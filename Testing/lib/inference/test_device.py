"""Claims about the choice of the device."""

from __future__ import annotations

import pytest
import torch

from PointSegLib.errors import PointSegError
from PointSegLib.inference.device import choose_device


def test_cpu_is_always_there():
    assert choose_device("cpu") == torch.device("cpu")


def test_auto_takes_an_accelerator_where_there_is_one():
    has_one = torch.cuda.is_available() or torch.backends.mps.is_available()
    assert (choose_device("auto").type != "cpu") == has_one


def test_unknown_device_is_named():
    with pytest.raises(PointSegError, match="'tpu'"):
        choose_device("tpu")


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has CUDA")
def test_absent_device_says_what_to_choose():
    with pytest.raises(PointSegError, match="'auto' or 'cpu'"):
        choose_device("cuda")
