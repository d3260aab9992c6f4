"""Claims about the choice of the device."""

from __future__ import annotations

import pytest
import torch

from PointSegLib.errors import PointSegError
from PointSegLib.inference.device import arithmetic, choose_device, fast_arithmetic, only_float32


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


@pytest.fixture
def amx(monkeypatch):
    """A processor that says it has AMX."""
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: True, raising=False)


def test_short_numbers_are_used_and_told_where_the_processor_has_amx(amx):
    with fast_arithmetic(torch.device("cpu")):
        assert torch.is_autocast_enabled("cpu")
    assert arithmetic(torch.device("cpu")).startswith("bfloat16")


def test_only_float32_holds_within_its_block(amx):
    with only_float32():
        with fast_arithmetic(torch.device("cpu")):
            assert not torch.is_autocast_enabled("cpu")
        assert arithmetic(torch.device("cpu")) == "float32"
    assert arithmetic(torch.device("cpu")).startswith("bfloat16")
