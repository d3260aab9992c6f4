"""Carrying the frames a user has drawn to the other frames, along the trajectories.

The user draws frame s; L_s are the labels, and F is how many frames it reaches. For a frame t other than s:

1. Where does a pixel x come from? Each point i was displaced by u_i = p_i(s) - p_i(t); at x that is q(x) = x + a, with

       (a, B) = argmin sum_i c_i exp(-|p_i(t) - x|^2 / 2 r^2) |a + B (p_i(t) - x) - u_i|^2,

   a moving least-squares fit of an affine motion (Schaefer, McPhail and Warren 2006) that weighs points by nearness and
   by c_i, the product of their confidence in both frames; r is SPREAD.

2. What was drawn there? e_k is the signed distance to the border of class k in L_s, positive inside, in pixels of the
   network's square, cut at REACH_PX and turned to a logit by LOGIT_PER_PX.

3. How far does it count? In time by w(t) = (1 + cos(pi |t - s| / F)) / 2 and 0 from F on; between two drawn frames F is
   at most their distance, so that their weights sum to 1 at most and neither reaches into the other. In space by
   m(q) = 1 within TOUCH_PX of a pixel where L_s differs from the network's own labels, falling to 0 at twice that: what
   the user left alone stays the network's.

The logits z of the network then become z(x) + sum_s w_s(t) m_s(q_s(x)) (e_s(q_s(x)) - z(x)): a blend of contours, which
moves them gradually, where a blend of probabilities would switch from one to the other at w = 1/2. A drawn frame
itself has the labels the user gave it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from scipy import ndimage
from torch import Tensor

from PointSegLib.clip import CineClip
from PointSegLib.errors import EditError
from PointSegLib.inference.clip_view import ClipView
from PointSegLib.model.layers import grid_positions

SPREAD = 1 / 16
REACH_PX = 8.0
LOGIT_PER_PX = 1.0
TOUCH_PX = 8.0
# the affine part is held back where points say little of it; in units of SPREAD^2
STIFFNESS = 0.05
FLOW_CELLS = 32


@dataclass(frozen=True, eq=False)
class FrameEdit:
    """One frame as the user wants it.

    Attributes:
        frame: its index.
        labels: uint8 `[H, W]` at the clip's own size.
        falloff_frames: from so many frames away on the edit counts nothing; 1 changes the frame alone.
    """

    frame: int
    labels: np.ndarray
    falloff_frames: float

    @classmethod
    def checked(
        cls, frame: int, labels: np.ndarray, falloff_frames: float, clip: CineClip, known: tuple[int, ...]
    ) -> FrameEdit:
        """Check an edit against the clip and the labels the network knows.

        Raises:
            EditError: for a frame that does not exist, another size, labels that are no whole numbers or not known, or
                a falloff below 1.
        """
        drawn = np.asarray(labels)
        if not 0 <= frame < len(clip):
            msg = f"frame {frame} was edited, but the clip has frames 0 to {len(clip) - 1}."
            raise EditError(msg)
        if drawn.shape != clip.frames.shape[1:]:
            width, height = clip.size_wh
            msg = f"the labels of frame {frame} have the shape {list(drawn.shape)}; give one for each of its "
            raise EditError(msg + f"{height} x {width} pixels.")
        strange = sorted(set(np.unique(drawn).tolist()) - {0, *known})
        if strange:
            msg = f"frame {frame} holds the label {strange[0]}; the network knows {', '.join(map(str, known))} and 0."
            raise EditError(msg)
        if not falloff_frames >= 1:
            msg = f"the falloff of frame {frame} is {falloff_frames}; give the number of frames it reaches, 1 or more."
            raise EditError(msg)
        return cls(frame, drawn.astype(np.uint8), float(falloff_frames))


def time_weights(edits: Sequence[FrameEdit], n_frames: int) -> np.ndarray:
    """Weights `[E, T]` of edits of different frames; those of a frame sum to 1 at most."""
    frames = np.arange(n_frames)
    weights = np.zeros((len(edits), n_frames))
    for row, edit in zip(weights, edits, strict=True):
        for side in (frames <= edit.frame, frames >= edit.frame):
            others = [abs(other.frame - edit.frame) for other in edits if side[other.frame] and other is not edit]
            reach = min([edit.falloff_frames, *others])
            distance = np.abs(frames - edit.frame) / reach
            row[side] = np.where(distance < 1, (1 + np.cos(np.pi * distance)) / 2, 0)[side]
    return weights


class Carried:
    """What edits change in the other frames.

    Args:
        view: of the clip.
        edits: of different frames.
        own: uint8 `[T, H, W]`, the network's own labels.
        xy: `[N, T, 2]` normalised trajectories.
        confidence: `[N, T]` in 0..1.
    """

    def __init__(
        self, view: ClipView, edits: Sequence[FrameEdit], own: np.ndarray, xy: Tensor, confidence: Tensor
    ) -> None:
        self.view, self.edits = view, edits
        self.xy, self.confidence = xy, confidence
        self.weights = time_weights(edits, len(own))
        size = view.config.image_size
        self._drawn = [
            torch.cat([_logits_of(edit.labels, view), _touched(edit.labels != own[edit.frame], view)]) for edit in edits
        ]
        self._pixels = grid_positions(size, size).view(size, size, 2)

    def labels(self, frame: int, logits: Tensor) -> np.ndarray | None:
        """Labels uint8 `[H, W]` of a frame whose mask logits are `[K, h, w]`; None where nothing changes."""
        size = self.view.config.image_size
        change: Tensor | None = None
        for edit, drawn, weight in zip(self.edits, self._drawn, self.weights[:, frame], strict=True):
            if edit.frame == frame:
                return edit.labels.copy()
            if weight == 0:
                continue
            own = F.interpolate(logits[None], (size, size), mode="bilinear", align_corners=False)[0]
            came_from = self._pixels + self._flow(frame, edit.frame)
            carried = F.grid_sample(
                drawn[None], came_from[None] * 2 - 1, mode="bilinear", padding_mode="border", align_corners=False
            )[0]
            part = weight * carried[-1:] * (carried[:-1] - own)
            change = part if change is None else change + part
        return None if change is None else self.view.labels(logits, change)

    def _flow(self, here: int, there: int) -> Tensor:
        """For each pixel `[S, S, 2]` of frame `here`, how far away its tissue lies in frame `there`, normalised."""
        cells = grid_positions(FLOW_CELLS, FLOW_CELLS)
        trust = self.confidence[:, here] * self.confidence[:, there]
        moved = fitted_motion(cells, self.xy[:, here], self.xy[:, there] - self.xy[:, here], trust)
        flow = moved.T.reshape(1, 2, FLOW_CELLS, FLOW_CELLS)
        size = self.view.config.image_size
        full = F.interpolate(flow, (size, size), mode="bilinear", align_corners=False)
        return full[0].permute(1, 2, 0)


def fitted_motion(where: Tensor, points: Tensor, moved: Tensor, trust: Tensor) -> Tensor:
    """Displacements at some places, from those of points around them; see step 1 above.

    Args:
        where: `[S, 2]` normalised.
        points: `[N, 2]` normalised.
        moved: `[N, 2]` their displacements.
        trust: `[N]` not negative.

    Returns:
        `[S, 2]`, zero where no point is to be trusted.
    """
    away = (points[None] - where[:, None]).double() / SPREAD
    # far from all points the nearest ones still say something
    near = trust.double() * (torch.exp(-away.square().sum(-1) / 2) + 1e-6 / (1 + away.square().sum(-1)))
    basis = torch.cat([torch.ones_like(away[..., :1]), away], -1)
    weighted = basis * near.unsqueeze(-1)
    matrix = weighted.transpose(1, 2) @ basis
    total = matrix[:, :1, :1]
    held = torch.diag(torch.tensor([0.0, STIFFNESS, STIFFNESS], dtype=torch.float64))
    matrix = matrix + total * held + torch.eye(3, dtype=torch.float64) * 1e-12
    return torch.linalg.solve(matrix, weighted.transpose(1, 2) @ moved.double())[:, 0].float()


def _logits_of(labels: np.ndarray, view: ClipView) -> Tensor:
    """`[K, S, S]`, see step 2 above."""
    drawn, sampling = _inside_box(labels, view)
    maps = []
    for value in view.config.segmenter.class_labels:
        inside = drawn == value
        distance_px = _distance(inside, sampling) - _distance(~inside, sampling)
        maps.append(np.clip(distance_px, -REACH_PX, REACH_PX) * LOGIT_PER_PX)
    return _on_square(np.stack(maps), view)


def _touched(changed: np.ndarray, view: ClipView) -> Tensor:
    """`[1, S, S]` in 0..1, see step 3 above."""
    inside, sampling = _inside_box(changed, view)
    if not inside.any():
        return torch.zeros(1, view.config.image_size, view.config.image_size)
    far_px = ndimage.distance_transform_edt(~inside, sampling)
    return _on_square(np.clip(2 - far_px / TOUCH_PX, 0, 1)[None], view)


def _inside_box(image: np.ndarray, view: ClipView) -> tuple[np.ndarray, tuple[float, float]]:
    """The image inside the fan's box, and the height and width of a pixel there in pixels of the network's square."""
    x0, y0, x1, y1 = view.sector.box
    size = view.config.image_size
    return image[y0 : y1 + 1, x0 : x1 + 1], (size / (y1 - y0 + 1), size / (x1 - x0 + 1))


def _distance(inside: np.ndarray, sampling: tuple[float, float]) -> np.ndarray:
    """How far each pixel lies from the border of the region it belongs to; 0 outside, far where there is no outside."""
    if inside.all():
        return np.full(inside.shape, np.inf)
    return ndimage.distance_transform_edt(inside, sampling)


def _on_square(maps: np.ndarray, view: ClipView) -> Tensor:
    size = view.config.image_size
    return F.interpolate(
        torch.from_numpy(maps.astype(np.float32))[None], (size, size), mode="bilinear", align_corners=False
    )[0]
