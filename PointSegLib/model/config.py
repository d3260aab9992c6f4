"""Configurations of the Point-Seg network: frozen dataclasses and the two presets `paper` and `small`."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from typing import Any

HINT_NONE, HINT_WALL, HINT_CAVITY, HINT_OUTSIDE = 0, 1, 2, 3
N_HINTS = 3


@dataclass(frozen=True)
class BackboneConfig:
    """The convolutional network that turns a frame into feature maps of stride 2, 4, 8, 16 and 32.

    Attributes:
        kind: "light" (narrow residual network, one input channel) or "resnet50".
        widths: channels at strides 2, 4, 8, 16, 32; read by "light" only.
        norm: "group", or "frozen_batch" for ResNet50 with published ImageNet weights.
    """

    kind: str = "light"
    widths: tuple[int, ...] = (16, 32, 64, 128, 160)
    norm: str = "group"


@dataclass(frozen=True)
class EncoderConfig:
    """Backbone followed by what lets its levels inform each other.

    The paper's encoder is a deformable transformer over the levels of stride 8, 16 and 32; stride 4 stays out of it (it
    holds three quarters of the tokens) but is sampled by the decoders. On a CPU convolutions do the same at a
    fraction of the time: `n_layers=0` leaves the transformer out.

    Attributes:
        n_layers: layers of the deformable transformer.
        top_down: add each coarser level to the finer one and smooth (a feature pyramid), for maps that are matched.
        image_stride: frames are first averaged over squares of so many pixels; strides count the pixels that are left.
    """

    backbone: BackboneConfig = field(default_factory=BackboneConfig)
    dim: int = 96
    n_layers: int = 2
    n_heads: int = 6
    n_points: int = 4
    ffn_dim: int = 192
    top_down: bool = False
    image_stride: int = 1


@dataclass(frozen=True)
class TrackerConfig:
    """The point tracker: its own encoder and the TAPTRv2-style point decoder.

    Attributes:
        n_layers: decoder layers N_pd of Eq. 2; every layer predicts trajectories.
        levels: strides the decoder samples.
        correlation_dim: channels of the local correlation beside the position update; 0 switches it off.
        correlation_radius: the correlation looks at (2 r + 1)^2 cells around the estimate, on every level.
    """

    encoder: EncoderConfig = field(default_factory=EncoderConfig)
    n_layers: int = 4
    n_heads: int = 6
    n_points: int = 4
    ffn_dim: int = 192
    levels: tuple[int, ...] = (4, 8, 16)
    correlation_dim: int = 48
    correlation_radius: int = 3


@dataclass(frozen=True)
class SegmenterConfig:
    """The segmenter: its own encoder, N_FL fusion layers and the mask decoder.

    The five switches are the columns of Table 3 of the paper. Without `use_trajectories` the points rest where the
    grid put them and carry no motion.

    Attributes:
        class_labels: the label value of each of the K mask tokens.
        patch_stride: stride of the patch tokens that the points talk to, in the encoder's count.
        mask_stride: stride of the predicted masks, in the encoder's count.
    """

    encoder: EncoderConfig = field(default_factory=EncoderConfig)
    n_layers: int = 3
    n_heads: int = 6
    ffn_dim: int = 192
    class_labels: tuple[int, ...] = (1, 2, 3)
    patch_stride: int = 8
    mask_stride: int = 2
    use_trajectories: bool = True
    point_to_patch: bool = True
    mlp: bool = True
    point_attention: bool = True
    temporal_attention: bool = True

    @property
    def input_stride(self) -> int:
        """Stride of the predicted masks relative to the network input."""
        return self.mask_stride * self.encoder.image_stride


@dataclass(frozen=True)
class PointSegConfig:
    """The whole network and the shape of what it is fed.

    Attributes:
        preset: name of the preset it came from.
        image_size: side of the square network input in pixels.
        window: frames processed together.
        window_overlap: frames a window shares with the one before.
        grid_size: the automatic points form a grid of this many rows and columns over the sector.
    """

    preset: str = "small"
    image_size: int = 256
    window: int = 24
    window_overlap: int = 4
    grid_size: int = 16
    tracker: TrackerConfig = field(default_factory=TrackerConfig)
    segmenter: SegmenterConfig = field(default_factory=SegmenterConfig)


def small_config() -> PointSegConfig:
    """The preset made for two CPU cores; Docs/benchmarks.md has the shapes that were tried."""
    matching = EncoderConfig(BackboneConfig(widths=(16, 48, 96, 128, 128)), dim=96, n_layers=0, top_down=True)
    tracker = TrackerConfig(encoder=matching, n_layers=2, n_heads=4, n_points=2, correlation_dim=64)
    drawing = EncoderConfig(BackboneConfig(widths=(16, 64, 128, 192, 224)), dim=128, n_layers=0, image_stride=2)
    segmenter = SegmenterConfig(encoder=drawing, n_layers=1, n_heads=4, ffn_dim=256, patch_stride=8, mask_stride=2)
    return PointSegConfig(tracker=tracker, segmenter=segmenter)


def paper_config() -> PointSegConfig:
    """The preset of the paper: ResNet50, width 256, TAPTRv2's window of 8 frames sliding by 4, one class."""
    encoder = EncoderConfig(BackboneConfig("resnet50"), dim=256, n_layers=2, n_heads=8, n_points=4, ffn_dim=2048)
    tracker = TrackerConfig(
        encoder=encoder,
        n_layers=5,
        n_heads=8,
        ffn_dim=2048,
        levels=(4, 8, 16, 32),
        correlation_dim=0,
    )
    segmenter = SegmenterConfig(encoder=encoder, n_heads=8, ffn_dim=2048, class_labels=(2,), mask_stride=1)
    return PointSegConfig("paper", window=8, window_overlap=4, tracker=tracker, segmenter=segmenter)


PRESETS = {"small": small_config, "paper": paper_config}


def config_to_dict(config: PointSegConfig) -> dict[str, Any]:
    """The configuration as plain JSON types."""
    return asdict(config)


def config_from_dict(values: dict[str, Any]) -> PointSegConfig:
    """The inverse of `config_to_dict`; an unknown or missing field raises TypeError."""

    def encoder(part: dict[str, Any]) -> EncoderConfig:
        backbone = dict(part["backbone"], widths=tuple(part["backbone"]["widths"]))
        return EncoderConfig(**dict(part, backbone=BackboneConfig(**backbone)))

    tracker = dict(values["tracker"], encoder=encoder(values["tracker"]["encoder"]))
    tracker["levels"] = tuple(tracker["levels"])
    segmenter = dict(values["segmenter"], encoder=encoder(values["segmenter"]["encoder"]))
    segmenter["class_labels"] = tuple(segmenter["class_labels"])
    return PointSegConfig(**dict(values, tracker=TrackerConfig(**tracker), segmenter=SegmenterConfig(**segmenter)))


def with_classes(config: PointSegConfig, class_labels: tuple[int, ...]) -> PointSegConfig:
    """The same network with other classes; K is their number."""
    return replace(config, segmenter=replace(config.segmenter, class_labels=class_labels))
