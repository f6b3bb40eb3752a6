"""Options that the models of images share."""

from typing import Annotated

from pydantic import Field, model_validator

from odes_rl.act.activations import ACTIVATIONS
from odes_rl.continuous.normalising import Normalisation
from odes_rl.supervised.models.depth import FlowGradient, LayersGradient
from odes_rl.supervised.models.model import ModelConfig
from odes_rl.validation import OneOf


class ImageModelConfig(ModelConfig, frozen=True):
    """Options shared by the models of images: stages of residual blocks of convolutions."""

    width: int = Field(default=16, ge=1)
    """Channels of the first stage; each later one has twice as many as the one before it, at half its resolution."""
    activation: Annotated[str, OneOf(ACTIVATIONS)] = "relu"
    """The nonlinearity f."""
    stages: int = Field(default=3, ge=1)
    """Number of stages, each a block."""
    steps: int = Field(default=10, ge=1)
    """Number L of steps of each block."""
    kernels: tuple[Annotated[int, Field(ge=1)], ...] = Field(default=(3,), min_length=1)
    """Sides of the kernels of a step, one convolution after another: [1, 3, 1] with bottleneck 4 is that of He et al.
    2016."""
    bottleneck: int = Field(default=1, ge=1)
    """Between the convolutions of a step there are this number of times fewer channels than outside."""
    normalisation: Normalisation = "group"
    """What keeps the scale before each convolution. `group`: over groups of channels of each image; `batch`: over the
    batch, in evaluation with statistics of training images, taken after each epoch; `householder`: no normalisation of
    states, but kernels with orthonormal rows, products of reflections; `none`."""
    groups: int = Field(default=8, ge=1)
    """Groups of channels for `group`; the greatest common divisor with the number of channels counts."""

    @model_validator(mode="after")
    def _check_sizes(self) -> "ImageModelConfig":
        even = [side for side in self.kernels if side % 2 == 0]
        if even:
            raise ValueError(f"kernels has the side {even[0]}, but sides must be odd, to have a centre")
        if self.width % self.bottleneck:
            raise ValueError(f"bottleneck is {self.bottleneck}, but must divide width, which is {self.width}")
        if self.bottleneck > 1 and len(self.kernels) == 1:
            raise ValueError(
                f"bottleneck is {self.bottleneck}, but one convolution has none between: give more kernels"
            )
        if self.normalisation == "householder" and self.kernels[-1] ** 2 < self.bottleneck:
            raise ValueError(
                f"normalisation is householder, but the last kernel, of side {self.kernels[-1]}, has fewer inputs than "
                f"outputs with bottleneck {self.bottleneck}: give a larger side, or a smaller bottleneck"
            )
        return self


class ImageResNetConfig(LayersGradient, ImageModelConfig, frozen=True):
    """Options of residual networks of images."""

    step: float = Field(default=1.0, gt=0)
    """Factor of each step's change, x ← x + step · F(x)."""


class ImageFlowConfig(FlowGradient, ImageModelConfig, frozen=True):
    """Options of flows of images, in L Euler steps of each block from time 0 to time 1, with step size η = 1/L."""
