"""`Scene`: a heart and how it moves, before any ultrasound. Anatomy and motion make one, rendering films it."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from PointSegLib.simulation.sampling import pixel_grid, sample_at

# Values of `Scene.tissue`.
OTHER, LV_BLOOD, WALL, ATRIAL_BLOOD, OTHER_BLOOD, BRIGHT = range(6)
_NEWTON_STEPS = 3


@dataclass(frozen=True)
class SectorGeometry:
    """The fan of a probe in a square raster that may have been squeezed sideways.

    CAMUS frames are cut to the box of their fan and resized to a square, so that a circle about the probe appears
    there as an ellipse: one pixel to the side stands for `1 / squeeze` pixels of depth.

    Attributes:
        apex_xy: pixel position where the outermost lines meet; it may lie above the image.
        angles: (left, right) outermost lines in radians from straight down, left negative.
        depths: (nearest, farthest) imaged distance from the apex, in pixels along the vertical.
        squeeze: width of a pixel's content relative to its height, 1 for square pixels.
    """

    apex_xy: tuple[float, float]
    angles: tuple[float, float]
    depths: tuple[float, float]
    squeeze: float = 1.0

    def polar(self, xy: Tensor) -> Tensor:
        """(depth in vertical pixels, angle in radians) `[..., 2]` of pixel positions `[..., 2]`."""
        x = (xy[..., 0] - self.apex_xy[0]) / self.squeeze
        y = xy[..., 1] - self.apex_xy[1]
        return torch.stack([torch.hypot(x, y), torch.atan2(x, y)], dim=-1)

    def cartesian(self, depth_angle: Tensor) -> Tensor:
        """Pixel positions `[..., 2]` of (depth, angle) `[..., 2]`; the inverse of `polar`."""
        depth, angle = depth_angle.unbind(-1)
        x = self.apex_xy[0] + self.squeeze * depth * torch.sin(angle)
        return torch.stack([x, self.apex_xy[1] + depth * torch.cos(angle)], dim=-1)

    def contains(self, xy: Tensor) -> Tensor:
        """Bool `[...]`: which pixel positions `[..., 2]` lie inside the fan."""
        depth, angle = self.polar(xy).unbind(-1)
        return (
            (depth >= self.depths[0])
            & (depth <= self.depths[1])
            & (angle >= self.angles[0])
            & (angle <= self.angles[1])
        )

    def mask(self, side: int) -> Tensor:
        """Bool `[side, side]`: the pixels whose centres lie inside the fan."""
        return self.contains(pixel_grid(side, side, torch.device("cpu")))


@dataclass(frozen=True, eq=False)
class Scene:
    """What lies before the probe and how it moves, on a square raster of S pixels.

    The reference frame is a state of the heart in which places are named; for both sources it is end-diastole without
    probe motion, and no frame of the clip need show it. Displacements live on a coarse raster `[h, w]` laid over the
    image (`sampling.pixel_grid`), read between its cells with `sampling.sample_at`.

    Attributes:
        echogenicity: float32 `[S, S]` >= 0, linear backscatter amplitude of each place of the reference frame.
        tissue: uint8 `[S, S]`, `OTHER`, `LV_BLOOD`, `WALL`, `ATRIAL_BLOOD`, `OTHER_BLOOD` or `BRIGHT` in the reference.
        labels: uint8 `[T, S, S]`, CAMUS labels of every frame.
        forward: float32 `[T, 2, h, w]`, displacement (x, y) in pixels of the material at each cell centre of the
            reference, probe motion included.
        inverse: float32 `[T, 2, h, w]`, displacement from each cell centre of frame t to its reference place.
        sector: the fan, which stays where it is.
        spacing_mm: height of a pixel in mm.
        frame_time_s: time between two frames in seconds.
        ed: index of the frame of largest LV volume; equal to `es` for a heart at rest.
        es: index of the frame of smallest LV volume.
        systole: float32 `[S, S]`, `echogenicity` as it was seen at end-systole, at the places of the reference; None
            where it was not seen.
        contraction: float32 `[T]`, 0 at end-diastole and 1 at end-systole.
        source: where the scene came from, for example "parametric seed 12" or "patient0007_4CH".
    """

    echogenicity: Tensor
    tissue: Tensor
    labels: Tensor
    forward: Tensor
    inverse: Tensor
    sector: SectorGeometry
    spacing_mm: float
    frame_time_s: float
    ed: int
    es: int
    systole: Tensor | None
    contraction: Tensor
    source: str

    def __len__(self) -> int:
        return len(self.forward)

    @property
    def side(self) -> int:
        """Side S of the raster in pixels."""
        return self.echogenicity.shape[-1]


def follow(points: Tensor, scene: Scene) -> Tensor:
    """Trajectories of material points, exact for labels and images that were sampled with `scene.inverse`.

    The start X + u(X) is off by the interpolation error of the inverse; Newton steps on y + v(y) = X remove it.

    Args:
        points: float `[N, 2]`, pixel positions in the reference frame.
        scene: whose motion they follow.

    Returns:
        float `[N, T, 2]`, their pixel positions in every frame, which may lie outside the image.
    """
    size_wh = (scene.side, scene.side)
    spacing = (scene.side / scene.forward.shape[2], scene.side / scene.forward.shape[3])
    places = points.expand(len(scene), -1, -1)
    along_y, along_x = torch.gradient(scene.forward, spacing=spacing, dim=(2, 3))
    local = sample_at(torch.cat([scene.forward, along_x, along_y], dim=1), places, size_wh)
    moved = places + local[..., :2]
    for _ in range(_NEWTON_STEPS):
        missing = places - moved - sample_at(scene.inverse, moved, size_wh)
        moved = moved + missing + local[..., 2:4] * missing[..., :1] + local[..., 4:6] * missing[..., 1:]
    return moved.transpose(0, 1).contiguous()
