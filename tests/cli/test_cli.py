"""The command line without training: help, lists, plots and every mistake."""

import re

import pytest
import yaml

import odes_rl
from odes_rl.cli.arguments import spelled, split_arguments
from odes_rl.cli.program import COMMANDS, main
from odes_rl.config.layering import FITTING, layer_values, load_config
from odes_rl.config.schema import RunConfig, TaskConfig
from odes_rl.errors import UserError
from odes_rl.es.config import PRESETS
from odes_rl.policies import POLICIES, policy_config_class
from odes_rl.rollouts.config import RolloutsConfig
from odes_rl.runs.run_directory import RunDirectory
from tests.made_runs import fit_run


@pytest.fixture
def config(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "swimmer.yaml"
    path.write_text(yaml.safe_dump({"task": {"id": "Swimmer-v5"}, "policy": {"name": "linear"}}))
    return path


def words_of(text: str) -> set[str]:
    return set(text.replace("│", " ").split())


def test_help_of_the_program_names_all_commands(capsys):
    assert main(["--help"]) == 0
    words = words_of(capsys.readouterr().out)
    assert set(COMMANDS) <= words
    assert {"--version`", "--print-completion"} <= words


@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_a_command_is_its_docstring(command, capsys):
    assert main([command, "--help"]) == 0
    first_words = (COMMANDS[command].model.__doc__ or "").split()[:4]
    assert set(first_words) <= words_of(capsys.readouterr().out)


def test_help_of_train_shows_every_dotted_option_with_its_text(capsys):
    assert main(["train", "--help"]) == 0
    words = words_of(capsys.readouterr().out)
    policy = policy_config_class("ode_to_ode")
    for section, model in {
        "task": TaskConfig,
        "policy": policy,
        "rollouts": RolloutsConfig,
        "run": RunConfig,
    }.items():
        for name, field in model.model_fields.items():
            assert f"--{section}.{spelled(name)}" in words
            assert set((field.description or "").split()) <= words


def test_help_of_train_shows_the_values_of_a_config(config, capsys):
    assert main(["train", str(config), "--strategy.sigma", "0.0625", "--help"]) == 0
    words = words_of(capsys.readouterr().out)
    assert {"0.0625)", "linear)"} <= words
    assert "--policy.hidden" not in words


@pytest.mark.parametrize(
    ("what", "names"),
    [
        ("policies", list(POLICIES)),
        ("presets", list(PRESETS)),
        ("tasks", ["HalfCheetah-v5", "HalfCheetah-v4", "Pendulum-v1", "dm_control/humanoid-stand-v0"]),
    ],
)
def test_lists(what, names, capsys):
    assert main(["list", what]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert set(names) <= {line.split()[0] for line in lines}


def test_list_of_policies_on_a_task_tells_their_sizes(capsys):
    """The papers' counts at each policy's own size, a linear path of 6 by 17, and how far a matched one is from 912."""
    assert main(["list", "policies", "--task", "HalfCheetah-v5"]) == 0
    heading, *lines = (line.split() for line in capsys.readouterr().out.splitlines())
    rows = {name: [int(number) for number in numbers] for name, *numbers in lines}
    assert list(rows) == list(POLICIES)
    assert heading[:3] == ["policy", "hidden", "parameters"]
    assert rows["ode_to_ode"] == [16, 912 + 102, 619 + 102]
    assert rows["base_ode"] == [16, 1184 + 102, 1184 + 102, 14, 952 + 102]
    assert rows["linear"] == [102, 102]


def test_list_of_policies_takes_a_hidden_size(capsys):
    assert main(["list", "policies", "--task", "Humanoid-v5", "--hidden", "64"]) == 0
    rows = {line.split()[0]: line.split()[1:3] for line in capsys.readouterr().out.splitlines()}
    path = 17 * 348
    assert rows["ode_to_ode"] == ["64", str(31680 + path)]
    assert rows["deep_net"] == ["64", str(123281 + path)]


MISTAKES = [
    (["trian", "x.yaml"], ["'trian'", "'train'"]),
    (["train"], ["CONFIG is missing", "odes-rl train CONFIG", "odes-rl train --task.id ID"]),
    (["train", "--policy.name", "linear"], ["CONFIG is missing"]),
    (["fit"], ["CONFIG is missing", "odes-rl fit CONFIG", "odes-rl fit --data.source SOURCE"]),
    (["resume"], ["RUN is missing", "odes-rl resume RUN"]),
    (["train", "absent.yaml"], ["absent.yaml"]),
    (["train", "Pendulum-v1"], ["no config 'Pendulum-v1'", "odes-rl train --task.id Pendulum-v1"]),
    (["train", "{config}", "more"], ["unexpected argument 'more'"]),
    (["train", "{config}", "--strategy.sgima", "1"], ["strategy.sgima", "'strategy.sigma'"]),
    (["train", "{config}", "--sigma=1"], ["'strategy.sigma'"]),
    (["train", "{config}", "--srategy.sgima=1"], ["'strategy.sigma'"]),
    (["train", "{config}", "--strategy.lr", "1"], ["strategy.lr: the command's --help"]),
    (["train", "{config}", "--foo", "1"], ["unknown option foo: `odes-rl train --help`"]),
    (["train", "{config}", "--task.id", "Nonsense"], ["'Nonsense'", "odes-rl list tasks"]),
    (["train", "{config}", "--strategy.sigma"], ["--strategy.sigma", "no value"]),
    (["train", "{config}", "--strategy.sigma", "--run.seed", "1"], ["--strategy.sigma", "no value"]),
    (["train", "{config}", "-s", "1"], ["-s", "two dashes"]),
    (["train", "{config}", "--strategy.sigma", "big"], ["strategy.sigma", "'big'", "number"]),
    (["train", "{config}", "--strategy.sigma", "0"], ["strategy.sigma", "greater than 0"]),
    (["train", "{config}", "--strategy.population", "3"], ["population", "even"]),
    (["train", "{config}", "--policy.name", "lniear"], ["'lniear'", "'linear'"]),
    (["train", "{config}", "--strategy.preset", "papr"], ["'papr'", "'paper'"]),
    (["train", "{config}", "--task.id", "Swimer-v5"], ["Swimer-v5", "Swimmer-v5"]),
    (["train", "{config}", "--task.id", "dm_control/humanoid-stan-v0"], ["dm_control/humanoid-stand-v0"]),
    (["train", "{config}", "--task.id", "CarRacing-v3"], ["CarRacing-v3", "images"]),
    (["train", "{config}", "--rollouts.backend", "envpol"], ["'envpol'", "'envpool'"]),
    (
        ["train", "{config}", "--rollouts.backend", "envpool", "--task.id", "faulty_environments:Walk-v0"],
        ["envpool has no task", "'faulty_environments:Walk-v0'", "rollouts.backend: processes"],
    ),
    (["resume", "absent"], ["absent", "holds no run"]),
    (["evaluate", "absent"], ["holds no run"]),
    (["evaluate", "absent", "--episods", "3"], ["--episods", "'episodes'"]),
    (["evaluate", "absent", "--episodes", "0"], ["episodes", "0", "greater"]),
    (["evaluate", "absent", "--checkpoint", "bset"], ["'bset'", "'best'"]),
    (["evaluate", "absent", "--video", "film.avi"], ["'film.avi'", ".mp4 or .gif"]),
    (["export", "absent"], ["holds no run"]),
    (["export", "absent", "--format", "pickle"], ["format is 'pickle'", "'npz', 'onnx' or 'stablehlo'"]),
    (["export", "absent", "--output", "policy.pt"], ["'policy.pt'", ".npz or .onnx or .stablehlo"]),
    (["export", "absent", "--format", "npz", "--output", "a.onnx"], ["'a.onnx'", "the ending .npz"]),
    (["export", "absent", "--output", "nowhere/a.onnx"], ["there is no directory 'nowhere'"]),
    (["plot"], ["RUNS is missing"]),
    (["plot", "absent", "--output", "x.png"], ["absent", "holds no run"]),
    (["list", "polices"], ["'polices'", "'policies'"]),
    (["list", "policies", "--task", "Swimer-v5"], ["Swimer-v5", "Swimmer-v5"]),
    (["list", "policies", "--hidden", "8"], ["hidden is 8", "--task"]),
    (["list", "presets", "--task", "Swimmer-v5"], ["'Swimmer-v5'", "only policies"]),
    (
        ["train", "{config}", "--policy.name", "ode_to_ode", "--policy.ablation", "frozen"],
        ["'frozen'", "policy.ablation"],
    ),
]


@pytest.mark.parametrize(("arguments", "words"), MISTAKES, ids=lambda value: " ".join(value)[:60])
def test_a_mistake_is_one_line_and_status_2_with_nothing_written(config, capsys, arguments, words):
    status = main([argument.format(config=config) for argument in arguments])
    captured = capsys.readouterr()
    assert status == 2
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    assert all(word in captured.err for word in words), captured.err
    assert [path.name for path in config.parent.iterdir()] == [config.name]


@pytest.mark.parametrize("command", ["evaluate", "resume", "export", "inspect"])
def test_the_directory_of_a_comparison_is_told_from_one_without_runs(config, capsys, command):
    RunDirectory.create("runs/compared/Swimmer-v5/linear/seed_0", load_config(config))
    for directory in ("runs/compared", "runs/compared/Swimmer-v5/linear"):
        assert main([command, directory]) == 2
        told = (
            f"odes-rl: {directory!r} holds no run, but has 1 below it: name one, as 'runs/compared/Swimmer-v5/linear/"
        )
        assert capsys.readouterr().err.startswith(told)


@pytest.mark.parametrize("command", ["evaluate", "export"])
def test_what_needs_actions_refuses_a_fitted_model(config, capsys, command):
    RunDirectory.create("runs/fit", layer_values({}, {}, default_directory="runs/fit", kind=FITTING))
    assert main([command, "runs/fit"]) == 2
    assert "is a run of `odes-rl fit`, whose model has no actions" in capsys.readouterr().err


def test_no_arguments_show_the_help_and_are_a_mistake(capsys):
    assert main([]) == 2
    assert "train" in capsys.readouterr().out


def test_a_directory_that_holds_a_run_is_left_alone(config, capsys):
    RunDirectory.create("runs/swimmer", load_config(config))
    before = sorted(config.parent.rglob("*"))
    assert main(["train", str(config), "--strategy.sigma", "0.5"]) == 2
    assert "odes-rl resume runs/swimmer" in capsys.readouterr().err
    assert sorted(config.parent.rglob("*")) == before
    assert load_config("runs/swimmer/config.yaml").strategy.sigma != 0.5


def test_resume_to_fewer_generations_than_are_done_is_a_mistake(config, capsys):
    run = RunDirectory.create("run", load_config(config))
    run.checkpoints.save(12, {})
    assert main(["resume", "run", "--run.generations", "11"]) == 2
    assert "12 already" in capsys.readouterr().err


def test_resume_to_fewer_environment_steps_than_are_done_is_a_mistake(config, capsys):
    run = RunDirectory.create("run", load_config(config))
    for generation in range(4):
        run.append_metrics({"generation": generation, "env_steps": 100 * generation})
    run.checkpoints.save(3, {})
    assert main(["resume", "run", "--run.env_steps", "200"]) == 2
    assert "more than 200" in capsys.readouterr().err


def test_resume_does_not_change_to_a_backend_whose_results_cannot_be_reproduced(config, capsys):
    RunDirectory.create("run", load_config(config))
    assert main(["resume", "run", "--rollouts.backend", "envpool"]) == 2
    assert "from auto to envpool" in capsys.readouterr().err
    assert main(["resume", "run", "--strategy.sigma", "1"]) == 2
    assert "`odes-rl resume --help` shows what there is" in capsys.readouterr().err


def test_the_help_of_resume_is_that_of_the_run(tmp_path, capsys):
    run = fit_run(tmp_path / "fitted", run__epochs=1)[0]
    assert main(["resume", str(run.path), "--run.epochs", "5", "--help"]) == 0
    words = words_of(capsys.readouterr().out)
    assert {"--run.epochs", "5)", "--run.loggers"} <= words
    assert "--run.generations" not in words
    assert main(["resume", str(tmp_path / "none"), "--help"]) == 0
    assert "--run.generations" in words_of(capsys.readouterr().out)


def test_resume_takes_entries_of_a_mapping_that_it_may_change(config, capsys):
    RunDirectory.create("run", load_config(config))
    assert main(["resume", "run", "--run.logger-options.tensorboard.flush", "1"]) == 2
    assert "unknown option run.logger_options.tensorboard.flush: there are none" in capsys.readouterr().err


def test_a_command_that_is_told_can_be_copied(config, monkeypatch, capsys):
    RunDirectory.create("my run", load_config(config))
    assert main(["train", str(config), "--run.directory", "my run"]) == 2
    assert "continue it with `odes-rl resume 'my run'`" in capsys.readouterr().err


@pytest.mark.parametrize("option", ["strategy.sigma", "run.seed"])
def test_resume_does_not_change_what_a_run_computes(config, capsys, option):
    RunDirectory.create("run", load_config(config))
    assert main(["resume", "run", f"--{option}", "1"]) == 2
    assert f"cannot change {option}" in capsys.readouterr().err


def test_without_a_file_a_task_is_trained_with_defaults(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    short = ["--task.max-steps", "3", "--run.generations", "1", "--policy.hidden", "4", "--strategy.population", "2"]
    assert main(["train", "--task.id", "dm_control/cartpole-swingup-v0", *short, "--rollouts.backend", "serial"]) == 0
    assert "run: runs/dm_control_cartpole-swingup-v0" in capsys.readouterr().out
    config = load_config("runs/dm_control_cartpole-swingup-v0/config.yaml")
    assert (config.policy.name, config.run.evaluate_every) == ("ode_to_ode", 10)
    assert main(["train", "--task.id", "Pendulum-v1", "--help"]) == 0
    assert {"Pendulum-v1)", "runs/Pendulum-v1)"} <= words_of(capsys.readouterr().out)


def test_without_a_file_data_are_fitted_with_defaults(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    small = ["--model.width", "4", "--model.steps", "2", "--run.epochs", "1"]
    assert main(["fit", "--data.source", "digits", *small]) == 0
    assert "run: runs/digits" in capsys.readouterr().out


def test_the_version_is_told(capsys):
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"odes-rl {odes_rl.__version__}\n"


def test_options_are_written_with_hyphens_and_read_either_way(config, capsys):
    for command in COMMANDS:
        assert main([command, "--help"]) == 0
    told = capsys.readouterr().out
    assert {"--dry-run", "--report-only", "--run.env-steps"} <= words_of(told)
    assert not re.findall(r"--[\w.-]*_[\w.]*", told)
    assert main(["train", str(config), "--run.env_steps", "7", "--run.evaluate-every", "3", "--help"]) == 0
    assert {"7)", "3)"} <= words_of(capsys.readouterr().out)


def test_a_flag_needs_no_value():
    assert split_arguments(["--a-b", "c", "--d=false"], {"a_b", "d"}) == (["c"], {"a_b": "true", "d": "false"})


def test_arguments_are_taken_apart():
    arguments = ["a", "--x.y-z", "-1", "b", "--out=c=d", "--e="]
    assert split_arguments(arguments) == (["a", "b"], {"x.y_z": "-1", "out": "c=d", "e": ""})
    with pytest.raises(UserError):
        split_arguments(["--x"])
