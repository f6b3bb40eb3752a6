"""A generation of several rounds: its noise, its estimate, and what is compiled for it."""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import odes_rl
from odes_rl.errors import UserError

KEY = jax.random.key(0)
SLOPE = jnp.array([1.0, -2.0, 0.5])
ROUNDS = jnp.arange(3)
KINDS = {"gaussian": odes_rl.perturbations.gaussian, "orthogonal": odes_rl.perturbations.orthogonal}
every = pytest.mark.parametrize("perturbations", KINDS.values(), ids=KINDS)


def strategy(**changes: Any) -> odes_rl.RiemannianES:
    values: dict[str, Any] = {"population": 8, "sigma": 0.1, "optimizer": optax.sgd(0.1)}
    return odes_rl.RiemannianES(**(values | changes))


def start(es: odes_rl.RiemannianES) -> Any:
    return es.init(KEY, jnp.zeros(3))


def asked(es, state, rounds=ROUNDS):
    """[R, C, 3] candidates."""
    return jax.vmap(partial(es.ask, state))(rounds)


@every
def test_each_round_has_noise_of_its_own_and_the_first_that_of_a_generation_of_one(perturbations):
    es = strategy(perturbations=perturbations)
    state = start(es)
    ask: Any = jax.jit(es.ask)
    rounds = [ask(state, round) for round in range(3)]
    np.testing.assert_array_equal(rounds[0], jax.jit(lambda state: es.ask(state))(state))
    next_generation = ask(state._replace(generation=jnp.int32(1)), 0)
    assert len(np.unique(np.concatenate([*rounds, next_generation]), axis=0)) == 4 * 8
    assert ask._cache_size() == 1


@every
@pytest.mark.parametrize("antithetic", [True, False])
def test_the_step_of_several_rounds_is_the_mean_of_theirs(perturbations, antithetic):
    es = strategy(perturbations=perturbations, antithetic=antithetic, shaping=odes_rl.shaping.none)
    state, tell = start(es), jax.jit(es.tell)
    candidates = asked(es, state)
    fitness = candidates @ SLOPE

    def step(fitness):
        return tell(state, fitness)[0].params

    by_hand = 0.1 * jnp.einsum("rc,rci->i", fitness, candidates / 0.1) / (3 * 8 * 0.1)
    np.testing.assert_allclose(step(fitness), by_hand, atol=1e-5)
    alone = [step(fitness.at[jnp.arange(3) != round].set(0)) for round in range(3)]
    np.testing.assert_allclose(step(fitness), sum(alone), atol=1e-6)
    np.testing.assert_allclose(step(fitness[0]), 3 * alone[0], atol=1e-6)


def test_more_rounds_take_the_same_step_with_less_noise():
    es = strategy(shaping=odes_rl.shaping.none)

    @partial(jax.jit, static_argnums=0)
    def steps(rounds):
        states = jax.vmap(lambda key: es.init(key, jnp.zeros(3)))(jax.random.split(KEY, 400))
        return jax.vmap(lambda s: es.tell(s, asked(es, s, jnp.arange(rounds)) @ SLOPE)[0].params)(states)

    one, four = steps(1), steps(4)
    np.testing.assert_allclose(one.mean(axis=0), 0.1 * SLOPE, atol=0.03)
    np.testing.assert_allclose(four.mean(axis=0), 0.1 * SLOPE, atol=0.015)
    assert (four.var() - (0.1 * SLOPE).var()) / (one.var() - (0.1 * SLOPE).var()) == pytest.approx(1 / 4, rel=0.2)


def test_rounds_are_shaped_together_and_failures_count_as_the_worst_of_all():
    es = strategy()
    state, tell = start(es), jax.jit(es.tell)
    fitness = asked(es, state) @ SLOPE
    plain, shifted = (tell(state, told)[1].update_norm for told in (fitness, fitness.at[1].add(100.0)))
    assert float(shifted) < 0.1 * float(plain)  # if each were shaped apart, they would be equal
    failed, worst = (tell(state, fitness.at[1, 3].set(told))[0].params for told in (jnp.nan, fitness.min()))
    np.testing.assert_array_equal(failed, worst)
    still, info = tell(state, jnp.full((3, 8), jnp.nan))
    np.testing.assert_array_equal(still.params, state.params)
    assert (int(still.generation), float(info.update_norm)) == (1, 0)


def test_learned_scales_see_all_rounds():
    es = strategy(adaptation=odes_rl.Adaptation(rate=0.1))
    state = start(es)
    candidates = asked(es, state)
    squares = jnp.sum(candidates**2, axis=2)
    after, _ = jax.jit(es.tell)(state, -squares)
    lengths = np.asarray(squares[:, ::2]).reshape(-1) / 0.1**2
    ranks = np.argsort(np.argsort(-lengths))
    score = (ranks - ranks.mean()) / ranks.std() @ (lengths - 3) / 12 / np.sqrt(2 * 3)
    assert float(after.scales) == pytest.approx(1 + 0.1 * score, abs=1e-4)
    assert float(after.scales) < 0.95


def test_the_second_half_of_tell_compiles_once_for_all_numbers_of_rounds():
    manifold = odes_rl.Sphere()
    es = strategy(manifolds=manifold, adaptation=odes_rl.Adaptation(), optimizer=optax.adam(0.1))
    state = es.init(KEY, manifold.random(KEY, (3,)))
    estimate: Any = jax.jit(es.estimate)
    step: Any = jax.jit(es.step)
    for rounds in (1, 2):
        fitness = asked(es, state, jnp.arange(rounds)) @ SLOPE
        halves, whole = step(state, estimate(state, fitness))[0], jax.jit(es.tell)(state, fitness)[0]
        np.testing.assert_allclose(halves.params, whole.params, atol=1e-6)
        state = halves
    assert (estimate._cache_size(), step._cache_size()) == (2, 1)


@pytest.mark.parametrize("round", [-1, 1.0, "1", None, np.arange(2), jnp.float32(1)], ids=str)
def test_a_round_that_is_no_whole_number_is_one_line(round):
    es = strategy()
    with pytest.raises(UserError, match=r"round is .*, but must be a whole number, 0 or more"):
        es.ask(start(es), round)
