"""Write a dataset of simulated clips in the layout of processed SynUS, over several processes, as often as it takes."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from PointSegLib.errors import ClipError, PointSegError
from PointSegLib.io.problems import Problem
from PointSegLib.io.synus import SPLITS, TrackedClip, write_synus_case, write_synus_info
from PointSegLib.result import MYOCARDIUM, Progress
from PointSegLib.simulation.clips import simulate_clip
from PointSegLib.simulation.template import TemplatePair
from PointSegLib.training.frames import FrameSet

_LIST_EVERY = 50
_PAIRS_TRIED = 5
_LICENCES = {True: "made from CAMUS frames: CC BY-NC-SA 4.0", False: "holds no data of others: Apache-2.0"}


@dataclass(frozen=True)
class SetPlan:
    """What a dataset shall hold.

    Attributes:
        folder: the dataset; cases that are there already are kept.
        count: clips in all.
        n_frames: frames of each.
        n_points: trajectories of each.
        seed: of the whole set; a case depends on this and its number alone.
        quality: "good", "medium" or "poor"; None mixes all.
        parametric: share of clips without a template.
        dissolved: share of the others that begin and end with the template's real frames.
        split: "train" or "valid"; a folder may hold both.
    """

    folder: Path
    count: int
    n_frames: int = 24
    n_points: int = 512
    seed: int = 0
    quality: str | None = None
    parametric: float = 0.2
    dissolved: float = 0.0
    split: str = "train"

    def case(self, index: int) -> str:
        """The folder name of a case."""
        return f"{self.split}_{index:06d}"


def template_pairs(frames: FrameSet) -> list[TemplatePair]:
    """The patients and views of a set that have both ED and ES."""
    return [
        TemplatePair(
            ed_image=frames.images[ed],
            ed_labels=frames.labels[ed],
            es_image=frames.images[es],
            es_labels=frames.labels[es],
            name=frames.names[ed].removesuffix("_ED"),
        )
        for ed, es in frames.pairs()
    ]


def write_simulated_set(
    plan: SetPlan, pairs: Sequence[TemplatePair], workers: int = 1, progress: Progress | None = None
) -> list[Problem]:
    """Make the clips that are missing from a dataset.

    Args:
        plan: what it shall hold.
        pairs: real hearts to be put into motion; none makes all clips parametric.
        workers: processes, each on one thread; 1 works in this one.
        progress: called with (clips there, clips in all).

    Returns:
        The pairs that could not be used; other pairs took their place.

    Raises:
        WriteError: when the disk refuses; what was written stays, and the next call goes on from there.
        ClipError: when the plan makes no sense.
        PointSegError: when a process was killed; what was written stays.
    """
    missing = [index for index in range(plan.count) if not (plan.folder / plan.case(index)).is_dir()]
    problems: dict[str, Problem] = {}
    done = plan.count - len(missing)
    maker = _Maker(plan, tuple(pairs))
    try:
        with _results(maker, missing, workers) as results:
            for found in results:
                problems.update({problem.case: problem for problem in found})
                done += 1
                if progress is not None:
                    progress(done, plan.count)
                if done % _LIST_EVERY == 0:
                    _list_cases(plan.folder)
    finally:
        _list_cases(plan.folder)
    return [problems[name] for name in sorted(problems)]


@dataclass(frozen=True)
class _Maker:
    """Makes one case from its number; it travels to the worker processes once."""

    plan: SetPlan
    pairs: tuple[TemplatePair, ...]

    def __call__(self, index: int) -> list[Problem]:
        plan = self.plan
        draws = np.random.default_rng((plan.seed, SPLITS.index(plan.split), index))
        parametric = not self.pairs or draws.random() < plan.parametric
        order = () if parametric else draws.permutation(len(self.pairs))[:_PAIRS_TRIED].tolist()
        seed = int(draws.integers(2**31))
        dissolved = draws.random() < plan.dissolved
        problems: list[Problem] = []
        for candidate in order:
            try:
                self._write(index, self.pairs[candidate], seed, dissolved)
                return problems
            except ClipError as error:
                problems.append(Problem(self.pairs[candidate].name, str(error)))
        self._write(index, None, seed)
        return problems

    def _write(self, index: int, pair: TemplatePair | None, seed: int, dissolved: bool = False) -> None:
        plan = self.plan
        clip, meta = simulate_clip(pair, plan.n_frames, plan.n_points, seed, plan.quality, dissolved)
        labels = clip.labels.numpy()
        case = TrackedClip(
            name=plan.case(index),
            frames=(clip.frames * 255.0).round().to(torch.uint8).numpy(),
            points=clip.tracks.numpy(),
            visible=clip.visible.numpy(),
            labels=labels,
            mask=(labels[0] == MYOCARDIUM).astype(np.uint8),
            split=plan.split,
            meta={**meta, "licence": _LICENCES[pair is not None]},
        )
        write_synus_case(plan.folder, case)


_worker: _Maker | None = None


def _start_worker(maker: _Maker) -> None:
    global _worker
    torch.set_num_threads(1)
    _worker = maker


def _run_worker(index: int) -> list[Problem]:
    assert _worker is not None
    return _worker(index)


@contextmanager
def _results(maker: _Maker, indices: Sequence[int], workers: int) -> Iterator[Iterator[list[Problem]]]:
    """The problems met in each case, in the order in which cases are finished."""
    if workers <= 1 or len(indices) <= 1:
        yield map(maker, indices)
        return
    spawn = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(min(workers, len(indices)), spawn, initializer=_start_worker, initargs=(maker,))
    try:
        yield (future.result() for future in as_completed([pool.submit(_run_worker, index) for index in indices]))
    except BrokenProcessPool as error:
        msg = (
            f"a process that makes clips was killed, most often because memory ran out; use fewer than {workers}, then "
        )
        msg += "give the command again: the clips that are there are kept."
        raise PointSegError(msg) from error
    finally:
        pool.shutdown(cancel_futures=True)


def _list_cases(folder: Path) -> None:
    """Write `info.csv` of all cases that are there, of every split."""
    names = sorted(path.name for path in folder.glob("*_*") if path.is_dir() and path.name.split("_")[0] in SPLITS)
    if names:
        write_synus_info(folder, [(name, name.split("_")[0]) for name in names])
