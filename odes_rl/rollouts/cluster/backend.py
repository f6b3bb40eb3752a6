"""The Ray backend: actors on the nodes of a cluster (Moritz et al. 2018). Free of JAX."""

from contextlib import ExitStack
from typing import Any, Self

import numpy as np

from odes_rl.rollouts.board import posted
from odes_rl.rollouts.cluster.blocks import candidates_a_block, split
from odes_rl.rollouts.cluster.crew import Crew
from odes_rl.rollouts.cluster.generation import Generation
from odes_rl.rollouts.cluster.session import import_ray, ray_session
from odes_rl.rollouts.environments import describe_task
from odes_rl.rollouts.protocol import EpisodeSettings, Moments, Request, Rollouts


class RayBackend:
    """Steps environments in `workers` actors of one core and `lanes` environments each, on the nodes of a cluster.

    Entering the context joins or starts the cluster (`address` as in `ray_session`) and asks for the actors; None
    makes one for each CPU that the cluster has then. An actor that dies, alone or with its node, is replaced where
    there is room, and its unfinished episodes are run again, to the same result. After an exception actors may still
    be in their episodes: only closing is allowed then.

    Raises:
        UserError: if ray is not installed, or on entering there is no cluster at the address.
    """

    def __init__(
        self, settings: EpisodeSettings, workers: int | None = None, lanes: int = 1, address: str | None = None
    ) -> None:
        import_ray()
        self.settings = settings
        self.workers = workers
        self.lanes = lanes
        self.address = address
        self.action_size = describe_task(settings.task, setup=settings.setup, max_steps=settings.max_steps).action_size
        self.resources = ExitStack()

    def evaluate(
        self, weights: Any, statistics: Moments, episode_seeds: np.ndarray, steps: int | None = None
    ) -> Rollouts:
        """See `RolloutBackend.evaluate`.

        Raises:
            EnvironmentFailure: also if actors die again and again, or for long none can be started.
        """
        board = posted((), statistics, episode_seeds)  # the weights go by the cluster's store
        size = candidates_a_block(len(episode_seeds), len(self.crew.handles))
        blocks = [self.ray.put(block) for block in split(Request(weights, statistics, episode_seeds, steps), size)]
        restarts = Generation(self.crew, self.settings.task, board, blocks, size).run()
        return board.rollouts(self.action_size, restarts)

    def __enter__(self) -> Self:
        with ExitStack() as on_failure:  # Ctrl-C while actors start leaves nothing open
            on_failure.callback(self.resources.close)
            self.ray = self.resources.enter_context(ray_session(self.address))
            count = self.workers or max(1, int(self.ray.cluster_resources().get("CPU", 1)))
            self.crew = Crew(self.ray, self.settings, self.lanes, count)
            self.resources.callback(self.crew.close)
            on_failure.pop_all()
        return self

    def __exit__(self, *exception: object) -> None:
        self.resources.close()
