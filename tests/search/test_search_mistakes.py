"""A mistake in a search is one line that leaves nothing behind."""

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import get_args

import pytest
import yaml
from optuna.distributions import FloatDistribution, IntDistribution
from optuna.trial import create_trial

from odes_rl.cli.program import main
from odes_rl.errors import UserError
from odes_rl.runs.files import SEARCH
from odes_rl.runs.lock import only_trainer
from odes_rl.search.config import Objective, load_search
from odes_rl.search.proposing import propose
from odes_rl.search.results import write_results
from odes_rl.search.storage import _begun, import_optuna, open_study
from odes_rl.search.trial import objective
from tests.search.searching import TINY, write_search

SIGMA = {"low": 0.01, "high": 0.5, "log": True}


def everything(directory: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() if path.is_file() else b"" for path in directory.rglob("*")}


def refusal(arguments: list[str], directory: Path, capsys) -> str:
    """The line with which the arguments are refused; nothing is written."""
    before = everything(directory)
    assert main(["search", *arguments]) == 2
    told = capsys.readouterr()
    assert told.err.count("\n") == 1
    assert told.out == ""
    assert everything(directory) == before
    return told.err


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"space": {"strategy.sgima": SIGMA}}, "space.strategy.sgima: unknown option strategy.sgima: did you mean"),
        ({"space": {"stategy.sigma": SIGMA}}, "space.stategy.sigma: unknown option stategy.sigma: did you mean"),
        ({"space": {"strategy.sigma": {"low": 0.0, "high": 0.1}}}, "strategy.sigma is 0.0, but must be greater than 0"),
        ({"space": {"strategy.sigma": {"low": 0.2, "high": 0.1}}}, "low is 0.2 and high is 0.1, but low must be less"),
        ({"space": {"strategy.sigma": {"low": -1, "high": 1, "log": True}}}, "low is -1, but must be greater than 0"),
        ({"space": {"strategy.sigma": {"low": 0.1}}}, "space.strategy.sigma: give low and high, or choices"),
        ({"space": {"strategy.sigma": {"lo": 0.1}}}, "unknown option space.strategy.sigma.lo: did you mean"),
        ({"space": {"strategy.sigma": 0.1}}, "space.strategy.sigma is 0.1, but must be {low: ..., high: ...}"),
        ({"space": {"strategy.sigma": {**SIGMA, "step": 0.1}}}, "log and step are both given"),
        ({"space": {"strategy.shaping": ["ranks"]}}, "unknown shaping 'ranks'"),
        ({"space": {"strategy.shaping": []}}, "space.strategy.shaping.choices is [], but must be at least one value"),
        ({"space": {"strategy.shaping": ["none", "none"]}}, "choices are ['none', 'none'], but must differ"),
        ({"space": {"strategy.shaping": {"low": 1, "high": 2}}}, "space.strategy.shaping: strategy.shaping is 1"),
        (
            {"space": {"strategy.population": {"low": 1, "high": 4}}},
            "population is 1, but antithetic pairs need an even",
        ),
        (
            {"space": {"strategy.population": {"low": 8, "high": 6400, "log": True}}},
            "population is 9, but antithetic pairs need an even",
        ),
        ({"space": {"policy.hidden": [4, 8]}}, "unknown option policy.hidden"),
        ({"space": {"run.seed": [1, 2]}}, "space.run.seed cannot be searched"),
        ({"space": {"strategy.sigma": SIGMA}, "sampler": "grid"}, "sampler grid needs values that can be counted"),
        ({"space": {}}, "space is {}, but must be at least one value"),
        ({"space": None}, "space is missing"),
        ({"space": {"strategy.sigma": [1, 1.0, 0.5]}}, "must differ"),
        ({"env_steps": None}, "env_steps is missing"),
        ({"trials": 0}, "trials is 0, but must be greater than or equal to 1"),
        ({"sampler": "tep"}, "did you mean 'tpe'?"),
        ({"seeds": [1, 1]}, "seeds is (1, 1), but must be"),
        ({"base": "absent.yaml"}, "absent.yaml"),
        ({"base": {"policy": {"name": "linear"}}}, "task.id is missing"),
        ({"base": {"task": {"id": "Pendulm-v1"}}}, "no task 'Pendulm-v1'; did you mean 'Pendulum-v1'"),
        ({"base": {**TINY["base"], "run": {"initial": "absent"}}}, "run.initial: 'absent' holds no run"),
        ({"base": {**TINY["base"], "polcy": {}}}, "unknown section 'polcy'"),
        ({"storage": "postgresql://host/trials"}, "must be the path of an SQLite file"),
        ({"storage": ":memory:"}, "must be the path of an SQLite file"),
        ({"storage": "absent/trials.db"}, "its directory does not exist: make it first"),
        ({"directory": "tiny.yaml/out"}, "cannot write a search to 'tiny.yaml/out': Not a directory"),
    ],
)
def test_a_wrong_option_is_told(changes, words, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    write_search(tmp_path / "tiny.yaml", **changes)
    assert words in refusal(["tiny.yaml"], tmp_path, capsys)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--run.seed", "1"], "run.seed cannot be set here: `seeds` of the search sets it"),
        (["--strategy.sgima", "1"], "unknown option strategy.sgima"),
        (["--strategy.sigma", "0.1"], "strategy.sigma is searched, so that it cannot be set: take it out of `space`"),
        (["--trails", "1"], "unknown option trails"),
        (["--storage", "tiny.yaml"], "trials cannot be kept in 'tiny.yaml': file is not a database"),
        (["--storage", "."], "trials cannot be kept in '.': unable to open database file"),
    ],
)
def test_a_wrong_argument_is_told(words, message, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    write_search(tmp_path / "tiny.yaml")
    assert message in refusal(["tiny.yaml", *words], tmp_path, capsys)


def test_a_search_goes_on_only_as_it_was_begun(tmp_path, capsys):
    path = write_search(tmp_path / "tiny.yaml", trials=1, env_steps=20)
    assert main(["search", str(path)]) == 0
    capsys.readouterr()
    for changes, words in (
        ({"space": {**TINY["space"], "strategy.sigma": {"low": 0.02, "high": 0.5}}}, "space.strategy.sigma"),
        ({"seed": 5}, "seed 3, but now it is 5"),
        ({"env_steps": 30}, "env_steps 20, but now it is 30"),
        ({"base": {**TINY["base"], "strategy": {"population": 4}}}, "base.strategy.population 2, but now it is 4"),
    ):
        write_search(path, **{"trials": 1, "env_steps": 20, **changes})
        assert words in refusal([str(path)], tmp_path, capsys)
    write_search(path, trials=1, env_steps=20, seed=5, directory=str(tmp_path / "new"))
    taken = [str(path), "--storage", str(tmp_path / "out/trials.db")]
    assert "is of a search with seed 3" in refusal(taken, tmp_path, capsys)
    (tmp_path / "out/config.yaml").write_text(yaml.safe_dump({}))
    taken = [str(path), "--directory", str(tmp_path / "out")]
    assert "holds a run or a study" in refusal(taken, tmp_path, capsys)


def test_a_search_that_goes_on_records_what_may_change_for_its_processes(tmp_path):
    open_study(load_search(write_search(tmp_path / "tiny.yaml"), {}, {}))
    search = load_search(tmp_path / "tiny.yaml", {"trials": 9}, {"rollouts.deadline": "7"})
    open_study(search)
    recorded = load_search(tmp_path / "out" / SEARCH, {}, {})
    assert (recorded.trials, recorded.base.rollouts.deadline) == (9, 7)


def test_a_range_of_an_environments_option_has_whole_numbers_if_it_names_such(tmp_path):
    for step, drawn in ((1, IntDistribution(1, 4, step=1)), (0.5, FloatDistribution(1, 4, step=0.5))):
        space = {"task.options.g": {"low": 1, "high": 4, "step": step}}
        search = load_search(write_search(tmp_path / "tiny.yaml", space=space), {}, {})
        assert search.parameters[0].distribution == drawn


@pytest.mark.parametrize(
    ("entry", "points"),
    [
        ({"low": 0.01, "high": 0.1, "step": 0.03}, (0.01, 0.04, 0.07, 0.1)),
        ({"low": 0.1, "high": 0.8, "step": 0.7}, (0.1, 0.8)),
        ({"low": 0.1, "high": 1.1, "step": 0.3}, (0.1, 0.4, 0.7, 1.0)),
        ({"low": 1, "high": 2, "step": 0.1}, tuple(round(1 + 0.1 * n, 1) for n in range(11))),
    ],
)
@pytest.mark.filterwarnings("error")
def test_a_range_with_steps_has_its_decimals_and_its_greatest_value_is_drawn(tmp_path, entry, points):
    search = load_search(write_search(tmp_path / "tiny.yaml", space={"strategy.sigma": entry}), {}, {})
    (parameter,) = search.parameters
    assert parameter.points == points
    assert parameter.distribution == FloatDistribution(points[0], points[-1], step=entry["step"])


def test_a_grid_whose_options_come_in_another_order_goes_on_with_what_is_left(tmp_path):
    sigma, rate = {"strategy.sigma": [0.1, 0.2]}, {"strategy.learning_rate": [0.01, 0.02]}
    one, other = (
        load_search(write_search(tmp_path / "tiny.yaml", space=space, sampler="grid"), {}, {})
        for space in (sigma | rate, rate | sigma)
    )
    trials = []
    for search in (one, one, other, other):
        params = propose(search, trials)
        distributions = {parameter.name: parameter.distribution for parameter in search.parameters}
        trials.append(create_trial(params=params, distributions=distributions, value=1.0))
    assert sorted(tuple(sorted(trial.params.values())) for trial in trials) == [
        (0.01, 0.1),
        (0.01, 0.2),
        (0.02, 0.1),
        (0.02, 0.2),
    ]


def test_a_trial_takes_over_no_run_of_another_search(tmp_path, capsys):
    path = write_search(tmp_path / "tiny.yaml", trials=1, env_steps=20, space={"strategy.sigma": [0.1, 0.2]})
    assert main(["search", str(path)]) == 0
    capsys.readouterr()
    for name in ("trials.db", "search.yaml"):
        (tmp_path / "out" / name).unlink()
    write_search(path, trials=1, env_steps=20, space={"strategy.sigma": [0.7, 0.9]})
    assert main(["search", str(path)]) == 2
    error = capsys.readouterr().err
    assert "trial_000/seed_1000' is of another search, with strategy.sigma 0." in error
    assert error.count("\n") == 1
    assert not (tmp_path / "out/best.yaml").read_text().count("sigma: 0.9")


def test_an_evaluation_that_is_not_finite_counts_as_the_worst_one_that_is():
    scores = [5.0, 90.0, 100.0, None, None]
    lines = [{"generation": n, "env_steps": 10 * n, "evaluation_score": score} for n, score in enumerate(scores)]
    told = {kind: objective(kind, lines) for kind in get_args(Objective)}
    assert told == {"last": 5.0, "second_half": 110 / 3, "best": 100.0, "mean": 50.0}
    with pytest.raises(UserError, match="no evaluation that counts had a finite return"):
        objective("last", [*lines[:1], *lines[3:]])


def test_what_another_process_has_begun_meanwhile_stays_where_a_search_is_refused(tmp_path):
    mine, other = (load_search(write_search(tmp_path / "tiny.yaml", seed=seed), {}, {}) for seed in (0, 1))
    mine.path.mkdir()
    import_optuna()
    with ThreadPoolExecutor(1) as pool:
        with only_trainer(mine.path):
            refusal = pool.submit(open_study, other)
            time.sleep(0.3)  # it waits for the lock
            _begun(mine).enqueue_trial({})
        assert "is of a search with seed 0" in str(refusal.exception())
    assert len(open_study(mine).trials) == 1


def test_the_results_are_written_by_one_process_at_a_time(tmp_path, monkeypatch):
    monkeypatch.setattr("odes_rl.search.results.PATIENCE", 0.1)
    search = load_search(write_search(tmp_path / "tiny.yaml"), {}, {})
    study = open_study(search)
    with only_trainer(search.path), pytest.raises(UserError, match="another process"):
        write_results(search, study)
    assert not (search.path / "trials.csv").exists()
    assert write_results(search, study) == [search.path / "trials.csv"]


def test_a_grid_has_all_combinations_unless_trials_are_fewer(tmp_path):
    space = {"strategy.sigma": {"low": 0.1, "high": 0.6, "step": 0.1}, "strategy.population": [2, 4, 6, 8, 10]}
    for trials, wanted in ((None, 30), (7, 7), (99, 30)):
        path = write_search(tmp_path / "tiny.yaml", space=space, sampler="grid", trials=trials)
        assert load_search(path, {}, {}).trials == wanted
    assert load_search(write_search(tmp_path / "tiny.yaml", trials=None), {}, {}).trials == 20


def test_a_large_grid_is_counted_and_begun_without_making_it(tmp_path):
    options = ("strategy.sigma", "strategy.learning_rate", "strategy.sigma_limit", "policy.output_scale")
    space = {name: {"low": 0.001, "high": 1.0, "step": 0.001} for name in options}
    search = load_search(write_search(tmp_path / "tiny.yaml", space=space, sampler="grid", trials=3), {}, {})
    assert search.trials == 3
    assert propose(search, []) == dict.fromkeys(options, 0.001)
