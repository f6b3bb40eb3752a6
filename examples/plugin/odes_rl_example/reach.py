"""An environment: a point in the plane. What imports this module registers it. It should not import JAX."""

from typing import Any

import gymnasium
import numpy as np
from gymnasium.spaces import Box


class Reach(gymnasium.Env):
    """A point [2] in the plane that is to reach the origin; its actions are velocities."""

    metadata = {"render_modes": ["rgb_array"], "render_fps": 10}  # noqa: RUF012 - Gymnasium's own
    observation_space = Box(-np.inf, np.inf, (2,), np.float64)
    action_space = Box(-1.0, 1.0, (2,), np.float32)

    def __init__(self, render_mode: str | None = None) -> None:
        self.render_mode = render_mode

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> Any:
        """A point drawn uniformly from a square, and no info."""
        super().reset(seed=seed)
        self.point = self.np_random.uniform(-1, 1, 2)
        return self.point.copy(), {}

    def step(self, action: np.ndarray) -> Any:
        """The point a tenth of a second later; its reward is the distance from the origin, negative."""
        self.point += 0.1 * action
        return self.point.copy(), -float(np.hypot(*self.point)), False, False, {}

    def render(self) -> Any:
        """A picture [64, 64, 3] of the square of side 4 about the origin: the point white, the origin red."""
        picture = np.zeros((64, 64, 3), np.uint8)
        for place, colour in ((np.zeros(2), (255, 0, 0)), (self.point, (255, 255, 255))):
            column, row = np.clip(32 + 16 * place, 2, 61).astype(int)
            picture[63 - row - 2 : 63 - row + 3, column - 2 : column + 3] = colour
        return picture


gymnasium.register("Reach-v0", "odes_rl_example.reach:Reach", max_episode_steps=50)
