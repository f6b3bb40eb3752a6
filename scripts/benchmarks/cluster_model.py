"""What a generation should take on a cluster, reckoned from costs that `cluster.py` measured on one machine."""

from typing import NamedTuple

from odes_rl.rollouts.cluster.units import batch_size

NODES = (1, 10, 100, 1000)


class Costs(NamedTuple):
    """Measured costs of a policy on a task.

    Attributes:
        episode: seconds of a core.
        batch: seconds of the trainer's processor for handing out a batch and taking in its answers.
        put: seconds of the trainer a byte that it puts into the store.
        learn: seconds of the trainer a candidate: ask, materialise, tell.
        weights: bytes of a candidate, put and fetched.
        answer: bytes of a unit's answers.
    """

    episode: float
    batch: float
    put: float
    learn: float
    weights: float
    answer: float


class Forecast(NamedTuple):
    """Seconds of a generation's parts. `work`, `trainer` and `network` go on at once, `learn` and `put` before."""

    work: float
    trainer: float
    network: float
    put: float
    learn: float

    def total(self) -> float:
        """Seconds of the generation: its parts' dependencies, nothing else in the way."""
        return self.learn + self.put + max(self.work, self.trainer, self.network)


def batches(units: int, actors: int, episode: float) -> int:
    """Batches that `units` of about `episode` seconds are handed out in."""
    count, left = 0, units
    while left > 0:
        left -= batch_size(left, units, actors, episode)
        count += 1
    return count


def forecast(costs: Costs, actors: int, candidates: int, bandwidth: float) -> Forecast:
    """A generation of one episode a candidate; `bandwidth` is the trainer's node's, in bytes a second."""
    rounds = max(candidates / actors, 1.0) + (0.5 if candidates > actors else 0.0)  # some wait at the end for others
    return Forecast(
        work=rounds * costs.episode,
        trainer=batches(candidates, actors, costs.episode) * costs.batch,
        network=candidates * (costs.weights + costs.answer) / bandwidth,
        put=candidates * costs.weights * costs.put,
        learn=candidates * costs.learn,
    )
