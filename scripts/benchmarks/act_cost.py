"""What acting costs: normalising, the act rule's kernel and squashing, in one compiled loop."""

import time

import numpy as np
from numba import njit

from odes_rl.act import find_rule
from odes_rl.act.bounds import normalise, squash
from odes_rl.policies.policy import Params
from odes_rl.training.experiment import Experiment

_REPETITIONS = 20_000


def act_seconds(experiment: Experiment, params: Params) -> float:
    """CPU seconds that acting takes in one environment step of the policy with `params`, its weights in the cache."""
    rule, task = find_rule(experiment.policy.act_rule), experiment.task
    weights = rule.weights(*(np.array(leaf[0]) for leaf in experiment.policy_weights(params)))
    n, m, low, high = task.observation_size, task.action_size, task.low, task.high
    kernel = rule.kernel

    @njit
    def acts(repetitions, weights, observation, mean, deviation, origin, sums, normalised, raw, action):
        for _ in range(repetitions):
            normalise(observation, mean, deviation, origin, np.inf, sums, normalised)
            kernel(weights, normalised, raw)
            squash(0, raw, low, high, action)

    observations = (np.ones(n), np.zeros(n), np.ones(n), np.zeros(n), np.zeros((2, n)), np.empty(n, np.float32))
    arrays = (weights, *observations, np.empty(m, np.float32), np.empty(m, low.dtype))
    acts(1, *arrays)  # compiles
    started = time.process_time()
    acts(_REPETITIONS, *arrays)
    return (time.process_time() - started) / _REPETITIONS
