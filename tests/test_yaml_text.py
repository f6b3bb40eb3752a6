"""YAML as configs are written in it: what a value looks like it is, and what is written is read again."""

import datetime
import math

import pytest
import yaml

from odes_rl.config.layering import load_config
from odes_rl.errors import UserError
from odes_rl.yaml_text import dump_yaml, parse_yaml

VALUES = {
    "1e-3": 0.001,
    "1E5": 100000.0,
    "+.5": 0.5,
    "-1.": -1.0,
    "1_000": 1000,
    "0777": 777,
    "-08": -8,
    "0o17": 15,
    "0x1F": 31,
    "0b11": "0b11",
    ".inf": math.inf,
    "1:30": "1:30",
    "2026-01-01": "2026-01-01",
    "2026-13-45": "2026-13-45",
    "yes": "yes",
    "Off": "Off",
    "true": True,
    "FALSE": False,
    "~": None,
    "": None,
    "=": "=",
    "'3'": "3",
    "[1e-3, no]": [0.001, "no"],
    "sine:POLICY": "sine:POLICY",
}


@pytest.mark.parametrize("text", VALUES)
def test_a_plain_value_means_what_it_looks_like(text):
    value = parse_yaml(f"a: {text}")["a"]
    assert value == VALUES[text]
    assert type(value) is type(VALUES[text])


TEXTS = [*VALUES, "none", "null", "<<", "a: b", "1.", "on", "08", "é", "\t", "x\ny", "-", " a "]


@pytest.mark.parametrize("value", [*TEXTS, 1e-5, 1e300, 1e16, -0.0, True, None, 511, [1, 2.5], {"b": ["no"]}])
def test_what_is_written_is_read_again_here_and_by_other_readers(value):
    text = dump_yaml({"a": value})
    assert parse_yaml(text) == yaml.safe_load(text) == {"a": value}


def test_a_merge_gives_way_to_the_keys_beside_it():
    content = parse_yaml("x: &x {b: 1, c: 2}\ny: &y {<<: *x, b: 3}\nz: {<<: [*y, *x], d: 4}\n")
    assert content["y"] == {"b": 3, "c": 2}
    assert content["z"] == {"b": 3, "c": 2, "d": 4}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a: 1\nb: 2\na: 3", ["'a' is given twice, in line 1 and in line 3"]),
        ("s:\n  a: {b: 1}\n  c: 2\n  a:", ["'a' is given twice, in line 2 and in line 4"]),
        ("1: 2\n'1': 3", ["'1' is given twice"]),
        ("x: &x {}\na: {<<: *x, <<: *x}", ["'<<' is given twice"]),
        ("a:\n\tb: 3", ["line 2", "not with tabs"]),
        ("a:\t3", ["line 1", "not with tabs"]),
        ("a: b: c", ["line 1", "not allowed"]),
        ("a: *b", ["line 1", "undefined alias 'b'"]),
        ("a: !b 3", ["line 1", "!b"]),
        ("a: 1\n---\nb: 2", ["line 2", "another document"]),
        ("? [1]\n: 2", ["line 1", "unhashable key"]),
        ("a: !!timestamp 2026-13-45", ["month"]),
        ("a: " + "1" * 5000, ["4300 digits"]),
        ("a: " + "[" * 3000, ["not YAML"]),
        ("\0", ["not YAML"]),
        ("a: !!bool maybe", ["not YAML", "does not suit the tag"]),
        ("a: !!timestamp foo", ["not YAML", "does not suit the tag"]),
    ],
)
def test_a_mistake_is_one_line_that_says_where(text, words):
    with pytest.raises(UserError) as caught:
        parse_yaml(text)
    message = str(caught.value)
    assert "\n" not in message
    assert all(word in message for word in words), message


CONFIG = """
task: &task {id: Hopper-v5, max_steps: none, normalise_observations: no, alive_bonus_shift: 1e-1}
strategy: {sigma: 1e-3, population: 1e2, antithetic: yes}
run: {directory: 2026-01-01, seed: 0777}
"""


def test_options_take_what_is_written_for_them(tmp_path):
    path = tmp_path / "x.yaml"
    path.write_text(CONFIG)
    config = load_config(path)
    assert (config.task.max_steps, config.task.normalise_observations) == (None, False)
    assert (config.strategy.sigma, config.strategy.population, config.strategy.antithetic) == (0.001, 100, True)
    assert (config.run.directory, config.run.seed) == ("2026-01-01", 777)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("strategy:\n  sigma: 1\n  sigma: 2\n", ["x.yaml': 'sigma' is given twice, in line 2 and in line 3"]),
        ("run: {seed: 1:30}", ["run.seed is '1:30'", "whole number"]),
        ("run: {seed: 0b1}", ["run.seed is '0b1'", "whole number"]),
        ("task: {id: x, normalise_observations: maybe}", ["'maybe'", "true or false"]),
        ("run: {directory: 2026}", ["run.directory is 2026", "in quotes, '2026'"]),
        ("run: &run {directory: *run}", ["run.directory", "text"]),
        ("task: &task {id: x, options: *task}", ["task.options: options holds itself"]),
        ("run: &run\n  <<: *run\n  sed: 3", ["run.sed", "'run.seed'"]),
    ],
)
def test_a_config_with_a_mistake_is_one_line(tmp_path, text, words):
    path = tmp_path / "x.yaml"
    path.write_text(text + "\ntask: {id: x}" * ("task" not in text))
    with pytest.raises(UserError) as caught:
        load_config(path)
    message = str(caught.value)
    assert "\n" not in message
    assert all(word in message for word in words), message


def test_a_date_that_is_asked_for_is_a_date():
    assert parse_yaml("!!timestamp 2026-01-02") == datetime.date(2026, 1, 2)
