"""The public strategy: made of values, on pytrees of all kinds, under all of JAX's transformations."""

import re
import textwrap
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import odes_rl
from odes_rl.errors import UserError
from odes_rl.es.config import StrategyConfig
from odes_rl.es.strategy import make_strategy
from odes_rl.manifolds import tree_violation

ROOT = Path(__file__).parents[2]
KEY = jax.random.key(0)
A = jnp.diag(jnp.arange(1.0, 7.0))


class Line(NamedTuple):
    slope: Any
    offset: Any


class Layer(eqx.Module):
    weight: jax.Array
    bias: jax.Array
    name: str = eqx.field(static=True, default="layer")


def strategy(**changes: Any) -> odes_rl.RiemannianES:
    values: dict[str, Any] = {"population": 8, "sigma": 0.1, "optimizer": optax.adam(0.1)}
    return odes_rl.RiemannianES(**(values | changes))


def near(goal, candidate):
    """Of one candidate, of any structure: its best is `goal` everywhere."""
    return -sum(jnp.sum((leaf - goal) ** 2) for leaf in jax.tree.leaves(candidate))


def trace(frame):
    """Of a frame [6, q]: its best are the q largest eigenvalues of A."""
    return jnp.trace(frame.T @ A @ frame)


def generation(es, fitness, state):
    return es.tell(state, jax.vmap(fitness)(es.ask(state)))


def evolved(es, fitness, state, generations):
    """The state after so many generations, scanned, and the updates' diagnostics."""
    return jax.jit(lambda s: jax.lax.scan(lambda s, _: generation(es, fitness, s), s, None, length=generations))(state)


def assert_same(left, right):
    assert jax.tree.structure(left) == jax.tree.structure(right)
    for one, other in zip(*map(jax.tree.leaves, (left, right)), strict=True):
        if jnp.issubdtype(one.dtype, jax.dtypes.prng_key):
            one, other = map(jax.random.key_data, (one, other))
        assert one.dtype == other.dtype
        np.testing.assert_array_equal(one, other)


def numbers(printed):
    return np.array(printed.strip("[]\n").split(), float)


def examples(text):
    blocks = re.findall(r"^( *)```python\n(.*?)^ *```$", text, re.DOTALL | re.MULTILINE)
    return [textwrap.dedent(block) for _, block in blocks if "RiemannianES(" in block]


def test_the_example_of_the_docstring_converges(capsys):
    (example,) = examples(odes_rl.RiemannianES.__doc__)
    exec(example, {"__name__": "example"})
    np.testing.assert_allclose(numbers(capsys.readouterr().out), 3, atol=0.1)


def test_the_ten_lines_of_the_readme_find_the_largest_plane(capsys):
    (example,) = examples((ROOT / "README.md").read_text(encoding="utf-8"))
    exec(example, {"__name__": "example", "odes_rl": odes_rl})
    np.testing.assert_allclose(numbers(capsys.readouterr().out), 15, atol=0.1)


def test_the_examples_of_the_page_reach_what_they_say(capsys):
    namespace: dict[str, Any] = {"__name__": "examples"}
    line, planes, *others = examples((ROOT / "docs/fitness.md").read_text(encoding="utf-8"))
    exec(line, namespace)
    assert {name: round(float(value), 1) for name, value in namespace["state"].params.items()} == {
        "slope": 2.0,
        "offset": 1.0,
    }
    exec(planes, namespace)
    np.testing.assert_allclose(namespace["history"][:, -1], [15] * 8, atol=0.05)
    for example in others:
        exec(example, namespace)
    assert namespace["info"].manifold_violation < 1e-6


TREES = {
    "dict": {"a": jnp.zeros((2, 3)), "b": jnp.zeros(())},
    "list": [jnp.zeros(2), jnp.zeros((1, 2))],
    "tuple": (jnp.zeros(2), {"deep": jnp.zeros(1)}),
    "named": Line(jnp.zeros(3), 0.5),
    "module": Layer(jnp.zeros((2, 2)), jnp.zeros(2)),
    "array": jnp.zeros(4),
    "numpy": {"a": np.zeros(3)},
}


@pytest.mark.parametrize("params", TREES.values(), ids=TREES)
def test_parameters_are_any_pytree(params):
    es = strategy()
    state = es.init(KEY, params)
    candidates = es.ask(state)
    assert jax.tree.structure(candidates) == jax.tree.structure(params)
    for leaf, point in zip(*map(jax.tree.leaves, (candidates, params)), strict=True):
        assert leaf.shape == (8, *np.shape(point))
        assert len(np.unique(np.reshape(leaf, (8, -1)), axis=0)) == 8
    after, _ = evolved(es, partial(near, 0.3), state, 40)
    assert jax.tree.structure(after) == jax.tree.structure(state)
    assert near(0.3, after.params) > 0.05 * near(0.3, params)


def test_a_network_of_equinox_learns_what_is_no_array_left_aside():
    network = eqx.nn.MLP("scalar", "scalar", 4, 1, jnp.tanh, key=KEY)
    params, static = eqx.partition(network, eqx.is_inexact_array)
    x = jnp.linspace(-1, 1, 9)

    def fitness(params):
        return -jnp.mean((jax.vmap(eqx.combine(params, static))(x) - jnp.sin(2 * x)) ** 2)

    es = strategy(population=32, optimizer=optax.adam(0.05))
    after, _ = evolved(es, fitness, es.init(KEY, params), 100)
    assert fitness(after.params) > 0.1 * fitness(params)
    with pytest.raises(UserError, match=r"params\.activation is \w+, but must be floats: .*equinox\.partition"):
        es.init(KEY, network)


def test_leaves_keep_their_dtypes():
    params = {"half": jnp.zeros(3, jnp.bfloat16), "single": jnp.zeros(3)}
    es = strategy()
    state = es.init(KEY, params)
    types = jax.tree.map(lambda leaf: leaf.dtype, params)
    assert jax.tree.map(lambda leaf: leaf.dtype, es.ask(state)) == types
    after, _ = evolved(es, partial(near, 0.3), state, 20)
    assert jax.tree.map(lambda leaf: leaf.dtype, after.params) == types
    assert abs(after.params["half"] - 0.3).max() < 0.2
    assert abs(after.params["single"] - 0.3).max() < 0.2


SLOWING = optax.adam(optax.cosine_decay_schedule(0.1, 150))
FRAMES = {"stiefel": odes_rl.Stiefel(), "embedded": odes_rl.Stiefel("embedded"), "grassmann": odes_rl.Grassmann()}


@pytest.mark.parametrize("manifold", FRAMES.values(), ids=FRAMES)
def test_it_finds_the_leading_eigenspace(manifold):
    es = strategy(population=32, sigma=0.05, optimizer=SLOWING, manifolds=manifold)
    after, info = evolved(es, trace, es.init(KEY, manifold.random(KEY, (6, 2))), 150)
    assert trace(after.params) == pytest.approx(6 + 5, abs=0.02)
    assert info.manifold_violation.max() < 1e-5
    np.testing.assert_allclose(after.params @ after.params.T, jnp.diag(jnp.array([0, 0, 0, 0, 1, 1.0])), atol=0.06)


def test_it_finds_the_largest_rayleigh_quotient_on_the_sphere_and_on_minus_it_the_smallest():
    for sign, expected in ((1, 6), (-1, 1)):
        es = strategy(population=32, sigma=0.05, optimizer=SLOWING, manifolds=odes_rl.Sphere())
        start = es.init(KEY, odes_rl.Sphere().random(KEY, (6,)))
        after, _ = evolved(es, lambda x, sign=sign: sign * x @ A @ x, start, 150)
        assert after.params @ A @ after.params == pytest.approx(expected, abs=0.05)


def test_one_manifold_is_for_all_leaves_or_for_a_subtree():
    params = {"frames": [jnp.eye(3, 2), jnp.eye(4, 2)], "bias": jnp.zeros(2)}
    es = strategy(manifolds={"frames": odes_rl.Stiefel(), "bias": odes_rl.Euclidean()})
    candidates = es.ask(es.init(KEY, params))
    assert tree_violation([odes_rl.Stiefel()] * 2, jax.tree.map(lambda leaf: leaf[0], candidates["frames"])) < 1e-6
    all_frames = strategy(manifolds=odes_rl.Stiefel())
    candidates = all_frames.ask(all_frames.init(KEY, params["frames"]))
    assert all(odes_rl.Stiefel().violation(leaf[1]) < 1e-6 for leaf in candidates)


PRODUCT = {"axis": odes_rl.Sphere(), "bias": odes_rl.Euclidean()}
POINT = {"axis": jnp.array([0.6, 0.8, 0.0]), "bias": jnp.zeros(2)}
VALUES: dict[str, dict[str, Any]] = {
    "plain": {},
    "top k, orthogonal, clipped and noisy": {
        "shaping": odes_rl.shaping.top_k(2),
        "perturbations": odes_rl.perturbations.orthogonal,
        "optimizer": optax.chain(optax.clip_by_global_norm(1.0), optax.add_noise(0.1, 0.5, KEY), optax.adamw(0.1)),
    },
    "ranks, single, ambient, scheduled": {
        "shaping": odes_rl.shaping.centred_ranks,
        "antithetic": False,
        "space": "ambient",
        "sigma": optax.cosine_decay_schedule(0.1, 10),
        "optimizer": optax.sgd(optax.linear_schedule(0.1, 0.0, 10), momentum=0.9),
    },
}
every = pytest.mark.parametrize("values", VALUES.values(), ids=VALUES)


@every
def test_a_scan_is_a_loop_to_the_bit_and_seeds_under_vmap_are_those_of_a_loop(values):
    es = strategy(manifolds=PRODUCT, **values)
    fitness = partial(near, 0.3)
    scanned, infos = evolved(es, fitness, es.init(KEY, POINT), 3)
    step = jax.jit(partial(generation, es, fitness))
    state, info = es.init(KEY, POINT), None
    for _ in range(3):
        state, info = step(state)
    assert_same(scanned, state)
    assert_same(jax.tree.map(lambda leaf: leaf[-1], infos), info)
    keys = jnp.stack([jax.random.key(1), KEY])
    states = jax.vmap(es.init, (0, None))(keys, POINT)
    several = jax.jit(lambda s: jax.lax.scan(lambda s, _: jax.vmap(partial(generation, es, fitness))(s), s, None, 3)[0])
    final = several(states)
    jax.tree.map(lambda leaf, one: np.testing.assert_allclose(leaf[1], one, atol=1e-5), final.params, state.params)
    assert abs(final.params["axis"][0] - final.params["axis"][1]).max() > 1e-3


def test_ask_and_tell_compile_once():
    es = strategy(manifolds=PRODUCT)
    state = es.init(KEY, POINT | {"bias": 0.5})
    ask: Any = jax.jit(es.ask)
    tell: Any = jax.jit(es.tell)
    for _ in range(3):
        ask(state)
        state, _ = tell(state, np.arange(8))
    assert (ask._cache_size(), tell._cache_size()) == (1, 1)


def test_sigma_may_be_a_schedule_or_traced_and_info_tells_it():
    es = strategy(sigma=optax.linear_schedule(0.4, 0.0, 4))
    state = es.init(KEY, jnp.zeros(500))._replace(generation=jnp.int32(1))
    assert es.ask(state).std() == pytest.approx(0.3, rel=0.05)
    assert float(es.tell(state, jnp.arange(8.0))[1].sigma) == pytest.approx(0.3)
    spread = jax.vmap(lambda sigma: replace(es, sigma=sigma).ask(state).std())(jnp.array([0.1, 1.0]))
    np.testing.assert_allclose(spread, [0.1, 1.0], rtol=0.05)


def test_perturbations_and_shaping_may_be_the_users_own():
    def signs(key, count, size):
        return jax.random.rademacher(key, (count, size))

    own = odes_rl.perturbations.Perturbations(signs)
    es = strategy(perturbations=own, shaping=lambda fitness: jnp.sign(fitness - jnp.median(fitness)), sigma=0.25)
    state = es.init(KEY, jnp.zeros(50))
    np.testing.assert_array_equal(np.unique(es.ask(state)), [-0.25, 0.25])
    after, _ = evolved(es, partial(near, 1.0), state, 60)
    assert near(1.0, after.params) > 0.1 * near(1.0, state.params)


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_the_strategy_of_a_config_is_the_same_made_of_values(optimizer):
    config = StrategyConfig(population=8, sigma=0.1, learning_rate=0.1, optimizer=optimizer, shaping="centred_ranks")
    value = {"sgd": optax.sgd, "adam": optax.adam}[optimizer](0.1)
    es = strategy(manifolds=PRODUCT, optimizer=value, shaping=odes_rl.shaping.centred_ranks)
    configured = make_strategy(config, PRODUCT)
    finals = [evolved(s, partial(near, 0.3), s.init(KEY, POINT), 4)[0].params for s in (es, configured)]
    jax.tree.map(partial(np.testing.assert_allclose, atol=1e-5), *finals)


def test_an_optimiser_of_the_users_own_may_see_the_manifolds_and_the_generation():
    seen = []

    def stepping(manifolds):
        inner = odes_rl.riemannian(optax.sgd(0.1), manifolds, maximise=True, horizontal=False)

        def update(updates, state, params=None, **extra):
            seen.append((manifolds, extra["generation"]))
            return inner.update(updates, state, params)

        return optax.GradientTransformationExtraArgs(inner.init, update)

    es, plain = strategy(manifolds=PRODUCT, optimizer=stepping), strategy(manifolds=PRODUCT, optimizer=optax.sgd(0.1))
    after, expected = (s.tell(s.init(KEY, POINT), jnp.arange(8.0))[0].params for s in (es, plain))
    jax.tree.map(partial(np.testing.assert_allclose, atol=1e-6), after, expected)
    assert seen == [(PRODUCT, 0)]


def test_failed_candidates_count_as_the_worst():
    es = strategy()
    state = es.init(KEY, jnp.zeros(3))
    fitness = jnp.arange(8.0)
    assert_same(es.tell(state, fitness.at[5].set(jnp.nan))[0], es.tell(state, fitness.at[5].set(0))[0])
    still, info = es.tell(state, jnp.full(8, jnp.nan))
    assert_same(still, state._replace(generation=jnp.int32(1)))
    assert info.update_norm == 0


@pytest.mark.parametrize("shape", [(4,), (12,), (16,), (8, 1), (0, 8), (2, 4), (1, 2, 8), ()])
@pytest.mark.parametrize("wrap", [jax.jit, lambda function: function], ids=["jit", "plain"])
def test_fitness_of_another_shape_is_refused(shape, wrap):
    es = strategy()
    with pytest.raises(ValueError, match=rf"fitness is of shape {re.escape(str(shape))}, but must be \(8,\): one numb"):
        wrap(es.tell)(es.init(KEY, jnp.zeros(3)), jnp.zeros(shape))


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"population": 7}, "population is 7, but antithetic pairs need an even one: use 8, or antithetic=False"),
    ({"population": 0}, "population is 0, but must be a whole number, 1 or more"),
    ({"population": 8.0}, "population is 8.0, but must be a whole number"),
    ({"sigma": -0.1}, "sigma is -0.1, but must be a number above 0, or an optax schedule"),
    ({"sigma": "0.1"}, "sigma is '0.1', but must be a number above 0"),
    ({"sigma": float("nan")}, "sigma is nan, but must be"),
    ({"sigma": jnp.ones(2)}, r"sigma is .*, but must be a number"),
    ({"antithetic": "no"}, "antithetic is 'no', but must be True or False"),
    ({"population": True}, "population is True, but must be a whole number"),
    ({"sigma": True}, "sigma is True, but must be a number above 0"),
    ({"adaptation": odes_rl.Adaptation("a")}, "adaptation is .*, but its rate must be above 0"),  # pyright: ignore[reportArgumentType]
    (
        {"optimizer": optax.adam},
        r"optimizer is <function adam .*, but must be one of optax, such as optax.adam\(0.01\)",
    ),
    ({"optimizer": 0.1}, r"optimizer is 0.1, but must be one of optax, such as optax.adam\(0.01\)"),
    ({"shaping": "centred_ranks"}, "shaping is 'centred_ranks', but must be a function, such as odes_rl.shaping.cent"),
    ({"shaping": jnp.sum}, r"shaping makes \(\) of \(4, 2\), but must keep the shape"),
    ({"shaping": lambda f: f[:, :1]}, r"shaping makes \(4, 1\) of \(4, 2\)"),
    ({"shaping": lambda f: (f, f)}, r"shaping makes tuple of \(4, 2\)"),
    ({"shaping": odes_rl.shaping.top_k(5)}, "top_k is 5, but must be from 1 to 4, the directions of a generation"),
    ({"perturbations": "gaussian"}, "perturbations are 'gaussian', but must be Perturbations, such as odes_rl.pert"),
    ({"space": "tangents"}, "unknown space 'tangents': did you mean 'tangent'"),
]


@pytest.mark.parametrize(
    ("values", "message"), WRONG, ids=[f"{i} {next(iter(values))}" for i, (values, _) in enumerate(WRONG)]
)
def test_a_wrong_value_is_one_line(values, message):
    with pytest.raises(UserError, match=message) as caught:
        strategy(**values)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("manifolds", "params", "message"),
    [
        ({"b": odes_rl.Sphere()}, {"a": jnp.ones(3)}, "give one manifold for all leaves, or one for each"),
        ([odes_rl.Sphere()] * 2, jnp.ones(3), "give one manifold for all leaves, or one for each"),
        (odes_rl.Stiefel, jnp.eye(3), r"a leaf of manifolds is <class .*Stiefel'>, but must be a manifold"),
        (
            odes_rl.Stiefel(),
            {"W": 2 * jnp.eye(3)},
            r"params\['W'\] lies 3 off the manifold Stiefel.*: start from a point",
        ),
        (odes_rl.Sphere(), jnp.full(3, jnp.nan), r"params lies nan off the manifold Sphere"),
        (odes_rl.PositiveDefinite(), jnp.ones((3, 3)), "params lies on the boundary of the manifold PositiveDefinite"),
        (
            odes_rl.PositiveDefinite(),
            jnp.diag(jnp.array([1.0, 1e-8])),
            "params lies on the boundary of the manifold PositiveDefinite",
        ),
        (odes_rl.PositiveDefinite(), jnp.zeros((2, 2)), "params lies on the boundary of the manifold PositiveDefinite"),
        (
            odes_rl.Stiefel(),
            {"b": jnp.ones(3)},
            r"params\['b'\] is of shape \(3,\), which .*Stiefel.* does not hold",
        ),
        (
            odes_rl.Symmetric(),
            jnp.ones((3, 2)),
            r"params is of shape \(3, 2\), which .*Symmetric.* does not hold",
        ),
        (odes_rl.Symmetric(), jnp.zeros((1, 5)), r"params is of shape \(1, 5\), .*symmetric matrices are square"),
        (odes_rl.PositiveDefinite(), jnp.ones((3, 1)), r"of shape \(3, 1\), .*positive-definite matrices are square"),
        (odes_rl.Orthogonal(), jnp.eye(8, 2), r"params is of shape \(8, 2\), .*orthogonal matrices are square"),
        (odes_rl.Sphere(), jnp.ones(()), r"params is of shape \(\), which the manifold Sphere.* does not hold"),
        (odes_rl.Euclidean(), jnp.ones((0, 3)), "but must hold an array of floats that is not empty"),
        (odes_rl.Euclidean(), {"n": jnp.arange(3)}, r"params\['n'\] is of int32, but must be floats"),
        (odes_rl.Euclidean(), {"n": "text"}, r"params\['n'\] is str, but must be floats"),
        (odes_rl.Euclidean(), {}, r"params are {}, but must hold an array of floats"),
    ],
)
def test_parameters_that_do_not_suit_are_one_line(manifolds, params, message):
    with pytest.raises(UserError, match=message) as caught:
        strategy(manifolds=manifolds).init(KEY, params)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("scale", "message"),
    [
        (0.0, "a scale is 0.0, but must be above 0"),
        (jnp.nan, "a scale is nan"),
        (-1, "-1.0"),
        ("a", "'a', but must be"),
    ],
)
def test_scales_are_numbers_above_0(scale, message):
    with pytest.raises(UserError, match=message):
        strategy().init(KEY, jnp.zeros(3), scale)


def test_scales_that_are_arrays_may_be_closed_over_under_jit():
    scale = jnp.float32(0.5)
    state = jax.jit(lambda key, params: strategy().init(key, params, scale))(KEY, jnp.zeros(3))
    assert state.scales == 0.5


def test_a_number_in_place_of_a_key_is_refused_and_a_key_of_the_old_kind_is_not():
    with pytest.raises(UserError, match=r"key is of type int, but must be a random key, such as jax.random.key\(0\)"):
        strategy().init(0, jnp.zeros(3))  # pyright: ignore[reportArgumentType]
    es = strategy()
    es.ask(es.init(jax.random.PRNGKey(0), jnp.zeros(3)))


@pytest.mark.parametrize(
    ("fitness", "message"), [([None] * 8, "must be an array of numbers"), (1j * jnp.ones(8), "fitness is complex")]
)
def test_fitness_that_is_no_real_number_is_refused(fitness, message):
    es = strategy()
    with pytest.raises(UserError, match=message):
        es.tell(es.init(KEY, jnp.zeros(3)), fitness)


def test_a_function_of_manifolds_that_makes_no_optimiser_is_refused():
    with pytest.raises(UserError, match=r"optimizer, a function of manifolds, makes None, but must make odes_rl.riem"):
        strategy(optimizer=lambda manifolds: None).init(KEY, jnp.zeros(3))


def test_a_step_that_leads_out_of_the_numbers_is_not_taken():
    es = strategy(manifolds=odes_rl.PositiveDefinite(), shaping=odes_rl.shaping.none, optimizer=optax.sgd(0.1))
    state = es.init(KEY, jnp.eye(3))
    still, info = es.tell(state, 1e4 * jnp.arange(8.0))
    assert jnp.isfinite(info.gradient_norm)
    assert_same(still, state._replace(generation=jnp.int32(1)))
    assert info.update_norm == 0


@pytest.mark.parametrize("manifold", [odes_rl.Stiefel, odes_rl.Orthogonal])
def test_a_metric_that_is_misspelt_is_refused(manifold):
    with pytest.raises(UserError, match="unknown metric 'embeded': did you mean 'embedded'"):
        manifold("embeded")


def test_an_optimiser_that_is_wrapped_already_is_refused():
    es = strategy(optimizer=odes_rl.riemannian(optax.sgd(0.1), odes_rl.Euclidean()))
    with pytest.raises(UserError, match="optimizer is wrapped by riemannian already: give the one of optax"):
        es.tell(es.init(KEY, jnp.zeros(3)), jnp.arange(8.0))


@pytest.mark.parametrize(("rows", "columns", "what"), [(0, 1, "directions"), (-1, 0, "seeds")])
def test_a_wrong_shape_of_directions_is_refused(rows, columns, what):
    own = odes_rl.perturbations.Perturbations(lambda key, count, size: jnp.ones((count + rows, size + columns)))
    es = strategy(perturbations=own)
    with pytest.raises(UserError, match=rf"perturbations draw {what} of shape .*, but must draw \(4, 3\)"):
        es.ask(es.init(KEY, jnp.zeros(3)))
