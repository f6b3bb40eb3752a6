"""Contracts over every manifold, and the equations of each."""

import functools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
import scipy.linalg

from odes_rl.errors import UserError
from odes_rl.manifolds import (
    MANIFOLDS,
    Euclidean,
    Grassmann,
    Manifold,
    Orthogonal,
    PositiveDefinite,
    Sphere,
    Stiefel,
    Symmetric,
    apply_updates,
    lift,
    riemannian,
    tree_exp,
    tree_perturb,
    tree_to_tangent,
    tree_violation,
)
from odes_rl.manifolds.trees import check_first_params

MEMBERS: dict[str, tuple[Manifold, tuple[int, ...]]] = {
    "scalar": (Euclidean(), ()),
    "vector": (Euclidean(), (5,)),
    "symmetric": (Symmetric(), (6, 6)),
    "orthogonal": (Orthogonal(), (6, 6)),
    "tall": (Stiefel(), (7, 5)),
    "tall low-rank": (Stiefel(), (9, 3)),
    "wide": (Stiefel(), (5, 7)),
    "wide low-rank": (Stiefel(), (3, 9)),
    "orthogonal embedded": (Orthogonal("embedded"), (6, 6)),
    "tall embedded": (Stiefel("embedded"), (7, 5)),
    "wide embedded": (Stiefel("embedded"), (3, 9)),
    "sphere": (Sphere(), (5,)),
    "spheres": (Sphere(), (3, 4)),
    "subspace": (Grassmann(), (7, 5)),
    "subspace low-rank": (Grassmann(), (9, 3)),
    "subspace wide": (Grassmann(), (3, 9)),
    "positive definite": (PositiveDefinite(0.5), (4, 4)),
}
CANONICAL = ("orthogonal", "tall", "tall low-rank", "wide", "wide low-rank")
EMBEDDED = ("orthogonal embedded", "tall embedded", "wide embedded")
SKEW = (*CANONICAL, *EMBEDDED)
SUBSPACES = ("subspace", "subspace low-rank", "subspace wide")
SYMMETRIC = ("symmetric", "positive definite")


class Case(NamedTuple):
    """What one member does to one point; V are displacements, of the point's shape.

    Attributes:
        projection: [coordinates, entries], the map of gradients to tangent coordinates.
        span: [90, entries], random points.
    """

    point: Any
    violation: Any
    gradient: Any
    noise: Any
    coordinates: Any
    still: Any
    unperturbed: Any
    exp_velocity: Any
    perturb_velocity: Any
    projected_coordinates: Any
    candidate: Any
    step: Any
    projection: Any
    span: Any


def build(manifold: Manifold, shape: tuple[int, ...], key: jax.Array) -> Case:
    keys = jax.random.split(key)
    point = manifold.random(keys[0], shape)
    gradient, noise = ambient = jax.random.normal(keys[1], (2, *shape))
    coordinates = manifold.to_tangent(point, gradient)
    zero, one = jnp.zeros(()), jnp.ones(())
    still, exp_velocity = jax.jvp(lambda s: manifold.exp(point, s * coordinates), (zero,), (one,))
    perturb = jax.vmap(manifold.perturb, in_axes=(None, 0, None))
    unperturbed, (projected, velocity) = jax.jvp(lambda s: perturb(point, ambient, s), (zero,), (one,))
    projection = jax.jacfwd(lambda gradient: manifold.to_tangent(point, gradient).reshape(-1))(point)
    random = jax.vmap(lambda key: manifold.random(key, shape).reshape(-1))
    return Case(
        *(point, manifold.violation(point), gradient, noise, coordinates),
        *(still, unperturbed[1], exp_velocity, velocity, manifold.to_tangent(point, projected)),
        *(manifold.perturb(point, gradient, 0.3), manifold.exp(point, 0.3 * coordinates)),
        *(projection.reshape(-1, point.size), random(jax.random.split(jax.random.key(7), 90))),
    )


@functools.cache
def cases() -> dict[str, Case]:
    """All members in one compilation, which is what takes time."""
    build_all = jax.jit(lambda key: {name: build(*member, key) for name, member in MEMBERS.items()})
    return jax.tree.map(np.asarray, build_all(jax.random.key(0)))


def case(name: str) -> Case:
    return cases()[name]


def tall(point: np.ndarray) -> np.ndarray:
    return point.T if point.shape[0] < point.shape[1] else point


def tangent_defect(name: str, point: np.ndarray, velocity: np.ndarray) -> float:
    """How far a displacement is from the tangent space."""
    if name in SKEW:
        product = tall(point).T @ tall(velocity)
        return np.abs(product + product.T).max()
    if name in SUBSPACES:
        return np.abs(tall(point).T @ tall(velocity)).max()
    if name in ("sphere", "spheres"):
        return np.abs(np.sum(point * velocity, axis=-1)).max()
    return np.abs(velocity - velocity.T).max() if name in SYMMETRIC else 0.0


def test_the_table_has_every_registered_manifold():
    assert {type(manifold) for manifold, _ in MEMBERS.values()} == set(MANIFOLDS.values())


@pytest.mark.parametrize("name", MEMBERS)
def test_random_points_have_the_shape_and_lie_on_the_manifold(name):
    assert case(name).point.shape == MEMBERS[name][1]
    assert case(name).point.dtype == np.float32
    assert case(name).violation < 1e-6


@pytest.mark.parametrize("name", MEMBERS)
def test_staying_is_exact_to_rounding(name):
    np.testing.assert_allclose(case(name).still, case(name).point, atol=5e-7)
    np.testing.assert_allclose(case(name).unperturbed, case(name).point, atol=5e-7)


@pytest.mark.parametrize("name", MEMBERS)
def test_velocities_are_tangent_and_ascend(name):
    c = case(name)
    assert tangent_defect(name, c.point, c.exp_velocity) < 5e-6
    assert tangent_defect(name, c.point, c.perturb_velocity) < 5e-6
    norm = np.sum(c.coordinates**2) * (0.5 if name in CANONICAL else 1.0)
    norm = np.sum(c.exp_velocity**2) if name in EMBEDDED else norm
    np.testing.assert_allclose(np.sum(c.gradient * c.exp_velocity), norm, rtol=1e-4)


@pytest.mark.parametrize("name", MEMBERS)
def test_a_perturbation_moves_by_the_orthogonal_projection_of_its_noise(name):
    c = case(name)
    rest = c.noise - c.perturb_velocity
    for tangent in (c.perturb_velocity, c.exp_velocity):
        assert abs(np.sum(rest * tangent)) < 1e-4
    if name in SKEW:
        W, noise = tall(c.point), tall(c.noise)
        product = W.T @ noise
        expected = noise - W @ (product + product.T) / 2
        np.testing.assert_allclose(tall(c.perturb_velocity), expected, atol=5e-6)


@pytest.mark.parametrize("name", MEMBERS)
def test_both_search_spaces_estimate_the_same_coordinates(name):
    """Of F = ⟨G, ·⟩ ambient candidates give the estimate G, and those on the manifold its projection."""
    np.testing.assert_allclose(case(name).projected_coordinates, case(name).coordinates, atol=2e-5)


@pytest.mark.parametrize("name", [*SKEW, *SYMMETRIC])
def test_coordinates_lie_in_their_linear_space(name):
    sign = 1 if name in SYMMETRIC else -1
    np.testing.assert_allclose(case(name).coordinates, sign * case(name).coordinates.T, atol=3e-7)


@pytest.mark.parametrize("name", CANONICAL)
def test_the_velocity_is_the_canonical_gradient(name):
    c = case(name)
    expected = c.gradient - c.point @ c.gradient.T @ c.point
    np.testing.assert_allclose(c.exp_velocity, expected, atol=1e-5)


@pytest.mark.parametrize("name", SKEW)
def test_a_step_goes_where_candidates_of_its_gradient_lie_if_both_have_one_metric(name):
    c = case(name)
    if name in EMBEDDED:
        np.testing.assert_allclose(c.step, c.candidate, atol=2e-6)
    else:
        assert np.abs(c.step - c.candidate).max() > 0.02


@pytest.mark.parametrize("name", MEMBERS)
def test_the_dimension_is_the_rank_of_the_projection_to_tangent_coordinates(name):
    manifold, shape = MEMBERS[name]
    assert np.linalg.matrix_rank(case(name).projection) == manifold.dimension(shape)


@pytest.mark.parametrize("name", MEMBERS)
def test_stored_numbers_are_the_dimension_of_the_span_of_random_points(name):
    manifold, shape = MEMBERS[name]
    assert np.linalg.matrix_rank(case(name).span) == manifold.stored(shape)
    assert manifold.stored((2, *shape)) == 2 * manifold.stored(shape)
    assert manifold.dimension((2, *shape)) == 2 * manifold.dimension(shape)


@pytest.mark.parametrize("shape", [(7, 5), (9, 3), (5, 7), (3, 9), (6, 6)])
def test_horizontal_coordinates_move_the_point_alike_and_are_the_shortest_that_do(shape):
    manifold = Stiefel()

    @jax.jit
    def build() -> Any:
        point = manifold.random(jax.random.key(0), shape)
        noise = jax.random.normal(jax.random.key(1), (max(shape), max(shape)))
        tangent = noise - noise.T
        gradient = manifold.to_tangent(point, jax.random.normal(jax.random.key(2), shape))
        return point, tangent, manifold.horizontal(point, tangent), gradient, manifold.horizontal(point, gradient)

    point, tangent, horizontal, gradient, unchanged = map(np.asarray, build())
    np.testing.assert_array_equal(horizontal, -horizontal.T)
    W, rest = tall(point), tangent - horizontal
    np.testing.assert_allclose(rest @ W, np.zeros_like(W), atol=1e-5)
    assert abs(np.sum(rest * horizontal)) < 1e-3
    np.testing.assert_allclose(unchanged, gradient, atol=5e-6)


@pytest.mark.parametrize("name", SKEW)
def test_the_displacement_on_the_orthogonal_group_and_tall_points_is_that_of_the_lift(name):
    W, noise = tall(case(name).point), tall(case(name).noise)
    X = np.asarray(lift(jnp.asarray(W), jnp.asarray(noise)))
    product = W.T @ noise
    np.testing.assert_array_equal(X, -X.T)
    np.testing.assert_allclose(X @ W, noise - W @ (product + product.T) / 2, atol=5e-6)
    if name == "orthogonal":
        np.testing.assert_allclose(X, (noise @ W.T - W @ noise.T) / 2, atol=5e-6)


@functools.cache
def after_500_updates() -> Any:
    """Where each member is after 500 random updates by `exp` and as many candidates by `perturb`, and its violation.

    A pull to the start is in the updates: steps among positive-definite matrices are as long as those are large.
    """
    manifolds = {name: manifold for name, (manifold, _) in MEMBERS.items()}
    rng = np.random.default_rng(5)
    directions, noise = ({n: rng.normal(size=(500, *m[1])) for n, m in MEMBERS.items()} for _ in range(2))

    def update(params: Any, inputs: Any) -> tuple[Any, None]:
        directions, noise = inputs
        directions = jax.tree.map(lambda g, x, start: g + start - x, directions, params, start)
        tangents = jax.tree.map(lambda leaf: 0.1 * leaf, tree_to_tangent(manifolds, params, directions))
        return tree_perturb(manifolds, tree_exp(manifolds, params, tangents), noise, 0.1), None

    def run(inputs: Any) -> Any:
        end = jax.lax.scan(update, start, inputs)[0]
        return {name: (end[name], manifolds[name].violation(end[name])) for name in MEMBERS}

    start = {name: jnp.asarray(case(name).point) for name in MEMBERS}
    return jax.tree.map(np.asarray, jax.jit(run)(jax.tree.map(np.float32, (directions, noise))))


@pytest.mark.parametrize("name", MEMBERS)
def test_500_random_updates_stay_on_the_manifold(name):
    start, (end, violation) = case(name).point, after_500_updates()[name]
    assert violation < 1e-5
    assert np.abs(end - start).max() > 0.1
    if name == "orthogonal":
        np.testing.assert_allclose(np.linalg.det(end), np.linalg.det(start), atol=1e-5)


OPTIMISERS = {
    "sgd": lambda: optax.sgd(0.05),
    "momentum": lambda: optax.sgd(0.02, momentum=0.8, nesterov=True),
    "adam": lambda: optax.adam(optax.cosine_decay_schedule(0.05, 500)),
}
ONE_OF_EACH = (
    *("vector", "symmetric", "orthogonal", "tall", "wide low-rank", "wide embedded"),
    *("spheres", "subspace low-rank", "positive definite"),
)
"""What the plain optimisers run over; Adam runs over all members."""


@pytest.mark.parametrize("optimiser", OPTIMISERS)
def test_one_optimiser_ascends_a_quadratic_on_every_manifold(optimiser):
    """All leaves in one tree: −½‖point − target‖² with its target on the manifold."""
    names = MEMBERS if optimiser == "adam" else ONE_OF_EACH
    manifolds = {name: MEMBERS[name][0] for name in names}
    start = {name: jnp.asarray(case(name).point) for name in names}
    noise = {name: jnp.asarray(case(name).noise) for name in names}
    transformation: Any = riemannian(OPTIMISERS[optimiser](), manifolds)

    @jax.jit
    def ascend() -> Any:
        target = tree_perturb(manifolds, start, noise, 0.5)

        def update(carry: Any, _: None) -> tuple[Any, Any]:
            params, state = carry
            step, state = transformation.update(jax.tree.map(jnp.subtract, params, target), state, params)
            return (apply_updates(params, step), state), step.coordinates

        (end, _), updates = jax.lax.scan(update, (start, transformation.init(start)), None, length=500)
        return target, end, jax.tree.map(lambda u: u[::100], updates)

    target, end, updates = ascend()
    for name in names:
        # A subspace has many bases: where Adam's turns it says nothing.
        told = (lambda basis: tall(basis) @ tall(basis).T) if name in SUBSPACES else np.asarray
        assert np.abs(told(end[name]) - told(target[name])).max() < 2e-3, name
        assert np.abs(told(start[name]) - told(target[name])).max() > 0.1, name
    for name in {*names} & {*SKEW, *SYMMETRIC}:
        sign = 1 if name in SYMMETRIC else -1
        np.testing.assert_array_equal(updates[name], sign * np.swapaxes(updates[name], 1, 2))


@pytest.mark.parametrize("shape", [(7, 5), (3, 9)])
def test_exp_along_a_gradient_is_the_canonical_geodesic(shape):
    """It obeys Ÿ + ẎẎᵀY + Y((YᵀẎ)² + ẎᵀẎ) = 0 (Edelman, Arias & Smith 1998, equation 2.41)."""

    @jax.jit
    def build() -> Any:
        keys = jax.random.split(jax.random.key(1))
        point = Stiefel().random(keys[0], shape)
        coordinates = Stiefel().to_tangent(point, 0.3 * jax.random.normal(keys[1], shape))

        def velocity(t: jax.Array) -> tuple[jax.Array, jax.Array]:
            return jax.jvp(lambda t: Stiefel().exp(point, t * coordinates), (t,), (jnp.ones(()),))

        return jax.jvp(velocity, (jnp.asarray(0.7),), (jnp.ones(()),))

    with jax.enable_x64(True):
        (Y, first), (_, second) = build()
        Y, first, second = (tall(np.asarray(a)) for a in (Y, first, second))
    inner = Y.T @ first
    np.testing.assert_allclose(second, -first @ first.T @ Y - Y @ (inner @ inner + first.T @ first), atol=1e-12)
    assert np.abs(second).max() > 0.1


@pytest.mark.parametrize("shape", [(348, 64), (64, 348)])
def test_candidates_as_large_as_humanoids_are_exact(shape):
    manifold = Stiefel()

    @jax.jit
    def build() -> Any:
        point = manifold.random(jax.random.key(0), shape)
        noise = jax.random.normal(jax.random.key(1), shape)
        candidate = manifold.perturb(point, noise, 0.1)
        return point, noise, candidate, manifold.violation(candidate)

    point, noise, candidate, violation = build()
    W, ambient = (tall(np.asarray(a, np.float64)) for a in (point, noise))
    half = (ambient - W @ (W.T @ ambient) / 2) @ W.T
    expected = scipy.linalg.expm(0.1 * (half - half.T)) @ W
    np.testing.assert_allclose(tall(np.asarray(candidate)), expected, atol=2e-6)
    assert violation < 2e-6


def test_noise_of_no_new_direction_is_no_trouble_for_the_low_rank_form():
    point = Stiefel().random(jax.random.key(0), (9, 3))
    for noise in (
        np.zeros((9, 3), np.float32),
        np.asarray(point) @ np.array([[0, -1, 0], [1, 0, 0], [0, 0, 0]], np.float32),
    ):
        candidate, X = jax.jit(lambda noise: (Stiefel().perturb(point, noise, 0.5), lift(point, noise)))(noise)
        expected = scipy.linalg.expm(0.5 * np.asarray(X)) @ np.asarray(point)
        np.testing.assert_allclose(candidate, expected, atol=2e-6)


def test_the_row_space_of_a_wide_matrix_moves():
    @jax.jit
    def move() -> Any:
        point = Stiefel().random(jax.random.key(0), (2, 5))
        gradient = jax.random.normal(jax.random.key(1), (2, 5))
        return point, Stiefel().exp(point, 0.5 * Stiefel().to_tangent(point, gradient))

    point, moved = map(np.asarray, move())
    assert np.abs(moved.T @ moved - point.T @ point).max() > 0.1


def test_haar_points_have_no_preferred_sign_and_both_determinants():
    draws = jax.jit(jax.vmap(lambda key: Orthogonal().random(key, (3, 3))))(jax.random.split(jax.random.key(2), 2000))
    assert np.abs(np.mean(draws, axis=0)).max() < 5 / np.sqrt(3 * 2000)
    np.testing.assert_allclose(np.mean(np.asarray(draws) ** 2, axis=0), 1 / 3, atol=0.04)
    assert abs(np.mean(np.linalg.det(draws))) < 5 / np.sqrt(2000)


def test_scales_are_what_the_docstrings_say():
    symmetric = jax.jit(lambda: Symmetric(0.5).random(jax.random.key(3), (200, 200)))()
    assert np.abs(np.linalg.eigvalsh(symmetric)).max() == pytest.approx(0.5, rel=0.1)
    assert np.std(Euclidean(2.0).random(jax.random.key(4), (50, 100))) == pytest.approx(0.2, rel=0.05)


def test_violations_are_seen():
    assert Symmetric().violation(jnp.array([[0.0, 1], [0.5, 0]])) == 0.5
    assert Stiefel().violation(2 * jnp.eye(2, 3)) == 3
    assert Orthogonal().violation(jnp.zeros((2, 2))) == 1
    tree = {"a": jnp.eye(2), "b": [jnp.array([[0.0, 1], [0.5, 0]]), jnp.ones(3)]}
    manifolds = {"a": Orthogonal(), "b": [Symmetric(), Euclidean()]}
    assert tree_violation(manifolds, tree) == 0.5
    assert tree_violation({}, {}) == 0


def test_a_shape_of_no_matrix_is_refused():
    with pytest.raises(ValueError, match=r"shape is \(3,\), but these points are matrices: give \(p, q\)"):
        Stiefel().random(jax.random.key(0), (3,))


@pytest.mark.parametrize("manifold", [Symmetric(), Orthogonal(), PositiveDefinite()])
def test_a_shape_that_is_not_square_is_refused(manifold):
    with pytest.raises(ValueError, match=r"\(2, 3\).*square.*Stiefel"):
        manifold.random(jax.random.key(0), (2, 3))


def test_first_parameters_of_another_structure_or_shape_are_told():
    with pytest.raises(ValueError, match="'a'"):
        check_first_params("policy", {"a": Euclidean()}, {"b": jnp.ones(2)})
    with pytest.raises(UserError, match=r"params\['W'\] is of shape \(3, 2\), which .* does not hold"):
        check_first_params("policy", {"W": Orthogonal()}, {"W": jnp.eye(3, 2)})
