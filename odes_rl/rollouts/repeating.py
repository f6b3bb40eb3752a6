"""Environments that do not repeat an episode with its seed by themselves, and what makes them do so. Free of JAX."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import gymnasium


class Restored(gymnasium.Wrapper):
    """Calls `restore()` before each reset."""

    def __init__(self, environment: gymnasium.Env, restore: Callable[[], None]) -> None:
        super().__init__(environment)
        self.restore = restore

    def reset(self, **options: Any) -> tuple[Any, dict[str, Any]]:
        """As Gymnasium says."""
        self.restore()
        return super().reset(**options)


def repeating(environment: gymnasium.Env) -> gymnasium.Env:
    """`environment`, whose episodes depend on their seeds and not on earlier episodes."""
    inner: Any = environment.unwrapped
    if any(kind.__module__ == "gymnasium.envs.box2d.bipedal_walker" for kind in type(inner).__mro__):
        return Restored(environment, partial(_renew_world, inner))
    order = getattr(getattr(getattr(inner, "_env", None), "task", None), "_initial_order", None)
    if order is not None:
        return Restored(environment, order.sort)  # DM Control shuffles the bricks as the last episode left them
    return environment


def _renew_world(walker: Any) -> None:
    """Give BipedalWalker another Box2D world: contacts depend on the bodies that were in it before."""
    walker._destroy()
    walker.world = type(walker.world)()


def settled(task: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """`options` of the task of that name, with a seed for what it draws only once, as it is made.

    DM Control's lqr draws the stiffness of its joints so. All lanes, workers and runs have the same.
    """
    if not task.startswith("dm_control/lqr-"):
        return dict(options)
    return {**options, "task_kwargs": {"random": 0, **options.get("task_kwargs", {})}}
