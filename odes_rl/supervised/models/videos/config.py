"""Options that the models of videos share."""

from typing import Annotated

from pydantic import Field

from odes_rl.act.activations import ARRAY_ACTIVATIONS
from odes_rl.continuous.normalising import Normalisation
from odes_rl.supervised.models.depth import FlowGradient
from odes_rl.supervised.models.model import ModelConfig
from odes_rl.validation import OneOf


class VideoModelConfig(ModelConfig, frozen=True):
    """Options shared by the models of videos: an encoder, a decoder, and three recurrent networks between them."""

    width: int = Field(default=16, ge=1)
    """Channels of frames at full resolution; at each lower one twice as many, up to eight times as many."""
    activation: Annotated[str, OneOf(ARRAY_ACTIVATIONS)] = "leaky_relu"
    """The nonlinearity f; that of leaky_relu is 0.2x below 0."""
    dropout: float = Field(default=0.0, ge=0, le=0)
    """Models of videos have none."""
    seen: int = Field(default=5, ge=1)
    """Number of frames that are given."""
    predicted: int = Field(default=10, ge=1)
    """Number of frames after these, which training predicts."""
    encoding: int = Field(default=64, ge=1)
    """Size of the encoding of a frame."""
    latent: int = Field(default=10, ge=1)
    """Size of the latent variable of a frame."""
    recurrent: int = Field(default=128, ge=1)
    """Size of the recurrent networks."""
    layers: int = Field(default=2, ge=1)
    """Layers of the recurrent network that predicts; the prior and the posterior have one."""
    beta: float = Field(default=1e-4, ge=0)
    """Weight β of the Kullback-Leibler divergence beside the squared error of a pixel."""
    normalisation: Annotated[Normalisation, OneOf(("group", "none"))] = "group"
    """What keeps the scale of convolutions. `group`: over groups of channels of each frame; `none`."""
    groups: int = Field(default=4, ge=1)
    """Groups of channels for `group`; the greatest common divisor with the number of channels counts."""

    @property
    def frames(self) -> int:
        """Number of frames of a video in training."""
        return self.seen + self.predicted


class VideoFlowConfig(VideoModelConfig, FlowGradient, frozen=True):
    """Options of the models of videos with flows in their blocks."""

    steps: int = Field(default=3, ge=1)
    """Number L of Euler steps of each flow from time 0 to time 1; 3 are steps of 0.33."""
