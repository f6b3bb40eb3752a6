"""After an act rule whose outputs are logits: the choice of discrete actions."""

import numpy as np

from odes_rl.act.compilation import compiled


@compiled
def choose(logits: np.ndarray, noise: np.ndarray, choices: np.ndarray, action: np.ndarray) -> int:
    """Write into action [k] the place of the largest of logits [m] + noise [m] in each block; the first of equals.

    The blocks have the lengths choices [k], whose sum is m. Without noise the choice is greedy; Gumbel noise makes it a
    draw from the softmax of each block (Maddison, Tarlow & Minka 2014, §2). Returns 0, or −1 if a logit is not finite.
    """
    start = 0
    for k in range(choices.size):
        best = -np.inf
        for i in range(choices[k]):
            if not np.isfinite(logits[start + i]):
                return -1
            value = logits[start + i] + noise[start + i]
            if value > best:
                best = value
                action[k] = i
        start += choices[k]
    return 0
