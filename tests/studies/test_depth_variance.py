"""Depth variance: one piece, and degree 0, are constant weights."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from odes_rl_studies.depth_variance import DepthVarianceConfig, draw_points, model

FLAT = DepthVarianceConfig(directory="unused", degree=0, pieces=1)
LEAVES = {"stacked": "W", "polynomial": "coefficients", "trigonometric": "coefficients"}


@pytest.mark.parametrize("name", LEAVES)
def test_one_piece_and_degree_zero_are_the_constant_model(name):
    params = model("constant", FLAT).init(jax.random.key(0))
    weights = {LEAVES[name]: params["field"]["trajectory"]["W"][None]}
    varied = params | {"field": params["field"] | {"trajectory": weights}}
    other = model(name, FLAT)
    assert jax.tree.map(jnp.shape, other.init(jax.random.key(1))) == jax.tree.map(jnp.shape, varied)
    x, _ = draw_points(FLAT, jax.random.key(2))
    expected, found = (m.apply(p, x)[0] for m, p in ((model("constant", FLAT), params), (other, varied)))
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("data", ["annuli", "spirals"])
def test_classes_alternate_and_lie_apart(data):
    x, labels = draw_points(FLAT.model_copy(update={"data": data}), jax.random.key(0))
    inner, outer = (np.asarray(x)[np.asarray(labels) == index] for index in (0, 1))
    assert len(inner) == len(outer) == FLAT.examples // 2
    assert np.linalg.norm(inner[:, None] - outer, axis=-1).min() > 0.1
