"""Lightning Fabric as this project uses it: the same loop on one process, several GPUs, or several nodes.

Only a run imports this file: Lightning Fabric comes with the extra `train`.
"""

from __future__ import annotations

from typing import Any

from lightning_fabric import Fabric
from lightning_fabric.plugins import MixedPrecision
from lightning_fabric.utilities.exceptions import MisconfigurationException

from PointSegLib.errors import PointSegError
from PointSegLib.training.launch import Launch


class UncastInputs(MixedPrecision):
    """Autocast that leaves the batch as it is.

    Fabric's own casts it to half precision before the forward pass, which moves a coordinate by a pixel.
    """

    def convert_input(self, data: Any) -> Any:
        """The batch, untouched."""
        return data


def start_fabric(launch: Launch, precision: str) -> Fabric:
    """Start the processes of a run and connect them.

    Args:
        launch: how many, and where.
        precision: "32-true", "bf16-mixed" or "16-mixed".

    Raises:
        PointSegError: when the machine has no such devices, or the CPU is asked for 16-bit floats.
    """
    if precision == "16-mixed" and launch.accelerator == "cpu":
        msg = "the precision '16-mixed' needs a GPU; use 'bf16-mixed' or '32-true' on the CPU."
        raise PointSegError(msg)
    mixed = precision != "32-true"
    plugins: Any = [UncastInputs(precision, launch.accelerator)] if mixed else None  # type: ignore[arg-type]
    # A step may leave out a part of the network, such as the embedding of clicks.
    strategy = "ddp_find_unused_parameters_true" if launch.devices * launch.nodes > 1 else "auto"
    try:
        fabric = Fabric(
            accelerator=launch.accelerator,
            devices=launch.devices,
            num_nodes=launch.nodes,
            strategy=strategy,
            plugins=plugins,
        )
        fabric.launch()
    except (MisconfigurationException, ValueError, RuntimeError) as error:
        msg = f"training cannot start on {launch.nodes} x {launch.devices} {launch.accelerator} devices: {error}"
        raise PointSegError(msg) from error
    return fabric
