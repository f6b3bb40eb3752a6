"""Several runs trained together, their episodes in one program: seeds of one config on a device."""

import threading
from collections.abc import Callable, Sequence

from odes_rl.interrupts import interruptible, signals_noted
from odes_rl.rollouts.meeting import Meeting, Seat
from odes_rl.runs.metrics import Metrics
from odes_rl.runs.run_directory import RunDirectory
from odes_rl.training.experiment import make_experiment, open_backend
from odes_rl.training.train import Equipment, train


def train_together(runs: Sequence[RunDirectory], report: Callable[[RunDirectory, Metrics], None]) -> None:
    """Train each of `runs` to its end, as `train` does; their configs differ in seed and directory alone.

    Each run asks for its episodes when it needs them; the backend gets the requests of all runs at once. On the backend
    `mjx` their candidates are lanes of one program. `report` receives each run's lines of metrics.

    Raises:
        UserError: as `train`; and of the first run that fails, whatever `train` raises, once all runs are saved.
    """
    with signals_noted():
        config = runs[0].config
        experiment = interruptible(make_experiment, config)
        with open_backend(config, experiment.policy) as backend:
            meeting = Meeting(backend, len(runs))
            failures: list[BaseException] = []

            def follow(run: RunDirectory, seat: Seat) -> None:
                with seat:
                    try:
                        train(run, lambda metrics: report(run, metrics), Equipment(experiment, seat))
                    except BaseException as error:  # a thread's own would only be printed
                        failures.append(error)

            threads = [threading.Thread(target=follow, args=(run, meeting.seat())) for run in runs]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        if failures:
            raise failures[0]
