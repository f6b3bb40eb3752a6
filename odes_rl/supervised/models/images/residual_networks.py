"""Residual networks of images, and the autonomous flows that resemble them (Davis et al. 2020, Table 1)."""

from functools import partial
from typing import Literal

from odes_rl.flows.trajectories.constant import constant
from odes_rl.flows.trajectories.per_layer import per_layer
from odes_rl.supervised.models.images.config import ImageFlowConfig, ImageResNetConfig
from odes_rl.supervised.models.images.network import image_network
from odes_rl.supervised.models.model import Model


class ImageAutoConfig(ImageFlowConfig, frozen=True):
    """A flow of images with the same kernels at all times; "Auto" of Davis et al. 2020."""

    name: Literal["image_auto"] = "image_auto"


def image_auto(config: ImageAutoConfig, shape: tuple[int, ...], classes: int) -> Model:
    """ẋ = F(x, K)."""
    return image_network(config, shape, classes, constant)


class ImageAppNodeConfig(ImageFlowConfig, frozen=True):
    """A flow of images with the same kernels at all times, and the time as one more channel; "AppNODE"."""

    name: Literal["image_app_node"] = "image_app_node"


def image_app_node(config: ImageAppNodeConfig, shape: tuple[int, ...], classes: int) -> Model:
    """ẋ = F([x, t], K); the kernels of t start at zero."""
    return image_network(config, shape, classes, constant, time=True)


class ImageConResNetConfig(ImageResNetConfig, frozen=True):
    """A residual network of images whose layers of a stage share their kernels; "Con. ResNet"."""

    name: Literal["image_con_res_net"] = "image_con_res_net"


def image_con_res_net(config: ImageConResNetConfig, shape: tuple[int, ...], classes: int) -> Model:
    """The layers x ← x + F(x, K), L in a stage."""
    return image_network(config, shape, classes, constant, step=config.step)


class ImageUnconResNetConfig(ImageResNetConfig, frozen=True):
    """A residual network of images whose layers have kernels of their own; "Uncon. ResNet"."""

    name: Literal["image_uncon_res_net"] = "image_uncon_res_net"


def image_uncon_res_net(config: ImageUnconResNetConfig, shape: tuple[int, ...], classes: int) -> Model:
    """The layers x ← x + F(x, K_i), i = 1..L, which share gains and shifts of the normalisation."""
    return image_network(config, shape, classes, partial(per_layer, layers=config.steps), step=config.step)
