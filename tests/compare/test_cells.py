"""The configuration of a comparison: its layers, its mistakes, and those that come with the package."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from odes_rl.cli.program import main
from odes_rl.compare.cells import chosen_cells, make_cells, thresholds
from odes_rl.compare.config import load_comparison
from odes_rl.config.schema import ExperimentConfig
from odes_rl.errors import UserError
from odes_rl.policies import AutonomousConfig
from tests.comparisons import TINY, write_comparison

CONFIGS = sorted((Path(__file__).parents[2] / "configs" / "compare").glob("*.yaml"))
SEVEN = ["ode_to_ode", "nanode", "hyper_net", "base_ode", "deep_net", "deep_res_net", "linear"]


@pytest.fixture
def cells_of(tmp_path):
    def cells_of(overrides=None, changes=None, **options):
        path = write_comparison(tmp_path / "tiny.yaml", **options)
        cells: Any = make_cells(load_comparison(path, changes or {}), overrides or {})  # of ExperimentConfigs
        return cells

    return cells_of


def test_cells_are_tasks_times_policies_times_seeds_one_seed_after_the_other(cells_of):
    cells = cells_of(seeds=[3, 5], tasks={"Hopper-v5": None, "Swimmer-v5": None})
    assert [(c.task, c.learner, c.seed) for c in cells[:5]] == [
        ("Hopper-v5", "autonomous", 3),
        ("Hopper-v5", "linear", 3),
        ("Swimmer-v5", "autonomous", 3),
        ("Swimmer-v5", "linear", 3),
        ("Hopper-v5", "autonomous", 5),
    ]
    assert len(cells) == len({cell.path for cell in cells}) == 8
    for cell in cells:
        assert (cell.config.task.id, cell.config.policy.name) == (cell.task, cell.learner)
        assert (cell.config.run.seed, cell.config.run.env_steps) == (cell.seed, 3000)
        assert cell.config.run.generations is None
        assert cell.config.run.directory == str(cell.path)


def test_policies_lie_over_tasks_over_the_base_and_the_command_line_over_all(cells_of):
    options = {
        "base": {"strategy": {"sigma": 0.1, "population": 8}},
        "tasks": {"Hopper-v5": {"strategy": {"sigma": 0.2, "learning_rate": 0.5}}},
        "policies": {"autonomous": {"strategy": {"learning_rate": 0.7}}, "linear": None},
    }
    autonomous, linear = (cell.config.strategy for cell in cells_of(**options))
    assert (autonomous.population, autonomous.sigma, autonomous.learning_rate) == (8, 0.2, 0.7)
    assert (linear.sigma, linear.learning_rate) == (0.2, 0.5)
    overridden = cells_of({"strategy.learning_rate": "0.9"}, **options)
    assert [cell.config.strategy.learning_rate for cell in overridden] == [0.9, 0.9]


def test_what_a_policy_has_of_its_own_on_a_task_lies_over_the_rest_of_the_file(cells_of):
    options = {
        "tasks": {
            "Hopper-v5": {
                "strategy": {"learning_rate": 0.5},
                "policies": {"linear": {"strategy": {"learning_rate": 0.6}, "policy": {"output_scale": 3.0}}},
            },
            "Swimmer-v5": {"policies": {"linear": None}},
        },
        "policies": {"autonomous": None, "linear": {"strategy": {"learning_rate": 0.7}}},
    }
    rates = [0.5, 0.6, None, 0.7]  # of Hopper's two policies, and of Swimmer's
    cells = cells_of(**options)
    assert [cell.config.strategy.learning_rate for cell in cells] == rates
    own = AutonomousConfig().output_scale
    assert [cell.config.policy.output_scale for cell in cells] == [own, 3, own, 1]
    overridden = cells_of({"policy.output_scale": "5"}, **options)
    assert [cell.config.policy.output_scale for cell in overridden] == [5] * 4


OWN = {
    "tasks": {
        "Hopper-v5": {"env_steps": 500, "seeds": [7], "only": ["linear"]},
        "Swimmer-v5": {"seeds": 2},
    },
    "policies": {"autonomous": {"seeds": [0, 4]}, "linear": None},
}
"""Tasks with lengths, seeds and policies of their own."""


def places(cells):
    return [(cell.task, cell.learner, cell.seed, cell.budget) for cell in cells]


def test_a_task_has_env_steps_seeds_and_policies_of_its_own(cells_of):
    assert places(cells_of(**OWN)) == [
        ("Hopper-v5", "linear", 7, 500),
        ("Swimmer-v5", "autonomous", 0, 3000),
        ("Swimmer-v5", "linear", 0, 3000),
        ("Swimmer-v5", "autonomous", 4, 3000),
        ("Swimmer-v5", "linear", 1, 3000),
    ]


def test_the_command_line_overrides_what_entries_have_of_their_own(cells_of):
    cells = cells_of(changes={"env_steps": 60, "seeds": 1}, **OWN)
    assert places(cells) == [
        ("Hopper-v5", "linear", 0, 60),
        ("Swimmer-v5", "autonomous", 0, 60),
        ("Swimmer-v5", "linear", 0, 60),
    ]


def test_labels_choose_runs_of_tasks_of_policies_or_of_both(tmp_path):
    tasks = {"Hopper-v5": None, "Swimmer-v5": {"only": ["linear"]}}
    config = load_comparison(write_comparison(tmp_path / "tiny.yaml", tasks=tasks), {})
    cells = make_cells(config, {})

    def chosen(*labels: str) -> list[tuple[str, str]]:
        return [(cell.task, cell.learner) for cell in chosen_cells(config, cells, labels)]

    hopper, swimmer = [("Hopper-v5", "autonomous"), ("Hopper-v5", "linear")], [("Swimmer-v5", "linear")]
    assert chosen() == chosen("linear", "autonomous") == hopper + swimmer
    assert chosen("Swimmer-v5") == swimmer
    assert chosen("linear") == hopper[1:] + swimmer
    assert chosen("linear", "Hopper-v5") == hopper[1:]
    with pytest.raises(UserError, match="only is Swimmer-v5 autonomous, but the file has no runs of these policies"):
        chosen("Swimmer-v5", "autonomous")


def test_options_of_policies_go_to_those_that_have_them(cells_of):
    autonomous, linear = cells_of({"policy.steps": "7"}, base={"policy": {"hidden": 9, "output_scale": 2.0}})
    assert autonomous.config.policy.model_dump()["hidden"] == 9
    assert autonomous.config.policy.model_dump()["steps"] == 7
    assert linear.config.policy.output_scale == 2.0


def test_labels_may_differ_from_ids_and_names(cells_of):
    (cell,) = cells_of(
        tasks={"short": {"task": {"id": "dm_control/swimmer-swimmer6-v0", "max_steps": 3}}},
        policies={"small/one": {"policy": {"name": "nanode", "hidden": 3}}},
    )
    assert cell.config.task.id == "dm_control/swimmer-swimmer6-v0"
    assert cell.path.parts[-3:] == ("short", "small_one", "seed_0")


def test_thresholds_are_the_entrys_or_the_tasks_own(tmp_path):
    tasks = {"Hopper-v5": None, "HalfCheetah-v5": {"threshold": 7}, "Humanoid-v5": {}}
    config = load_comparison(write_comparison(tmp_path / "x.yaml", tasks=tasks), {})
    assert thresholds(config, make_cells(config, {})) == {"Hopper-v5": 3800, "HalfCheetah-v5": 7, "Humanoid-v5": None}
    swims = load_comparison(write_comparison(tmp_path / "y.yaml", tasks={"Hopper-v5": None}), {})
    swims.base["task"] = {"id": "Swimmer-v5"}
    assert thresholds(swims, make_cells(swims, {})) == {"Hopper-v5": 360}


MISTAKES = [
    ({"seeds": 0}, ["seeds is 0"]),
    ({"seeds": [1, 1]}, ["seeds", "distinct"]),
    ({"env_steps": 0}, ["env_steps is 0", "greater than or equal to 1"]),
    ({"env_stpes": 5}, ["env_stpes", "'env_steps'"]),
    ({"tasks": {}}, ["tasks"]),
    ({"tasks": {"Hoper-v5": None}}, ["'Hoper-v5'", "'Hopper-v5'"]),
    ({"base": {"policy": {"gates": 2}}}, ["policy.gates is an option of ode_to_ode, but not of autonomous, linear"]),
    ({"tasks": {"Hopper-v5": {"treshold": 1}}}, ["tasks.Hopper-v5.treshold", "'threshold'"]),
    ({"tasks": {"Hopper-v5": {"threshold": "x"}}}, ["tasks.Hopper-v5.threshold is 'x'", "a number"]),
    ({"tasks": {"Hopper-v5": {"strategy": {"sgima": 1}}}}, ["tasks.Hopper-v5.strategy.sgima", "strategy.sigma'"]),
    ({"tasks": {"Hopper-v5": {"strategy": 3}}}, ["tasks.Hopper-v5.strategy is 3", "hold options"]),
    ({"tasks": {"Hopper-v5": {"threshold": float("nan")}}}, ["tasks.Hopper-v5.threshold is nan", "finite"]),
    ({"policies": {"lniear": None}}, ["'lniear'", "'linear'"]),
    ({"policies": {"mine": {"policy": "linear"}}}, ["policies.mine.policy is 'linear'", "{name: linear}"]),
    ({"tasks": {"Hopper-v5": {"policies": 3}}}, ["tasks.Hopper-v5.policies is 3", "entries of policies"]),
    ({"tasks": {"Hopper-v5": {"policies": {"lniear": {}}}}}, ["tasks.Hopper-v5.policies.lniear", "'linear'"]),
    ({"tasks": {"Hopper-v5": {"policies": {"linear": 3}}}}, ["tasks.Hopper-v5.policies.linear is 3", "sections"]),
    (
        {"tasks": {"Hopper-v5": {"policies": {"linear": {"policy": {"name": "nanode"}}}}}},
        ["tasks.Hopper-v5.policies.linear.policy.name", "`policies`"],
    ),
    (
        {"tasks": {"Hopper-v5": {"policies": {"linear": {"policy": {"hidden": 3}}}}}},
        ["tasks.Hopper-v5.policies.linear.policy.hidden"],
    ),
    ({"base": {}, "policies": {"linear": {"policy": {"hidden": 3}}}}, ["policies.linear.policy.hidden"]),
    ({"base": {"strategy": {"sigma": "big"}}}, ["Hopper-v5, autonomous: strategy.sigma is 'big'"]),
    ({"tasks": {"a/b": {"task": {"id": "Hopper-v5"}}, "a b": {"task": {"id": "Hopper-v5"}}}}, ["the same directory"]),
    ({"base": {"policy": {"hiden": 3}}}, ["base.policy.hiden", "hidden'"]),
    ({"base": {"polcy": {}}}, ["base.polcy", "'policy'"]),
    ({"base": {"policy": {"name": "linear"}}}, ["base.policy.name", "`policies`"]),
    ({"base": {"run": {"seed": 1}}}, ["base.run.seed", "`seeds`"]),
    ({"base": {"run": {"generations": 1}}}, ["base.run.generations", "`env_steps`"]),
    ({"baseline": "lnear"}, ["'lnear'", "'linear'"]),
    ({"tasks": {"Hopper-v5": {"env_steps": 0}}}, ["tasks.Hopper-v5.env_steps is 0", "≥ 1"]),
    ({"tasks": {"Hopper-v5": {"seeds": "x"}}}, ["tasks.Hopper-v5.seeds is x", "distinct"]),
    ({"tasks": {"Hopper-v5": {"only": ["lniear"]}}}, ["tasks.Hopper-v5.only is ['lniear']", "autonomous, linear"]),
    ({"tasks": {"Hopper-v5": {"only": []}}}, ["tasks.Hopper-v5.only is []"]),
    (
        {"tasks": {"Hopper-v5": {"only": ["autonomous"], "policies": {"linear": None}}}},
        ["tasks.Hopper-v5.policies.linear", "not in `only`"],
    ),
    ({"policies": {"linear": {"seeds": [2, 2]}}}, ["policies.linear.seeds is [2, 2]"]),
]


@pytest.mark.parametrize(("changes", "words"), MISTAKES, ids=lambda value: str(value)[:50])
def test_a_mistake_is_one_line_and_status_2_with_nothing_written(tmp_path, monkeypatch, capsys, changes, words):
    monkeypatch.chdir(tmp_path)
    path = write_comparison(tmp_path / "tiny.yaml", **changes)
    assert main(["compare", str(path), "--report-only"]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert all(word in error for word in words), error
    assert [file.name for file in tmp_path.iterdir()] == ["tiny.yaml"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--strategy.sgima", "1"], ["strategy.sgima", "'strategy.sigma'"]),
        (["--policy.hiden", "1"], ["policy.hiden", "policy.hidden'"]),
        (["--policy.name", "linear"], ["policy.name"]),
        (["--run.seed", "1"], ["run.seed", "`seeds`"]),
        (["--jobs", "0"], ["jobs is 0,"]),
        (["--dry-rnu", "1"], ["dry_rnu"]),
        (["--report-only"], ["nothing to report"]),
        (["--only", "linaer"], ["only has 'linaer'", "'linear'", "valid are Hopper-v5, autonomous, linear"]),
    ],
    ids=lambda value: " ".join(value)[:50],
)
def test_a_mistake_on_the_command_line(tmp_path, monkeypatch, capsys, arguments, words):
    monkeypatch.chdir(tmp_path)
    assert main(["compare", str(write_comparison(tmp_path / "tiny.yaml")), *arguments]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert all(word in error for word in words), error


def test_the_packages_comparisons_are_there():
    named = {"figure2", "small", "small_more", "search", "ablations", "normalisation", "benchmark", "benchmark_search"}
    assert {path.stem for path in CONFIGS} == named


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_a_comparison_is_valid_small_and_differs_between_policies_only_where_it_says_so(path):
    config = load_comparison(path, {})
    cells = make_cells(config, {})
    assert list(thresholds(config, cells)) == list(config.places)
    assert config.directory == f"runs/compare/{path.stem}"
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 55
    searching = {label for label, own in config.learners.items() if "sigma" in (own or {}).get("strategy", {})}
    said = {option for learner in config.learners.values() for option in (learner or {}).get("task", {})}
    for task, entry in config.places.items():
        entry = entry or {}
        shared = [
            (
                options.run.env_steps,
                options.task.model_dump(exclude=said),
                options.run.evaluate_every,
                options.strategy.sigma,
                options.strategy.population,
            )
            for options in [c.config for c in cells if c.task == task and c.learner not in searching]
            if isinstance(options, ExperimentConfig)
        ]
        alike = [learner for learner in config.learners_of(task) if learner not in searching]
        assert len(shared) == sum(len(config.seeds_of(task, learner)) for learner in alike)
        assert all(options == shared[0] for options in shared)
        own = [own or {} for own in entry.get("policies", {}).values()]
        searched = [{**options.get("policy", {}), **options.get("strategy", {})}.keys() for options in own]
        assert all(options == {"learning_rate", "output_scale"} for options in searched)
        assert len(searched) in (0, len(config.learners))  # all had the search, or none


@pytest.mark.parametrize("name", ["figure2", "small", "small_more", "search", "benchmark_search"])
def test_the_papers_methods_and_linear_are_compared(name):
    config = load_comparison(CONFIGS[0].parent / f"{name}.yaml", {})
    assert sorted(config.learners) == sorted(SEVEN)


def test_small_and_figure_2_are_of_the_size_they_promise():
    sizes = {
        path.stem: (len(c.places), c.seeds, c.budget_of(next(iter(c.places))))
        for path in CONFIGS
        for c in [load_comparison(path, {})]
    }
    assert sizes["small"] == (2, 3, 3_000_000)
    assert sizes["figure2"][:2] == (8, 10)


def test_the_benchmark_has_the_tasks_the_seeds_and_the_steps_of_its_page():
    config = load_comparison(CONFIGS[0].parent / "benchmark.yaml", {})
    cells: Any = make_cells(config, {})
    assert len([task for task in config.places if task.endswith("-v5")]) == 11
    assert len(config.places) == 19
    parts = ["constant_weights", "haar_initial", "frozen_projections", "no_path", "learned_gain", "equal_sigma"]
    parts += ["growing_episodes", "equal_observations"]
    differences = ["differences", "wide_differences", "wide_signs"]
    scaled = ["larger_output"]
    several = {
        "Swimmer-v5": [*SEVEN, *parts, *differences, *scaled],
        "HalfCheetah-v5": [*SEVEN, *parts, *differences, *scaled],
        "Hopper-v5": [*SEVEN, *parts[-2:]],
        "Walker2d-v5": [*SEVEN, *parts[-2:]],
        "HalfCheetah-v5-12M": ["ode_to_ode", *parts[-2:]],
    }
    of_control = ["ode_to_ode", "linear", "equal_observations", *differences, *scaled]
    several |= dict.fromkeys(("swimmer6", "swimmer15", "cheetah-run"), of_control)
    for task in ("walker-walk", "cartpole-swingup"):
        several[task] = ["ode_to_ode", "linear", *scaled]
    for task in config.places:
        assert sorted(config.learners_of(task)) == sorted(several.get(task, ["ode_to_ode", "linear"]))
    sizes = {task: (config.budget_of(task), len(config.seeds_of(task, "ode_to_ode"))) for task in config.places}
    assert sizes["HalfCheetah-v5-12M"] == (12_000_000, 5)
    assert sizes["HalfCheetah-v5"] == (3_000_000, 10)
    assert sizes["Humanoid-v5"] == (40_000_000, 1)
    (humanoid,) = [c for c in cells if (c.task, c.learner) == ("Humanoid-v5", "ode_to_ode")]
    assert humanoid.config.policy.model_dump()["hidden"] == 64


def test_the_search_of_the_benchmark_gives_all_policies_the_same_settings_and_seeds_of_its_own():
    folder = CONFIGS[0].parent
    search, benchmark = (load_comparison(folder / f"{name}.yaml", {}) for name in ("benchmark_search", "benchmark"))
    assert all("policies" not in (entry or {}) for entry in search.places.values())
    tried = [task.split(", ") for task in search.places]
    assert [setting for task, setting in tried if task == "Swimmer"] == [s for t, s in tried if t == "HalfCheetah"]
    assert len(search.seeds_of("Swimmer, default", "linear")) == 3
    used = {seed for task in benchmark.places for seed in benchmark.seeds_of(task, "ode_to_ode")}
    assert used.isdisjoint(search.seeds_of("Swimmer, default", "linear"))


def test_the_file_of_a_comparison_is_not_that_of_a_run(tmp_path, capsys):
    path = tmp_path / "run.yaml"
    path.write_text(yaml.safe_dump({"task": {"id": "Hopper-v5"}} | TINY))
    assert main(["compare", str(path)]) == 2
    assert "unknown option task" in capsys.readouterr().err


def test_a_comparison_never_takes_the_place_of_a_run_or_a_study(tmp_path, capsys):
    path = write_comparison(tmp_path / "tiny.yaml", directory=str(tmp_path / "out"))
    (tmp_path / "out").mkdir()
    (tmp_path / "out/config.yaml").write_text("study: sorting\n")
    assert main(["compare", str(path), "--report_only"]) == 2
    assert "holds a run or a study: give another --directory" in capsys.readouterr().err
