"""The module's engines: one for each device and network, and what happens when another one is chosen."""

from __future__ import annotations

import os

import pytest
from mrml.fake_predictor import FakePredictor

pytest.importorskip("torch")


@pytest.fixture
def engines(headless):
    from PointSegModule.engines import Engines

    made = Engines()
    yield made
    made.shutdown()


def test_a_device_and_a_network_have_one_engine(engines, tmp_path):
    (tmp_path / "mine.safetensors").touch()
    assert engines.of("cpu") is engines.of("cpu")
    assert engines.of("cpu") is not engines.of("auto")
    assert engines.of("cpu", tmp_path / "mine.safetensors") is engines.of("cpu", tmp_path / "mine.safetensors")
    assert engines.of("cpu", tmp_path / "mine.safetensors") is not engines.of("cpu")


def test_a_network_that_was_written_anew_is_loaded_anew(engines, tmp_path):
    (tmp_path / "mine.safetensors").touch()
    before = engines.of("cpu", tmp_path / "mine.safetensors")
    os.utime(tmp_path / "mine.safetensors", ns=(1, 1))
    assert engines.of("cpu", tmp_path / "mine.safetensors") is not before


def test_only_the_engine_of_the_last_result_stays(engines, monkeypatch):
    ended = []
    kept, other = engines.of("cpu"), engines.of("auto")
    for engine in (kept, other):
        monkeypatch.setattr(engine, "shutdown", lambda engine=engine: ended.append(engine))
    engines.keepOnly(kept)
    assert ended == [other]
    assert engines.of("cpu") is kept
    assert engines.of("auto") is not other


@pytest.mark.parametrize("name", ["none.safetensors", "text.txt", ""])
def test_what_can_be_no_network_is_refused_by_name(engines, tmp_path, name):
    from PointSegLib.errors import CheckpointError

    (tmp_path / "text.txt").touch()
    with pytest.raises(CheckpointError, match=r"choose a \.safetensors file") as caught:
        engines.of("cpu", tmp_path / name)
    assert str(tmp_path / name) in str(caught.value)


def test_a_predictor_has_one_engine_and_refuses_what_it_does_not_know(engines, browser):
    from PointSegLib import PointSegError, SegmentOptions
    from PointSegModule.logic import CineProcessor, ProcessSettings

    predictor = FakePredictor()
    assert engines.ofPredictor(predictor) is engines.ofPredictor(predictor)
    assert engines.ofPredictor(predictor) is not engines.ofPredictor(FakePredictor())
    settings = ProcessSettings(options=SegmentOptions(smoothing_frames=1.0))
    with pytest.raises(PointSegError, match="its own grid and smoothing"):
        CineProcessor(engines).process(browser, predictor=predictor, settings=settings)
