"""What holds of the strategy for each kind of space, pairing, perturbation, shaping and optimiser."""

import functools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from odes_rl.es.config import StrategyConfig
from odes_rl.es.strategy import make_strategy
from odes_rl.manifolds import (
    Euclidean,
    Orthogonal,
    Stiefel,
    Symmetric,
    tree_exp,
    tree_perturb,
    tree_to_tangent,
    tree_violation,
)

MANIFOLDS = {"bias": Euclidean(), "Q": Symmetric(), "W": Orthogonal(), "tall": Stiefel(), "wide": Stiefel()}
SHAPES = {"bias": (3,), "Q": (3, 3), "W": (3, 3), "tall": (5, 2), "wide": (2, 5)}
SIZE = sum(int(np.prod(shape)) for shape in SHAPES.values())

# Every value of every option, and each space with each pairing; the columns are KEYS.
COVERING = [
    ("tangent", True, "gaussian", "standardised", "sgd"),
    ("ambient", True, "orthogonal", "top_k", "momentum"),
    ("ambient", False, "gaussian", "none", "sgd"),
    ("tangent", False, "orthogonal", "centred_ranks", "adam"),
]
CONSTANT = {"sigma_per_leaf": "none", "learning_rate_schedule": "constant"}
KEYS = ("space", "antithetic", "perturbations", "shaping", "optimizer")
POPULATION = 12


def configure(row=COVERING[0], **options):
    base = {"population": POPULATION, "sigma": 0.05, "learning_rate": 0.01, "top_k": 3, **CONSTANT}
    return StrategyConfig(**(base | dict(zip(KEYS, row, strict=True)) | options))  # pyright: ignore[reportArgumentType]


@functools.partial(jax.jit, static_argnums=0)
def points(seed):
    keys = jax.random.split(jax.random.key(seed), len(SHAPES))
    return {name: MANIFOLDS[name].random(k, SHAPES[name]) for k, name in zip(keys, SHAPES, strict=True)}


class Case(NamedTuple):
    """A compiled strategy, its first state, candidates, some returns, and what telling them gives."""

    config: StrategyConfig
    ask: Any
    tell: Any
    state: Any
    candidates: Any
    returns: Any
    after: Any
    info: Any


@functools.cache
def start():
    return jax.tree.map(np.asarray, points(0))


@functools.cache
def asked(space, antithetic, perturbations, sigma=0.05):
    """Compiled `ask`, the first state's key and candidates; shaping and optimiser have no part in them."""
    row = (space, antithetic, perturbations, "standardised", "sgd")
    strategy = make_strategy(configure(row, sigma=sigma), MANIFOLDS)
    ask = jax.jit(strategy.ask)
    return ask, jax.tree.map(np.asarray, ask(first_state(strategy)))


def first_state(strategy, seed=1):
    return jax.jit(strategy.init)(jax.random.key(seed), start())


@functools.cache
def case(row, **options):
    config = configure(row, **options)
    strategy = make_strategy(config, MANIFOLDS)
    ask, candidates = asked(*row[:3])
    tell, state = jax.jit(strategy.tell), first_state(strategy)
    returns = jnp.asarray(np.random.default_rng(0).normal(size=config.population), jnp.float32)
    return Case(config, ask, tell, state, candidates, returns, *tell(state, returns))


def assert_trees(left, right, **tolerance):
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, **tolerance), left, right)


@jax.jit
def violations(params):
    return jax.vmap(lambda p: tree_violation(MANIFOLDS, p))(params)


every = pytest.mark.parametrize("row", COVERING, ids=lambda row: f"{row[0]} {'pairs' if row[1] else 'single'}")


@every
def test_candidates_are_as_many_as_the_population_and_differ(row):
    candidates = case(row).candidates
    for name, leaf in candidates.items():
        assert leaf.shape == (POPULATION, *SHAPES[name])
        assert leaf.dtype == jnp.float32
        flat = np.asarray(leaf).reshape(POPULATION, -1)
        assert len(np.unique(flat, axis=0)) == POPULATION


@every
def test_candidates_in_tangent_space_lie_on_the_manifold_and_ambient_ones_do_not(row):
    found = violations(case(row).candidates)
    if row[0] == "tangent":
        assert found.max() < 1e-5
    else:
        assert found.min() > 1e-3


@every
def test_members_of_a_pair_stand_side_by_side_and_mirror_each_other(row):
    candidates = case(row).candidates
    for name in ("bias", "Q"):  # flat leaves: exactly mirrored in both spaces
        moved = candidates[name] - start()[name]
        sums = np.abs(moved[0::2] + moved[1::2]).max(axis=tuple(range(1, moved.ndim)))
        assert (sums < 1e-6).all() if row[1] else (sums > 1e-3).all()


def test_on_the_orthogonal_group_a_pair_turns_in_opposite_directions():
    candidates = case(COVERING[0]).candidates
    plus, minus = candidates["W"][0::2], candidates["W"][1::2]
    product = plus @ start()["W"].T @ minus  # (eˣW) Wᵀ (e⁻ˣW) = W
    np.testing.assert_allclose(product, np.broadcast_to(start()["W"], product.shape), atol=1e-5)


def noise_of(row):
    """The ambient noise ε of each candidate with its sign, leaves [C, …], read off ambient candidates."""
    _, candidates = asked("ambient", *row[1:3])
    return jax.tree.map(lambda leaf, point: (leaf - point) / configure(row).sigma, candidates, start())


@every
def test_candidates_are_the_point_moved_by_sigma_times_the_noise(row):
    config, _, _, _, candidates, *_ = case(row)
    noise = noise_of(row)
    flat = np.concatenate([np.asarray(leaf).reshape(POPULATION, -1) for leaf in noise.values()], axis=1)
    assert flat.shape == (POPULATION, SIZE)
    assert flat.std() == pytest.approx(1, abs=0.15)
    if row[0] == "tangent":
        expected = jax.jit(jax.vmap(lambda e: tree_perturb(MANIFOLDS, start(), e, config.sigma)))(noise)
        assert_trees(candidates, expected, atol=1e-5)


@pytest.mark.parametrize("row", [COVERING[2], ("tangent", True, "orthogonal", "none", "sgd")])
def test_tell_weighs_the_noise_that_ask_drew(row):
    """The whole update by hand, with the noise read off the candidates."""
    config, _, _, _, _, returns, after, info = case(row)
    scale = POPULATION * config.sigma

    @jax.jit
    def update(noise):
        gradient = jax.tree.map(lambda leaf: jnp.tensordot(returns, leaf, 1) / scale, noise)
        coordinates = tree_to_tangent(MANIFOLDS, start(), gradient)
        step = jax.tree.map(lambda a: config.learning_rate * a, coordinates)
        return coordinates, tree_exp(MANIFOLDS, start(), step)

    coordinates, expected = update(noise_of(row))
    assert_trees(after.params, expected, atol=2e-5)
    norm = np.sqrt(sum(float((leaf**2).sum()) for leaf in coordinates.values()))
    assert float(info.gradient_norm) == pytest.approx(norm, rel=1e-3)
    assert float(info.update_norm) == pytest.approx(config.learning_rate * norm, rel=1e-3)


@every
def test_an_update_moves_every_leaf_along_its_manifold(row):
    _, _, _, state, _, _, after, info = case(row)
    for name, leaf in after.params.items():
        assert np.abs(leaf - state.params[name]).max() > 1e-5, name
    assert tree_violation(MANIFOLDS, after.params) < 1e-5
    assert float(info.manifold_violation) == float(tree_violation(MANIFOLDS, after.params))
    assert int(after.generation) == 1


@every
def test_five_generations_compile_once(row):
    _, ask, tell, state, _, returns, *_ = case(row)
    ask(state)
    compiled = ask._cache_size()  # shared by rows whose optimisers' states differ
    for _ in range(5):
        ask(state)
        state, _ = tell(state, returns)
    assert (ask._cache_size(), tell._cache_size()) == (compiled, 1)
    assert int(state.generation) == 5


@every
def test_each_generation_draws_its_own_noise_as_a_function_of_key_and_generation(row):
    _, ask, _, state, candidates, _, after, _ = case(row)
    assert_trees(ask(state), candidates, rtol=0)
    later = ask(state._replace(generation=after.generation))
    other = ask(state._replace(key=jax.random.key(2)))
    for name in SHAPES:
        assert np.abs(later[name] - candidates[name]).max() > 1e-2
        assert np.abs(other[name] - candidates[name]).max() > 1e-2


@every
def test_without_a_finite_return_only_the_generation_advances(row):
    _, _, tell, _, _, returns, state, _ = case(row)
    after, info = tell(state, jnp.full_like(returns, jnp.nan).at[0].set(jnp.inf))
    assert_trees(after.params, state.params, rtol=0)
    assert_trees(after.optimizer, state.optimizer, rtol=0)
    assert int(after.generation) == int(state.generation) + 1
    assert float(info.update_norm) == 0


@every
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_failed_candidate_counts_as_the_worst_finite_one(row, bad):
    _, _, tell, state, _, returns, *_ = case(row)
    worst = returns.at[5].set(jnp.inf).min()
    failed, _ = tell(state, returns.at[5].set(bad))
    replaced, _ = tell(state, returns.at[5].set(worst))
    assert_trees(failed.params, replaced.params, rtol=0)


@pytest.mark.parametrize("count", [1, 4, 11, 24])
def test_another_number_of_returns_than_candidates_is_an_error(count):
    _, _, tell, state, *_ = case(COVERING[0])
    with pytest.raises(
        ValueError, match=rf"fitness is of shape \({count},\), but must be \(12,\): one number for each"
    ):
        tell(state, jnp.zeros(count))


def test_schedules_reach_sigma_and_learning_rate():
    config = configure(sigma_schedule="inverse_sqrt", learning_rate_schedule="inverse_sqrt")
    manifolds, params = {"bias": Euclidean()}, {"bias": jnp.zeros(50)}
    strategy = make_strategy(config, manifolds)
    state = strategy.init(jax.random.key(1), params)._replace(generation=jnp.asarray(3, jnp.int32))
    _, info = jax.jit(strategy.tell)(state, jnp.arange(POPULATION, dtype=jnp.float32))
    assert float(info.sigma) == pytest.approx(0.025)
    assert float(info.learning_rate) == pytest.approx(0.005)
    assert np.std(jax.jit(strategy.ask)(state)["bias"]) == pytest.approx(0.025, rel=0.15)


def test_both_spaces_estimate_the_same_coordinates_to_first_order():
    """§1.6: along a tangent gradient the two spaces see the same returns, up to σ²."""
    sigma = 2e-3
    slope = jax.jit(lambda: tree_perturb(MANIFOLDS, start(), points(7), 1e-2))()
    slope = jax.tree.map(lambda moved, point: 100 * (np.asarray(moved) - point), slope, start())
    config = configure(("ambient", True, "gaussian", "none", "momentum"), sigma=sigma)
    strategy = make_strategy(config, MANIFOLDS)
    tell, state = jax.jit(strategy.tell), first_state(strategy)

    def coordinates(space):
        _, candidates = asked(space, True, "gaussian", sigma)
        gains = {name: np.tensordot(candidates[name] - start()[name], g, g.ndim) for name, g in slope.items()}
        after, _ = tell(state, jnp.asarray(sum(gains.values())))
        return after.optimizer[0].trace

    ambient, tangent = coordinates("ambient"), coordinates("tangent")
    largest = max(float(jnp.abs(leaf).max()) for leaf in ambient.values())
    for name in SHAPES:
        assert np.abs(ambient[name]).max() > 1e-2, name
        assert np.abs(ambient[name] - tangent[name]).max() < 0.02 * largest, name


@jax.jit
def targets():
    """Another point on each manifold, in the start's component of O(d)."""
    turn = tree_to_tangent(MANIFOLDS, start(), points(9))
    return tree_exp(MANIFOLDS, start(), jax.tree.map(lambda a: 0.5 * a, turn))


@pytest.mark.parametrize("space", ["ambient", "tangent"])
def test_it_ascends_to_the_known_optimum_of_a_quadratic_on_each_manifold(space):
    """−½|Ω − A|², which is trace(AᵀΩ) up to a constant on Stiefel; its optimum is Ω = A, of value 0."""
    config = configure((space, True, "gaussian", "none", "sgd"), population=80, sigma=0.02, learning_rate=0.1)
    strategy = make_strategy(config, MANIFOLDS)
    goal = targets()

    def distances(params):
        return jax.tree.map(lambda leaf, a: ((leaf - a) ** 2).sum(), params, goal)

    def generation(state, _):
        returns = jax.vmap(lambda p: -0.5 * jnp.asarray(sum(distances(p).values())))(strategy.ask(state))
        return strategy.tell(state, returns)[0], distances(state.params)

    state = first_state(strategy, seed=3)
    final, history = jax.jit(lambda s: jax.lax.scan(generation, s, None, length=120))(state)
    for name, values in history.items():
        assert values[0] > 0.05, name
        assert values[-1] < 1e-3 * values[0], name
    assert tree_violation(MANIFOLDS, final.params) < 1e-5


def test_an_odd_population_of_pairs_and_a_top_k_that_cannot_be_are_errors():
    with pytest.raises(ValueError, match=r"population is 7.*use 8, or antithetic: false"):
        StrategyConfig(population=7)
    with pytest.raises(ValueError, match="top_k is 5, but a generation has only 4 directions"):
        StrategyConfig(population=8, shaping="top_k", top_k=5)
    with pytest.raises(ValueError, match=r"top_k compares .*: use shaping: standardised, or antithetic: true"):
        StrategyConfig(population=8, antithetic=False)


def test_one_candidate_and_one_direction_have_nothing_to_be_compared_with():
    with pytest.raises(ValueError, match="population is 1, but shaping standardised compares candidates"):
        StrategyConfig(population=1, antithetic=False, shaping="standardised", interactions=None)
    assert StrategyConfig(population=1, antithetic=False, shaping="none").directions == 1
    with pytest.raises(ValueError, match="population is 2, but sigma_per_leaf: learned compares directions"):
        StrategyConfig(population=2, sigma_per_leaf="learned", interactions=None)
    assert StrategyConfig(population=1, antithetic=False, shaping="standardised", interactions=1000).directions == 1


@pytest.mark.parametrize(("population", "kept"), [(2, 1), (8, 2), (10, 2), (32, 8)])
def test_without_a_top_k_half_of_the_directions_are_kept(population, kept):
    assert StrategyConfig(population=population).kept == kept


def test_the_natural_learning_rate_moves_the_parameters_half_as_far_as_a_candidate_on_noise():
    """Returns that are only noise, all directions kept, and as many parameters as make lengths sharp."""
    config = StrategyConfig(population=16, top_k=8)
    strategy = make_strategy(config, Euclidean())
    state = strategy.init(jax.random.key(1), jnp.zeros(4000))
    returns = jnp.asarray(np.random.default_rng(0).normal(size=16), jnp.float32)
    moved = jnp.linalg.norm(jax.jit(strategy.tell)(state, returns)[0].params)
    candidate = jnp.linalg.norm(jax.jit(strategy.ask)(state)[0])
    assert float(moved / candidate) == pytest.approx(0.5, rel=0.3)


def test_only_plain_ascent_has_a_natural_learning_rate():
    assert StrategyConfig(sigma=0.2, population=16).rate == pytest.approx(0.08)
    assert StrategyConfig(optimizer="adam", learning_rate=0.02).rate == 0.02
    with pytest.raises(ValueError, match="optimizer adam has no default for learning_rate: give one, such as"):
        StrategyConfig(optimizer="adam")
