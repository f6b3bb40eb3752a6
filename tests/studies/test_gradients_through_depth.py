"""Gradients through depth: who is within the bounds of lemma 4.1."""

import jax
import numpy as np
import pytest

from odes_rl.inspection.depth import gradient_bounds, inside
from odes_rl.inspection.layerwise import look_through
from odes_rl_studies.gradients_through_depth import GradientsThroughDepthConfig, build, gradients_through_depth


@pytest.mark.parametrize("steps", [5, 25])
def test_ode_to_ode_stays_inside_the_discrete_bounds_and_a_residual_network_does_not(steps):
    images, labels = np.random.default_rng(0).random((40, 9)), np.arange(40) % 3

    def within(name):
        model = build(name, steps, 16, 9, 3)
        assert model.layers
        depth = look_through(model.layers(model.init(jax.random.key(1))), images, labels)
        return inside(depth.ratios, gradient_bounds(steps, euler=True))

    assert within("ode_to_ode").all()
    assert not within("res_net").any()


def test_a_model_that_is_too_deep_to_look_at_is_told_and_the_others_are_shown():
    config = GradientsThroughDepthConfig(
        directory="unused", models=("res_net", "node"), depths=(1300,), width=4, training=1, batch_size=4, examples=4
    )
    found = gradients_through_depth(config, lambda line: None)
    assert [row[:3] for row in found.rows] == [("NODE", 1300, "start"), ("NODE", 1300, "trained")]
    assert (
        found.notes[0] == "ResNet with 1300 steps is not trained, for its numbers leave float32: at its start already."
    )
