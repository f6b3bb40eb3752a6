"""Random weights of every act rule, for tests that run over all of them."""

import numpy as np

from odes_rl.act import ACT_RULES, find_rule
from odes_rl.act.field_flow import FieldFlowWeights
from odes_rl.act.linear import LinearWeights
from odes_rl.act.network import NetworkWeights
from odes_rl.act.residual_flow import ResidualFlowWeights
from odes_rl.act.runge_kutta_flow import RungeKuttaFlowWeights


def _linear(draw, h, n, m, steps):
    return LinearWeights(draw(m, n))


def _residual_flow(draw, h, n, m, steps):
    step = np.full((1,), 1 / steps, np.float32)
    return ResidualFlowWeights(draw(h, n), draw(steps, h, h), 0.1 * draw(steps, h), step, draw(m, h))


def _midpoint(steps):
    return np.array([[0.5, 0], [0, 1]], np.float32) / np.float32(steps)


def _runge_kutta_flow(draw, h, n, m, steps):
    times = 2 * steps + 1
    return RungeKuttaFlowWeights(draw(h, n), draw(times, h, h), 0.1 * draw(times, h), _midpoint(steps), draw(m, h))


def _field_flow(draw, h, n, m, steps):
    gates = 0.5 + 0.1 * draw(2 * steps + 1, 2)
    return FieldFlowWeights(draw(h, n), gates, draw(2, 3, h, h), 0.1 * draw(2, 3, h), _midpoint(steps), draw(m, h))


def _network(draw, h, n, m, steps):
    return NetworkWeights(draw(h, n), draw(steps, h, h), 0.1 * draw(steps + 1, h), draw(m, h), draw(m))


MAKERS = {
    LinearWeights: _linear,
    ResidualFlowWeights: _residual_flow,
    RungeKuttaFlowWeights: _runge_kutta_flow,
    FieldFlowWeights: _field_flow,
    NetworkWeights: _network,
}


def rule_weights(name, sizes, seed=0):
    """Random float32 weights of the rule for sizes (h, n, m, L), entries of variance 1/fan-in."""
    generator = np.random.default_rng(seed)

    def draw(*shape):
        return (generator.normal(size=shape) / shape[-1] ** 0.5).astype(np.float32)

    return MAKERS[ACT_RULES[name].weights](draw, *sizes)


def with_path(name, weights, seed=1):
    """The rule called `name` with a linear path, and its weights: those of the rule, and a random path and bias."""
    rule, generator = find_rule(f"{name} + path"), np.random.default_rng(seed)
    inputs = weights[0].shape[-1]
    shape = (weights[-1].shape[0], inputs)
    path, bias = generator.normal(size=shape) / inputs**0.5, generator.normal(size=shape[0])
    return rule, rule.weights(*weights, path.astype(np.float32), bias.astype(np.float32))
