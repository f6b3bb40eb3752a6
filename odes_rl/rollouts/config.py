"""Options of rollouts. Free of JAX."""

from typing import Annotated, Literal

from pydantic import BaseModel, Field, model_validator

from odes_rl.rollouts.backends import BACKENDS
from odes_rl.validation import STRICT


class RolloutsConfig(BaseModel):
    """How episodes are run."""

    model_config = STRICT

    backend: Annotated[str, BACKENDS] = "auto"
    """Where episodes run. `serial`: in this process. `processes`: in worker processes, to the same result. `ray`:
    on a cluster, to the same result. `envpool`: in C++ threads, to results that cannot be reproduced. `auto`: the
    fastest on this machine whose results can be. Or one of your own, a `BackendFamily`."""
    inference: Literal["workers", "device"] = "workers"
    """Who computes actions: each worker its own, or JAX's default device for all of them, to results that differ in
    the last digits; `device` needs worker processes."""
    workers: int | None = Field(default=None, ge=1)
    """Worker processes, actors of `ray`, or threads of `envpool`; none means one for each core there."""
    lanes: int | None = Field(default=None, ge=1)
    """Environments that a worker steps in turn; none means 1, or with inference on the device as many as a generation
    has episodes for it, at most 256. `envpool` has sixteen times as many for each thread."""
    deadline: float | None = Field(default=120.0, gt=0)
    """Seconds without an environment step after which a worker process counts as hung and is replaced; none waits for
    ever."""
    address: str | None = None
    """Of the Ray cluster: `host:port`, `auto` for the one that this machine is part of, `local` to start one on this
    machine alone; none means `auto` if there is one and `local` if not."""

    @model_validator(mode="after")
    def _check_inference(self) -> "RolloutsConfig":
        if self.inference == "device" and self.backend not in ("auto", "processes"):
            raise ValueError(
                f"inference is device, which needs worker processes, but backend is {self.backend}: "
                "use backend processes, or inference workers"
            )
        return self
