"""Recovery of linear systems, and the unstable one."""

import pytest

from odes_rl.errors import UserError
from odes_rl_studies.linear_systems import LinearSystemsConfig, recover


def quiet(line):
    pass


@pytest.mark.parametrize(
    "name", ["sink", *(pytest.param(name, marks=pytest.mark.slow) for name in ("spiral", "centre"))]
)
def test_a_stable_system_is_recovered_within_a_thousandth(name):
    found = recover(name, LinearSystemsConfig(directory="unused"), quiet)
    assert found.error < 1e-3
    assert found.losses[-1] < 1e-6


def test_an_unstable_system_ends_with_its_cause():
    config = LinearSystemsConfig(directory="unused", duration=100.0, steps=20)
    with pytest.raises(
        UserError, match=r"real part 1 > 0, so solutions grow by e\^100 up to time 100.*smaller duration"
    ):
        recover("source", config, quiet)
