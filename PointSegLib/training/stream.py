"""The endless stream of training batches: batch number `index` of a seed is the same one whoever draws it, and when."""

from __future__ import annotations

import itertools
import multiprocessing
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset, Sampler

# tensors on the CPU, and under "names" a list of what the batch was made of
Batch = dict[str, Any]


def seed_of(seed: int, index: int, purpose: int = 0) -> int:
    """A seed for one batch, as good as independent of its neighbours' and of other purposes'."""
    return int(np.random.SeedSequence((seed, index, purpose)).generate_state(1, np.uint64)[0])


@dataclass(frozen=True)
class Share:
    """The indices one process draws: `first`, then every `stride`-th."""

    first: int
    stride: int = 1


def batch_loader(
    draw: Callable[[torch.Generator], Batch], seed: int, share: Share, workers: int, pin_memory: bool = False
) -> DataLoader[Batch]:
    """An endless loader of one process's share of the batches.

    Args:
        draw: makes a batch with a generator, and must use no other source of chance.
        seed: of the stream.
        share: the indices to draw.
        workers: processes that draw ahead, each on one thread; 0 draws in this process.
        pin_memory: for a GPU.
    """
    ahead: dict[str, Any] = {}
    if workers:
        # A forked worker has the data already; a spawned one would be sent the whole stage with its weights.
        fork = "fork" if "fork" in multiprocessing.get_all_start_methods() else None
        ahead = {"prefetch_factor": 4, "multiprocessing_context": fork, "worker_init_fn": _calm_worker}
    return DataLoader(
        _Stream(draw, seed),
        batch_size=None,
        sampler=_Indices(share),
        num_workers=workers,
        pin_memory=pin_memory,
        **ahead,
    )


class _Stream(Dataset[Batch]):
    def __init__(self, draw: Callable[[torch.Generator], Batch], seed: int) -> None:
        self._draw, self._seed = draw, seed

    def __getitem__(self, index: int) -> Batch:
        return self._draw(torch.Generator().manual_seed(seed_of(self._seed, index)))


class _Indices(Sampler[int]):
    def __init__(self, share: Share) -> None:
        self._share = share

    def __iter__(self) -> Iterator[int]:
        return itertools.count(self._share.first, self._share.stride)


def _calm_worker(_worker: int) -> None:
    # Forked from a process that catches both: Ctrl-C is the main process's to handle, a termination is meant.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
