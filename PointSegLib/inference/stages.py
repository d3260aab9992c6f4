"""The stages of the network, and what each of them spends while a clip is segmented: time or arithmetic."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import wraps
from typing import Any

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode, sdpa_flop_count

from PointSegLib.model import PointSeg, parameter_count

TRACKER_ENCODER = "tracker encoder"
TRACKER_DECODER = "tracker decoder"
SEGMENTER_ENCODER = "segmenter encoder"
MASK_DECODER = "fusion and mask decoder"
REST = "resizing and rest"
STAGES = (TRACKER_ENCODER, TRACKER_DECODER, SEGMENTER_ENCODER, MASK_DECODER, REST)


def stage_parameters(model: PointSeg) -> dict[str, int]:
    """Number of parameters of each stage; they add up to those of the network."""
    encoders = {TRACKER_ENCODER: model.tracker.encoder, SEGMENTER_ENCODER: model.segmenter.encoder}
    count = {stage: parameter_count(encoder) for stage, encoder in encoders.items()}
    count[TRACKER_DECODER] = parameter_count(model.tracker) - count[TRACKER_ENCODER]
    count[MASK_DECODER] = parameter_count(model.segmenter) - count[SEGMENTER_ENCODER]
    count[REST] = 0
    return {stage: count[stage] for stage in STAGES}


@contextmanager
def spent_by_stage(model: PointSeg, meter: Callable[[], float]) -> Iterator[dict[str, float]]:
    """Read a meter before and after every call of a stage.

    Args:
        model: the network that is run inside the block.
        meter: what only ever grows: a clock, or a count of operations.

    Yields:
        What each stage has spent by now; the rest is known when the block ends.
    """
    tracker, segmenter = model.tracker, model.segmenter
    calls: tuple[tuple[str, nn.Module, str], ...] = (
        (TRACKER_ENCODER, tracker.encoder, "forward"),
        (TRACKER_DECODER, tracker, "describe"),
        (TRACKER_DECODER, tracker, "forward"),
        (SEGMENTER_ENCODER, segmenter.encoder, "forward"),
        (MASK_DECODER, segmenter, "forward"),
    )
    spent = dict.fromkeys(STAGES, 0.0)

    def metered(stage: str, call: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(call)
        def measured(*args: Any, **kwargs: Any) -> Any:
            before = meter()
            result = call(*args, **kwargs)
            spent[stage] += meter() - before
            return result

        return measured

    with ExitStack() as restored:
        for stage, module, name in calls:
            # on the instance, where it hides the method of the class until it is taken away again
            vars(module)[name] = metered(stage, getattr(module, name))
            restored.callback(vars(module).pop, name)
        start = meter()
        yield spent
        spent[REST] = meter() - start - sum(spent.values())


def count_flop() -> FlopCounterMode:
    """PyTorch's counter of floating-point operations, taught the attention that runs on a CPU.

    Convolutions, matrix products and attention count, a multiplication with its addition as two; resampling and
    all that goes element by element does not.
    """
    on_cpu = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu
    return FlopCounterMode(display=False, custom_mapping={on_cpu: _attention_flop})


def _attention_flop(query: Any, key: Any, value: Any, *_: Any, **__: Any) -> int:
    """The counter hands over shapes, `[B, heads, tokens, channels]`, in place of tensors."""
    return sdpa_flop_count(query, key, value)
