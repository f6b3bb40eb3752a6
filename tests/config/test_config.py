"""Layers of values, and every mistake as one line that names the fix."""

import pytest
import yaml

from odes_rl.config.layering import FITTING, TRAINING, layer_values, load_config
from odes_rl.config.schema import ExperimentConfig
from odes_rl.errors import UserError
from odes_rl.es.config import PRESETS
from odes_rl.policies import POLICIES
from odes_rl.policies.ode_to_ode import ABLATIONS

TASK = {"id": "Swimmer-v5"}


@pytest.fixture
def write(tmp_path):
    def write(content) -> str:
        path = tmp_path / "swimmer.yaml"
        path.write_text(content if isinstance(content, str) else yaml.safe_dump(content))
        return str(path)

    return write


def test_least_config_has_defaults_and_a_directory_named_after_the_file(write):
    config = load_config(write({"task": TASK}))
    assert config.policy.name == "ode_to_ode"
    assert config.run.directory == "runs/swimmer"
    assert config.strategy.preset == "default"


def test_explicit_values_of_the_file_beat_its_preset(write):
    config = load_config(write({"task": TASK, "strategy": {"preset": "paper", "sigma": 0.5}}))
    assert config.strategy.sigma == 0.5
    assert config.strategy.population == PRESETS["paper"]["strategy"]["population"]
    assert config.task.normalise_observations is False


def test_a_preset_beats_class_defaults_outside_the_strategy_but_not_the_file(write):
    task = {**TASK, "normalise_observations": True}
    config = load_config(write({"task": task, "strategy": {"preset": "paper"}}))
    assert config.task.normalise_observations is True


def test_preset_of_the_command_line_replaces_the_strategy_and_sets_what_it_names_elsewhere(write):
    values = {
        "task": {**TASK, "max_steps": 7, "normalise_observations": True},
        "policy": {"hidden": 8, "squash": "tanh"},
        "strategy": {"sigma": 0.5, "momentum": 0.5},
    }
    config = load_config(write(values), {"strategy.preset": "paper", "strategy.population": "10"})
    assert config.strategy.preset == "paper"
    assert config.strategy.sigma == PRESETS["paper"]["strategy"]["sigma"]
    assert config.strategy.momentum == 0.9
    assert config.strategy.population == 10
    assert config.policy.squash == "clip"
    assert config.policy.model_dump()["hidden"] == 8
    assert (config.task.max_steps, config.task.normalise_observations) == (7, False)


def test_nothing_of_the_files_preset_is_left_beside_one_of_the_command_line(write):
    config = load_config(write({"task": TASK, "strategy": {"preset": "paper"}}), {"strategy.preset": "default"})
    assert config == load_config(write({"task": TASK}))


def test_policy_name_of_the_command_line_keeps_only_what_policies_share(write):
    path = write({"task": TASK, "policy": {"hidden": 8, "output_scale": 0.1, "squash": "tanh"}})
    config = load_config(path, {"policy.name": "nanode"})
    assert config.policy == type(config.policy)(name="nanode", output_scale=0.1, squash="tanh")


@pytest.mark.parametrize("policy", list(POLICIES))
@pytest.mark.parametrize("preset", PRESETS)
def test_written_config_alone_repeats_the_run(write, policy, preset):
    overrides = {"policy.name": policy, "strategy.preset": preset, "strategy.sigma": "1e-5"}
    config = load_config(write({"task": TASK, "policy": {"output_scale": 0.1}}), overrides)
    complete = config.model_dump(mode="json")
    assert load_config(write(complete)) == config
    assert set(complete["policy"]) == set(type(config.policy).model_fields)
    assert set(complete) == set(ExperimentConfig.model_fields)


@pytest.mark.parametrize(
    ("option", "text", "value"),
    [
        ("strategy.sigma", "1e-3", 0.001),
        ("strategy.antithetic", "False", False),
        ("strategy.antithetic", "true", True),
        ("rollouts.workers", "none", None),
        ("rollouts.workers", "3", 3),
        ("rollouts.workers", "~", None),
        ("run.env_steps", "3e6", 3_000_000),
        ("run.seed", "0x1F", 31),
        ("strategy.interactions", "1e6", 1_000_000),
        ("strategy.interactions", "full", "full"),
        ("strategy.horizon", "5e2", 500),
        ("task.max_steps", "None", None),
        ("task.alive_bonus_shift", "-1", -1.0),
        ("run.directory", "7", "7"),
    ],
)
def test_texts_of_the_command_line_become_typed_values(write, option, text, value):
    given = {"task": TASK, "rollouts": {"workers": 2}, "strategy": {"shaping": "standardised"}}
    config = load_config(write(given), {option: text})
    section, _, name = option.partition(".")
    found = getattr(getattr(config, section), name)
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", ["nothing", "mapping"]),
        ("- task", ["list", "mapping"]),
        ("task: [", ["not YAML"]),
        ("\0", ["not YAML"]),
        ({"tsk": TASK}, ["'tsk'", "'task'"]),
        ({"task": 3}, ["task", "3"]),
        ({}, ["task.id", "missing"]),
        ({"task": {"id": 3}}, ["task.id", "3", "text"]),
        ({"task": TASK, "strategy": {"sgima": 1}}, ["strategy.sgima", "'strategy.sigma'"]),
        ({"task": TASK, "strategy": {"sigma": "big"}}, ["strategy.sigma", "'big'", "number"]),
        ({"task": TASK, "strategy": {"sigma": -1}}, ["strategy.sigma", "-1", "greater than 0"]),
        ({"task": TASK, "strategy": {"sigma": float("inf")}}, ["strategy.sigma", "inf", "finite"]),
        ({"task": TASK, "strategy": {"population": 3}}, ["population", "3", "even", "4"]),
        ({"task": TASK, "strategy": {"population": 2.5}}, ["population", "2.5", "whole number"]),
        ({"task": TASK, "strategy": {"optimizer": "adm"}}, ["strategy.optimizer", "'adm'", "mean 'adam'"]),
        ({"task": TASK, "strategy": {"preset": "papr"}}, ["preset", "'papr'", "'paper'"]),
        ({"task": TASK, "strategy": {"preset": ["paper"]}}, ["preset"]),
        ({"task": TASK, "policy": {"name": "linaer"}}, ["policy", "'linaer'", "'linear'"]),
        ({"task": TASK, "policy": {"name": "linear", "hidden": 3}}, ["policy.hidden"]),
        ({"task": TASK, "run": {"seed": 2**31}}, ["run.seed", "less than"]),
        ({"task": TASK, "run": {"directory": ""}}, ["run.directory"]),
        ({"task": TASK, "rollouts": {"workers": 0}}, ["rollouts.workers", "0", "greater"]),
        ({"task": TASK, "policy": {"name": ["linear"]}}, ["policy", "['linear']"]),
        ({"task": TASK, 3: {}}, ["unknown section 3"]),
    ],
)
def test_a_mistake_in_the_file_is_one_line(write, content, words):
    with pytest.raises(UserError) as caught:
        load_config(write(content))
    message = str(caught.value)
    assert "\n" not in message
    assert all(word in message for word in words), message


@pytest.mark.parametrize(
    ("option", "text", "words"),
    [
        ("sigma", "1", ["unknown option sigma", "'strategy.sigma'"]),
        ("stategy.sigma", "1", ["'strategy.sigma'"]),
        ("strategy.sigmma", "1", ["'strategy.sigma'"]),
        ("strategy", "1", ["unknown option strategy"]),
        ("policy.name", "ode2ode", ["'ode_to_ode'"]),
        ("strategy.preset", "asr", ["'ars'"]),
        ("strategy.sigma", "nan", ["strategy.sigma", "nan"]),
        ("policy.squash", "clp", ["'clip'"]),
        ("rollouts.lanes", "two", ["'two'", "whole number"]),
        ("task.options", "{a", ["task.options is '{a', which is not a mapping"]),
    ],
)
def test_a_mistake_in_an_override_is_one_line(write, option, text, words):
    with pytest.raises(UserError) as caught:
        load_config(write({"task": TASK}), {option: text})
    message = str(caught.value)
    assert "\n" not in message
    assert all(word in message for word in words), message


@pytest.mark.parametrize("before", ABLATIONS)
@pytest.mark.parametrize("after", ABLATIONS)
def test_an_ablation_of_the_command_line_takes_the_place_of_a_recorded_one(before, after):
    least = {"task": {"id": "Pendulum-v1"}}
    recorded, expected = (
        layer_values(least, {"policy.ablation": name, "policy.hidden": "7"}, default_directory="runs/x")
        for name in (before, after)
    )
    values = recorded.model_dump(mode="json")
    assert layer_values(values, {"policy.ablation": after}, default_directory="runs/x") == expected


@pytest.mark.parametrize("empty", ["none", "null", "~"])
def test_none_empties_what_may_be_empty(write, empty):
    path = write({"task": {"id": "Hopper-v5", "wrappers": ["ClipAction"], "options": {"frame_skip": 2}}})
    names = ("task.wrappers", "task.options", "run.loggers")
    emptied = load_config(path, dict.fromkeys(names, empty))
    assert (emptied.task.wrappers, emptied.task.options, emptied.run.loggers) == ((), {}, ())
    path = write({"task": {"id": "Hopper-v5", "wrappers": None, "options": None}, "run": {"loggers": None}})
    assert load_config(path) == emptied


def test_an_entry_of_what_is_no_mapping_is_a_mistake(write):
    with pytest.raises(UserError, match=r"task\.options is 5, but must be a mapping to have options\.frame_skip"):
        load_config(write({"task": {**TASK, "options": 5}}), {"task.options.frame_skip": "2"})


def test_lanes_of_a_device_hold_the_episodes_of_a_candidate(write):
    path = write({"task": TASK, "rollouts": {"backend": "mjx", "lanes": 4}, "strategy": {"episodes": 4}})
    assert load_config(path).rollouts.lanes == 4
    with pytest.raises(UserError, match=r"rollouts\.lanes is 4, but must be at least strategy\.episodes, which is 5"):
        load_config(path, {"strategy.episodes": "5"})


def test_a_file_that_cannot_be_read_is_one_line(tmp_path):
    for path in (tmp_path / "absent.yaml", tmp_path):
        with pytest.raises(UserError, match="cannot read"):
            load_config(path)
    (tmp_path / "latin.yaml").write_bytes(b"task: \xff")
    with pytest.raises(UserError, match="not YAML"):
        load_config(tmp_path / "latin.yaml")


def test_a_file_is_of_any_kind_of_run_that_has_its_sections(write):
    assert load_config(write({"run": {"epochs": 4}}), {}, FITTING).run.epochs == 4
    assert load_config(write({"run": {"seed": 4}, "task": {"id": "Hopper-v5"}}), {}, TRAINING).run.seed == 4
    with pytest.raises(UserError, match="is for another kind of run: use it with `odes-rl train`"):
        load_config(write({"task": {}}), {}, FITTING)
    with pytest.raises(UserError, match="is for another kind of run: use it with `odes-rl fit`"):
        load_config(write({"model": {}}), {}, TRAINING)


def test_a_run_has_an_end(tmp_path):
    path = tmp_path / "x.yaml"
    path.write_text("task: {id: Swimmer-v5}\nrun: {generations: null}\n")
    with pytest.raises(UserError, match="neither generations nor env_steps"):
        load_config(path)
    run = load_config(path, {"run.env_steps": "1000"}).run
    assert [run.is_over(10**9, steps) for steps in (999, 1000, 1001)] == [False, True, True]
    assert load_config(path, {"run.env_steps": "1000", "run.generations": "5"}).run.is_over(5, 0)


@pytest.mark.parametrize(("option", "value"), [("warmup_episodes", 3), ("clip_observations", 5.0)])
def test_what_belongs_to_normalisation_needs_it(write, option, value):
    path = write({"task": {**TASK, "normalise_observations": False, option: value}})
    with pytest.raises(UserError, match=f"task: {option} is {value}, but only normalised observations have it"):
        load_config(path)


@pytest.mark.parametrize(("normalise", "clip"), [(True, 10.0), (False, None)])
def test_only_normalised_observations_are_clipped_by_default(write, normalise, clip):
    config = load_config(write({"task": {**TASK, "normalise_observations": normalise}}))
    assert config.task.clip == clip
    none = {"task": {**config.task.model_dump(), "clip_observations": None}}
    assert load_config(write(none)).task.clip is None
