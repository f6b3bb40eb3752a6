"""Groups and parts of a generation, and the devices that share it."""

import logging

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from odes_rl.es.population import by_parts, group_count, in_turn, part_size, population_mesh


@pytest.mark.parametrize(("directions", "groups"), [(1, 1), (3, 1), (50, 2), (100, 4), (64, 8), (4096, 8)])
def test_groups_are_even(directions, groups):
    assert group_count(directions) == groups


def test_a_part_divides_its_group_and_is_near_the_size_asked_for():
    assert [part_size(50, 64), part_size(512, 64), part_size(134, 64), part_size(509, 64)] == [50, 64, 67, 509]
    assert [part_size(12, 0), part_size(1, 100)] == [1, 1]


def test_parts_are_computed_in_order():
    sizes = []

    def double(part):
        sizes.append(part["x"].shape)
        return 2 * part["x"], part["x"].sum(axis=1)

    items = {"x": jnp.arange(24.0).reshape(12, 2)}
    doubled, sums = by_parts(double, 4, items)
    np.testing.assert_array_equal(doubled, 2 * items["x"])
    np.testing.assert_array_equal(sums, items["x"].sum(axis=1))
    assert set(sizes) == {(4, 2)}


@pytest.mark.parametrize("device", [0, jnp.asarray(3)])
@pytest.mark.parametrize("count", [1, 3])
def test_items_are_met_in_turn_on_any_device(device, count):
    items = jnp.arange(1.0, count + 1)
    total = in_turn(lambda carry, i, item: 10 * carry + item + 0 * i, jnp.zeros(()), items, device)
    assert float(total) == [1, 12, 123][count - 1]


@pytest.mark.parametrize(
    ("directions", "devices", "used"), [(8, 1, 1), (8, 4, 4), (100, 8, 4), (99, 2, 1), (8, 3, 2), (16, 16, 8)]
)
def test_as_many_devices_are_used_as_share_the_groups_and_idle_ones_are_told(directions, devices, used, caplog):
    with caplog.at_level(logging.WARNING):
        mesh = population_mesh(directions, jax.devices() * devices)
    assert (1 if mesh is None else mesh.size) == used
    assert bool(caplog.messages) == (used < devices)
    assert not caplog.messages or f"{used} of {devices} devices" in caplog.text
