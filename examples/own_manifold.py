"""Write a manifold of your own and optimise on it, with gradients and with evolution. See docs/manifolds.md."""

import math
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import optax

import odes_rl


@dataclass(frozen=True)
class Positive:
    """Arrays of positive numbers x with the metric (dx/x)²: a step multiplies. Coordinates are dx/x."""

    def to_tangent(self, point, gradient):
        """The Euclidean gradient in coordinates."""
        return point * gradient

    def exp(self, point, tangent):
        """The geodesic from the point along the tangent."""
        return point * jnp.exp(tangent)

    def perturb(self, point, noise, scale):
        """The point moved by scale · noise, to second order along the geodesic: ½(x + (x + dx)²/x) > 0."""
        return 0.5 * (point + (point + scale * noise) ** 2 / point)

    def random(self, key, shape):
        """Log-normal draws."""
        return jnp.exp(jax.random.normal(key, shape))

    def violation(self, point):
        """How far the smallest entry is below zero."""
        return jnp.max(-point, initial=0.0)

    def dimension(self, shape):
        """As many as entries."""
        return math.prod(shape)

    def stored(self, shape):
        """As many as entries."""
        return math.prod(shape)


times = jnp.linspace(0, 3, 50)
measured = 2 * jnp.exp(-0.5 * times) - jnp.exp(-5 * times)
manifolds = {"rates": Positive(), "amplitudes": odes_rl.Euclidean()}
start = {"rates": jnp.array([1.0, 2.0]), "amplitudes": jnp.array([1.0, -0.5])}


def loss(params):
    """Mean squared error of a sum of two decays."""
    return jnp.mean((jnp.exp(-times[:, None] * params["rates"]) @ params["amplitudes"] - measured) ** 2)


optimizer = odes_rl.riemannian(optax.adam(0.02), manifolds)
es = odes_rl.RiemannianES(population=32, sigma=0.02, optimizer=optax.adam(0.02), manifolds=manifolds)


def descend(carry, _):
    """One step along the gradient."""
    params, state = carry
    updates, state = optimizer.update(jax.grad(loss)(params), state, params)
    return (odes_rl.apply_updates(params, updates), state), None


def evolve(state, _):
    """One generation without the gradient."""
    return es.tell(state, -jax.vmap(loss)(es.ask(state)))[0], None


(params, _), _ = jax.lax.scan(descend, (start, optimizer.init(start)), length=2000)
print("by gradients:", params["rates"], "loss", loss(params))  # rates 0.5 and 5
state, _ = jax.lax.scan(evolve, es.init(jax.random.key(0), start), length=2000)
print("by evolution:", state.params["rates"], "loss", loss(state.params))
