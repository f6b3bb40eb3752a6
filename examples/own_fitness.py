"""Maximise a function of your own: the weights of a small network, by evolution. See docs/fitness.md."""

import jax
import jax.numpy as jnp
import optax

import odes_rl

x = jnp.linspace(-1, 1, 64)[:, None]


def network(params, x):
    """Outputs [B, 1] for inputs [B, 1]."""
    return jnp.tanh(x @ params["inner"] + params["bias"]) @ params["outer"]


def fitness(params):
    """How well the network fits a sine, as a scalar: larger is better."""
    return -jnp.mean((network(params, x) - jnp.sin(3 * x)) ** 2)


es = odes_rl.RiemannianES(
    population=64,
    sigma=optax.exponential_decay(0.1, 250, 0.5),
    optimizer=optax.adam(optax.exponential_decay(0.05, 250, 0.5)),
    shaping=odes_rl.shaping.centred_ranks,
)


@jax.jit
def generation(state, _):
    """One generation, as `jax.lax.scan` takes it: the new state, and the fitness of its parameters."""
    candidates = es.ask(state)  # each leaf has one more axis in front, [64, ...]
    state, _ = es.tell(state, jax.vmap(fitness)(candidates))
    return state, fitness(state.params)


keys = jax.random.split(jax.random.key(0), 3)
start = {
    "inner": jax.random.normal(keys[0], (1, 8)),
    "bias": jnp.zeros(8),
    "outer": jax.random.normal(keys[1], (8, 1)) / 8**0.5,
}
state, history = jax.lax.scan(generation, es.init(keys[2], start), length=1000)
print(f"mean squared error {-fitness(start):.4f} at the start, {-history[-1]:.6f} after {len(history)} generations")
