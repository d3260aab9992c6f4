"""The point spread of a phased array in polar coordinates, applied by FFT."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from PointSegLib.simulation.imaging import Pulse
from PointSegLib.simulation.polar import PolarRaster

_FWHM = 2.0 * math.sqrt(2.0 * math.log(2.0))


def point_spread(fields: Tensor, raster: PolarRaster, pulse: Pulse, spacing_mm: float) -> Tensor:
    """Convolve with a Gaussian pulse in depth and a Gaussian beam across the lines.

    A beam of constant angle grows in width with depth; away from its focus the angle widens too. The kernels have
    unit energy, so that white noise keeps its power.

    Args:
        fields: complex64 `[T, D, L]` on `raster`.
        raster: where the values lie.
        pulse: widths and focus.
        spacing_mm: height of an image pixel.

    Returns:
        complex64 `[T, D, L]`.
    """
    depth, _ = raster.fractions(fields.device)
    beam = math.radians(pulse.lateral_deg) / _FWHM / raster.step_rad
    sigma = beam * (1.0 + (pulse.defocus * (depth - pulse.focus)).square()).sqrt()
    across = _transfer(sigma, fields.shape[2])
    along = _transfer(torch.tensor([[pulse.axial_mm / _FWHM / (raster.step_px * spacing_mm)]]), fields.shape[1])
    spread = torch.fft.ifft(torch.fft.fft(fields, dim=2) * across, dim=2)
    return torch.fft.ifft(torch.fft.fft(spread, dim=1) * along.to(fields.device)[0, :, None], dim=1)


def _transfer(sigma: Tensor, count: int) -> Tensor:
    """Transfer functions `[n, count]` of Gaussians with `sigma` `[n, 1]` samples and unit energy."""
    frequency = torch.fft.fftfreq(count, device=sigma.device)[None]
    response = torch.exp(-2.0 * (math.pi * sigma * frequency).square())
    return response / response.square().mean(1, keepdim=True).sqrt()
