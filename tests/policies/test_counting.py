"""Sizes of policies against the papers' table, and sizes that follow ODEtoODE's."""

import pytest

from odes_rl.manifolds import Frozen
from odes_rl.policies import POLICIES, make_policy, match_parameters
from odes_rl.policies.counting import free_dimensions, parameter_count
from odes_rl.policies.residual import Matchable

NAMES = ("ode_to_ode", "base_ode", "nanode", "deep_net", "hyper_net", "linear")
TABLE = {  # n, m, h; numbers stored, symmetric matrices counted once, in the order of NAMES; ODEtoODE's dimensions
    "Humanoid-v5": ((348, 17, 64), (31680, 35840, 68416, 123281, 14832, 5916), 27367),
    "HalfCheetah-v5": ((17, 6, 16), (912, 1184, 3184, 6918, 9360, 102), 619),
    "Swimmer-v5": ((8, 2, 16), (704, 976, 2976, 6706, 9152, 16), 529),
    "swimmer6": ((25, 5, 16), (1024, 1296, 3296, 7029, 9472, 125), 737),
    "swimmer15": ((61, 14, 16), (1744, 2016, 4016, 7758, 10192, 854), 1367),
    "humanoid": ((67, 21, 16), (1952, 2224, 4224, 7973, 10400, 1407), 1544),
}
SCALED = [name for name, family in POLICIES.items() if issubclass(family.config, Matchable)]


def configure(name, hidden, **options):
    sized = {} if name == "linear" else {"hidden": 16 if name == "hyper_net" else hidden}
    return POLICIES[name].config.model_validate({"name": name, "linear_path": False, **sized, **options})


@pytest.mark.parametrize("task", TABLE)
def test_counts_are_those_of_the_paper(task):
    (n, m, h), counts, dimensions = TABLE[task]
    policies = {name: make_policy(configure(name, h), n, m) for name in NAMES}
    assert tuple(parameter_count(policies[name]) for name in NAMES) == counts
    assert free_dimensions(policies["ode_to_ode"]) == dimensions


def test_all_but_ode_to_ode_and_the_linear_policy_can_be_matched():
    assert set(POLICIES) - set(SCALED) == {"ode_to_ode", "linear"}


@pytest.mark.parametrize("task", ["HalfCheetah-v5", "Humanoid-v5"])
@pytest.mark.parametrize("name", SCALED)
def test_a_matched_size_is_the_smallest_not_below_ode_to_odes(name, task):
    (n, m, h), counts, _ = TABLE[task]
    options = {"name": name, "hidden": h, "linear_path": False, "match_parameters": "ode_to_ode"}
    config = POLICIES[name].config.model_validate(options)
    matched = match_parameters(config, n, m)
    smaller = matched.model_copy(update={"hidden": matched.hidden - 1})  # pyright: ignore[reportAttributeAccessIssue]
    sizes = [parameter_count(make_policy(c, n, m)) for c in (config, matched, smaller)]
    assert sizes[0] == sizes[1] >= counts[0] > sizes[2]


def test_matching_is_of_the_configured_size_and_of_networks_with_the_same_options():
    options = {"learn_output_scale": True, "linear_path": True, "action_bias": True}
    target = parameter_count(make_policy(configure("ode_to_ode", 32, **options), 17, 6))
    assert target == parameter_count(make_policy(configure("ode_to_ode", 32), 17, 6)) + 6 + 6 * 17 + 6
    matched = match_parameters(configure("base_ode", 32, match_parameters="ode_to_ode", **options), 17, 6)
    plain = match_parameters(configure("base_ode", 32, match_parameters="ode_to_ode"), 17, 6)
    assert matched == plain.model_copy(update=options)
    assert parameter_count(make_policy(matched, 17, 6)) >= target
    assert match_parameters(configure("base_ode", 32), 17, 6) == configure("base_ode", 32)


def test_rotations_of_one_axis_are_no_size_to_match_with():
    config = configure("nanode", 2, basis="givens", degree=50, match_parameters="ode_to_ode")
    assert match_parameters(config, 3, 1) == configure("nanode", 2, basis="givens", degree=50)


def test_what_is_frozen_does_not_count():
    free, fixed = (
        make_policy(configure("ode_to_ode", 16, initial_matrix=initial), 17, 6) for initial in ("learned", "haar")
    )
    assert isinstance(fixed.manifolds["trajectory"]["initial"], Frozen)
    assert parameter_count(free) - parameter_count(fixed) == 256
    assert free_dimensions(free) - free_dimensions(fixed) == 120
