"""What a search came to: its table, the best config, and which options mattered."""

import math
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from odes_rl.config.layering import layer_values
from odes_rl.config.schema import ExperimentConfig
from odes_rl.csv_text import csv_text
from odes_rl.errors import UserError
from odes_rl.runs.files import replace_text, writing_to
from odes_rl.runs.lock import only_trainer
from odes_rl.search.config import Search
from odes_rl.search.storage import PATIENCE
from odes_rl.search.trial import REASON
from odes_rl.yaml_text import dump_yaml

if TYPE_CHECKING:
    import optuna
    from optuna.trial import FrozenTrial

BEST, TABLE = "best.yaml", "trials.csv"
_FEWEST = 10
"""Completed trials that a measure of importance needs."""


def line_of(study: "optuna.Study", number: int) -> str:
    """One line about the ended trial `number`."""
    trial = study.get_trials(deepcopy=False)[number]
    best = _best(study)
    standing = f"; best: trial {best.number}, {best.value:.4g}" if best else ""
    if best and best.number == number:
        standing = "; the best"
    return f"trial {number} ({_params(trial)}): {_outcome(trial)}{standing}"


def result_lines(search: Search, study: "optuna.Study") -> list[str]:
    """The table of all trials that have ended, the best first, and below it the importance of each option."""
    rows = [["trial", "value", *(_short(search, p.name) for p in search.parameters), "state"]]
    rows += [
        [str(t.number), _value(t), *(_text(t.params[p.name]) for p in search.parameters), _state(t)]
        for t in _sorted(study)
    ]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    table = ["  ".join(f"{cell:>{width}}" for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return [*table, *_importance_lines(search, study)]


def write_results(search: Search, study: "optuna.Study") -> list[Path]:
    """Write the table as CSV, and the config of the best trial if there is one; the files' paths.

    Raises:
        StorageError: if they cannot be written.
        UserError: if another process of the search has been writing for long.
    """
    paths = [search.path / TABLE]
    best = _best(study)
    with only_trainer(search.path, PATIENCE), writing_to(search.path):
        replace_text(paths[0], _trials_text(search, study))
        if best is not None:
            paths.append(search.path / BEST)
            replace_text(paths[-1], _best_text(search, study, best))
    return paths


def _best(study: "optuna.Study") -> "FrozenTrial | None":
    """The completed trial of the greatest value, the first of those."""
    completed = [trial for trial in study.get_trials(deepcopy=False) if trial.state.name == "COMPLETE"]
    return max(completed, key=lambda trial: _finite(trial.value), default=None)


def _sorted(study: "optuna.Study") -> "list[FrozenTrial]":
    """Ended trials: completed ones by value, then pruned ones by how far they came, then failed ones."""
    states = ("COMPLETE", "PRUNED", "FAIL")
    trials = [trial for trial in study.get_trials(deepcopy=False) if trial.state.name in states]
    return sorted(trials, key=lambda t: (states.index(t.state.name), -_steps(t), -_finite(t.value), t.number))


def _steps(trial: "FrozenTrial") -> int:
    return (trial.last_step or 0) if trial.state.name == "PRUNED" else 0


def _finite(value: float | None) -> float:
    return -math.inf if value is None or math.isnan(value) else value


def _state(trial: "FrozenTrial") -> str:
    reason = trial.user_attrs.get(REASON)
    word = {"COMPLETE": "complete", "PRUNED": "pruned", "FAIL": "failed"}[trial.state.name]
    return f"{word}: {reason}" if reason else word


def _outcome(trial: "FrozenTrial") -> str:
    value = f" at {_value(trial)}" if trial.state.name == "PRUNED" else ""
    return _value(trial) if trial.state.name == "COMPLETE" else f"{_state(trial)}{value}"


def _value(trial: "FrozenTrial") -> str:
    return "–" if trial.value is None else f"{trial.value:.4g}"


def _text(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _params(trial: "FrozenTrial") -> str:
    return ", ".join(f"{name.partition('.')[2]} {_text(value)}" for name, value in trial.params.items())


def _short(search: Search, name: str) -> str:
    """The name of an option without its section, if no other has it."""
    option = name.partition(".")[2]
    return name if [p.name.partition(".")[2] for p in search.parameters].count(option) > 1 else option


def _trials_text(search: Search, study: "optuna.Study") -> str:
    names = [p.name for p in search.parameters]
    rows = ([t.number, t.value, *(t.params[name] for name in names), _state(t)] for t in _sorted(study))
    return csv_text(["trial", "value", *names, "state"], rows)


def _best_text(search: Search, study: "optuna.Study", best: "FrozenTrial") -> str:
    config = search.trial_config(best.params, {})
    heading = (
        f"# Trial {best.number} of a search with {len(_sorted(study))}: value {best.value:.6g} ({_params(best)}).\n"
    )
    return heading + dump_yaml(essence(config))


def essence(config: ExperimentConfig) -> Mapping[str, Any]:
    """Sections that give `config`, but for its seed and its directory: without defaults, if these suffice."""
    whole = {section: dict(options) for section, options in config.model_dump(mode="json").items()}
    brief = config.model_dump(mode="json", exclude_defaults=True)
    brief["policy"] = {"name": config.policy.name} | brief.get("policy", {})
    brief["run"] |= {"generations": config.run.generations}
    for sections in (brief, whole):
        for option in ("seed", "directory"):
            sections["run"].pop(option, None)
    changes = {"run.seed": config.run.seed, "run.directory": config.run.directory}
    try:
        suffices = layer_values(brief, changes, default_directory="x") == config
    except UserError:  # values of a preset in place of those left out do not go with the others
        suffices = False
    return {section: options for section, options in (brief if suffices else whole).items() if options}


def _importance_lines(search: Search, study: "optuna.Study") -> list[str]:
    """How much each option decides whether a trial is among the better ones (PED-ANOVA, Watanabe et al. 2023)."""
    from optuna.importance import PedAnovaImportanceEvaluator, get_param_importances

    completed = [trial for trial in study.get_trials(deepcopy=False) if trial.state.name == "COMPLETE"]
    if len(completed) < _FEWEST or len(search.parameters) < 2:
        return []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        shares = get_param_importances(study, evaluator=PedAnovaImportanceEvaluator())
    told = [f"{_short(search, name)} {share:.0%}" for name, share in shares.items()]
    return [f"importance: {', '.join(told)}"]
