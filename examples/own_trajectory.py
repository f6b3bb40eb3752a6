"""Train a flow along weights W(t) of your own, and see how they move. See docs/policies.md and docs/extending.md."""

import jax
import jax.numpy as jnp
import numpy as np

import odes_rl
from odes_rl.flows import Trajectory, function_of_time
from odes_rl.manifolds import Orthogonal, matmul


def turning(hidden: int, turns: float = 0.25) -> Trajectory:
    """Orthogonal weights W(t) = W R(t), where R turns the first two coordinates by `turns` of a circle until t = 1."""
    manifolds = {"W": Orthogonal()}

    def init(key):
        return {"W": Orthogonal().random(key, (hidden, hidden))}

    def weights(params, times):
        """Weights [L, h, h] at the times [L]."""
        angle = 2 * jnp.pi * turns * times
        rows = jnp.stack([jnp.cos(angle), -jnp.sin(angle), jnp.sin(angle), jnp.cos(angle)], -1).reshape(-1, 2, 2)
        rotations = jnp.tile(jnp.eye(hidden), (len(times), 1, 1)).at[:, :2, :2].set(rows)
        return matmul(params["W"], rotations)

    return function_of_time(init, manifolds, weights)


if __name__ == "__main__":
    trajectory = turning(4)
    print(trajectory.weights(trajectory.init(jax.random.key(0)), jnp.linspace(0, 1, 3)).round(2))
    policy = odes_rl.train(
        "Pendulum-v1",
        policy={
            "name": "trajectory_flow",
            "trajectory": "own_trajectory:turning",  # found in the directory of this file
            "trajectory_options": {"turns": 0.5},
            "hidden": 8,
            "steps": 5,
            "output_scale": 3.0,
        },
        strategy={"preset": "isotropic", "population": 16, "sigma": 0.1, "learning_rate": 0.03},
        run={"generations": 20},
    )
    print("return:", policy.evaluate(episodes=20, seed=1).returns.mean())
    layers = policy.weights().layers
    print("distance from an orthogonal matrix:", np.abs(layers @ layers.mT - np.eye(8)).max())
