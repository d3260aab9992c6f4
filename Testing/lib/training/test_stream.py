"""Claims about the stream of batches: a batch is a function of the seed and its number."""

from __future__ import annotations

import itertools

import pytest
import torch

from PointSegLib.training.stream import Share, batch_loader, seed_of


def _draw(generator):
    return {"x": torch.rand(3, generator=generator), "threads": torch.get_num_threads(), "names": ["a", "b"]}


def _first(count, share=None, seed=0, workers=0):
    loader = batch_loader(_draw, seed, share or Share(0), workers)
    return [tuple(batch["x"].tolist()) for batch in itertools.islice(loader, count)]


@pytest.mark.parametrize("workers", [0, 1, 2])
def test_workers_change_nothing_in_the_stream(workers):
    assert _first(7, workers=workers) == _first(7)


def test_stream_can_be_entered_anywhere():
    assert _first(4, Share(3)) == _first(7)[3:]


def test_processes_share_the_stream_between_them():
    whole = _first(8)
    assert _first(4, Share(0, 2)) == whole[::2]
    assert _first(4, Share(1, 2)) == whole[1::2]


def test_every_batch_and_every_seed_is_another():
    batches = _first(20) + _first(20, seed=1)
    assert len(set(batches)) == 40


def test_neighbouring_numbers_have_unrelated_seeds():
    grid = itertools.product(range(20), range(20), range(2))
    assert len({seed_of(*numbers) for numbers in grid}) == 800


def test_workers_draw_on_one_thread_and_names_pass_unchanged():
    batch = next(iter(batch_loader(_draw, 0, Share(0), 1)))
    assert (batch["threads"], batch["names"]) == (1, ["a", "b"])
