"""The `Policy` type, and the options that all policies share."""

from collections.abc import Callable, Mapping
from typing import Annotated, Any, NamedTuple

import jax
from pydantic import BaseModel, Field

from odes_rl.act.bounds import SQUASHES
from odes_rl.validation import STRICT, OneOf

Params = Any
Weights = Any


class PolicyConfig(BaseModel, frozen=True):
    """Options shared by all policies."""

    model_config = STRICT

    name: str
    """The architecture: a name from `odes-rl list policies`, or your own `PolicyFamily`, as `module:object`."""
    squash: Annotated[str, OneOf(SQUASHES)] = "rescale"
    """How outputs become actions within their bounds. `rescale`: -1 and 1 are the bounds, and what is beyond them is
    clipped; an action without bounds is the output itself. `clip`: outputs are actions, clipped to the bounds. `tanh`:
    the hyperbolic tangent of outputs, scaled to the bounds. The logits of discrete actions are not squashed."""
    output_scale: float = Field(default=0.03, gt=0)
    """Factor on the output projection; the initial value if it is learned. Of sampled discrete actions it is the
    inverse of the softmax's temperature; greedy ones do not depend on it, unless a path or a bias is added."""
    learn_output_scale: bool = False
    """Learn a gain for each action on top of the output scale, between 1/10 and 10; its logarithm is a parameter."""
    linear_path: bool = True
    """Add a linear path to the output: K s, with a learned matrix K that starts at zero.
    The policy `linear` is one already, and stays as it is."""
    action_bias: bool = False
    """Add a learned bias to each output; it starts at zero."""

    @classmethod
    def beneath(cls, values: Mapping[str, Any], overrides: Mapping[str, Any]) -> dict[str, Any]:
        """The options among `values`, of a file, that stay under the `overrides` of a command line: by default all."""
        return dict(values)


class Policy(NamedTuple):
    """A policy as pure functions, split where observations enter.

    Attributes:
        init: `init(key) -> params`.
        manifolds: a pytree that mirrors `params`, with the `Manifold` of each leaf.
        materialise: `materialise(params) -> weights`, the arrays that acting needs, whatever is observed.
        act_rule: the name of the act rule, built in or `module:object`, that turns weights and observations into
            actions.
    """

    init: Callable[[jax.Array], Params]
    manifolds: Any
    materialise: Callable[[Params], Weights]
    act_rule: str


class PolicyFamily(NamedTuple):
    """One entry of the registry: an architecture's options, and how to build it.

    Attributes:
        config: the class of its options; its docstring is shown by the command line.
        build: `build(config, observation_size, action_size) -> Policy`.
    """

    config: type[PolicyConfig]
    build: Callable[[Any, int, int], Policy]
