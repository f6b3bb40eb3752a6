"""Options of rollouts. Does not import JAX."""

from typing import Annotated, Literal

from pydantic import BaseModel, Field, model_validator

from odes_rl.rollouts.backends import BACKENDS
from odes_rl.validation import STRICT


class RolloutsConfig(BaseModel):
    """Rollout backend, workers and lanes."""

    model_config = STRICT

    backend: Annotated[str, BACKENDS] = "auto"
    """Where episodes run. `serial`: in this process. `processes`: in worker processes, with the same results. `ray`:
    on a cluster, with the same results. `envpool`: in C++ threads; results are not reproducible. `mjx`: on JAX's
    default device, a GPU or TPU; returns have the same distribution. `auto`: the fastest reproducible backend on this
    machine. Or your own `BackendFamily`, as `module:object`."""
    inference: Literal["workers", "device"] = "workers"
    """Where actions are computed. `workers`: by each worker. `device`: on JAX's default device for all workers; results
    differ in the last digits, and worker processes are needed."""
    workers: int | None = Field(default=None, ge=1)
    """Number of worker processes, of actors of `ray`, or of threads of `envpool`; none means one for each core."""
    lanes: int | None = Field(default=None, ge=1)
    """Environments that each worker steps in turn. none means 1; with inference on the device, the number of episodes
    of a generation for each worker, at most 256. `envpool` uses sixteen times as many for each thread. `mjx`: the most
    environments that a device steps at once; none means as many as fit into its memory."""
    deadline: float | None = Field(default=120.0, gt=0)
    """Seconds without an environment step after which a worker process counts as hung and is replaced; none waits
    forever."""
    address: str | None = None
    """Address of the Ray cluster. `host:port`; `auto`: the cluster that this machine is part of; `local`: start one on
    this machine. none means `auto` if this machine is part of a cluster, else `local`."""

    @model_validator(mode="after")
    def _check_inference(self) -> "RolloutsConfig":
        if self.inference == "device" and self.backend not in ("auto", "processes"):
            raise ValueError(
                f"inference is device, which needs worker processes, but backend is {self.backend}: "
                "use backend processes, or inference workers"
            )
        return self
