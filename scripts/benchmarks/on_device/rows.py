"""The rows of the tables of `sheet`: of each stage, from its outcomes with figures, and the results of all stages."""

from collections.abc import Iterable, Sequence
from typing import Any

Outcomes = list[dict[str, Any]]
Row = Sequence[str]
NONE = "–"


def machine(outcomes: Outcomes, _: Any) -> Iterable[Row]:
    """The device: how many and which, memory, bandwidth."""
    for figures in _figures(outcomes):
        memory = figures["memory"]
        device = f"{figures['devices']} × {figures['device']} ({figures['platform']})"
        yield [device, f"{memory / 1e9:.1f}" if memory else NONE, _number(figures.get("bandwidth"), 1e9, ",.1f")]


def parity(outcomes: Outcomes, _: Any) -> Iterable[Row]:
    """Differences of a task."""
    for outcome in outcomes:
        figures = outcome["figures"]
        differences = [f"{figures[name]:.1e}" for name in ("observation", "reward")]
        ends = f"{figures['ends']} of {figures['over']}"
        yield [outcome["cell"]["task"], str(figures["steps"]), *differences, ends, "yes" if figures["agrees"] else "no"]


def weights(outcomes: Outcomes, _: Any) -> Iterable[Row]:
    """Differences of a hidden size."""
    for outcome in outcomes:
        figures = outcome["figures"]
        yield [str(outcome["cell"]["hidden"]), f"{figures['difference']:.1e}", f"{figures['precise']:.1e}"]


def compiled(outcomes: Outcomes, _: Any) -> Iterable[Row]:
    """What a first run spent on compiling."""
    for outcome in outcomes:
        cell, spent = outcome["cell"]["cell"], outcome.get("compiling")
        if spent:
            yield [outcome["cell"]["of"], cell["task"], f"{cell['candidates']:,}", *_spent(spent)]


def throughput(outcomes: Outcomes, _: Any) -> Iterable[Row]:
    """By task, then by the number of candidates; `processes` of a task are what its other rows are divided by."""
    tasks = list(dict.fromkeys(outcome["cell"]["task"] for outcome in outcomes))
    order = {"processes": 0, "mjx": 1}
    beside = {
        outcome["cell"]["task"]: outcome["figures"].get("rate")
        for outcome in outcomes
        if outcome["cell"]["backend"] == "processes"
    }
    for outcome in sorted(
        outcomes,
        key=lambda one: (tasks.index(one["cell"]["task"]), order[one["cell"]["backend"]], one["cell"]["candidates"]),
    ):
        cell, figures = outcome["cell"], outcome["figures"]
        rate, processes = figures.get("rate"), beside.get(cell["task"])
        yield [
            *(cell["task"], cell["backend"], f"{cell['candidates']:,}", _number(rate, 1, ",.0f")),
            f"{rate / processes:.2f}" if rate and processes else NONE,
            *(_number(figures.get("at_once"), 1, ",d"), _number(figures.get("bytes"), 1e9, ".2f")),
            _number(figures.get("start"), 1e-6, ",.0f"),
            *_spent(outcome.get("compiling") if cell["backend"] == "mjx" else None),
        ]


def bits(outcomes: Outcomes, _: Any) -> Iterable[Row]:
    """Of all flags of the compiler: seconds, and whether digests are the same in one process, and in both."""
    answers = {True: "yes", False: "no", None: NONE}
    for flags in dict.fromkeys(outcome["cell"]["flags"] for outcome in outcomes):
        found = [outcome for outcome in outcomes if outcome["cell"]["flags"] == flags]
        cell, both = found[0]["cell"], _figures(found)
        row = [cell["task"], f"{cell['candidates']:,}", flags or NONE, f"{min(one['seconds'] for one in both):.2f}"]
        for name in ("weights", "episodes", "updates"):
            here = all(len(set(one[name])) == 1 for one in both)
            elsewhere = str(both[0][name]) == str(both[1][name]) if len(both) > 1 else None
            row += [answers[here], answers[elsewhere]]
        yield row


def learner(outcomes: Outcomes, results: Any) -> Iterable[Row]:
    """Milliseconds, and bytes a second as a share of a copy's."""
    bandwidth = next((one["figures"].get("bandwidth") for one in results.get("machine", {}).get("cells", [])), None)
    for outcome in sorted(outcomes, key=lambda one: (one["cell"]["hidden"], one["cell"]["population"])):
        figures = outcome["figures"]
        row = [str(outcome["cell"]["hidden"]), f"{outcome['cell']['population']:,}"]
        for name in ("ask", "materialise", "tell"):
            row.append(f"{1e3 * figures[name]:.2f}")
            row.append(f"{figures['moved'][name] / figures[name] / bandwidth:.1%}" if bandwidth else NONE)
        yield [*row, f"{figures['bytes'] / 1e9:.2f}"]


def inference(outcomes: Outcomes, _: Any) -> Iterable[Row]:
    """Rates of both ways, and their ratio."""
    for figures in _figures(outcomes):
        rates = [f"{figures[name]:,.0f}" for name in ("workers", "device")]
        yield [str(figures["hidden"]), f"{figures['population']:,}", *rates, f"{figures['device_over_workers']:.2f}"]


def training(outcomes: Outcomes, _: Any) -> Iterable[Row]:
    """How far each training came."""
    for outcome in outcomes:
        cell, figures = outcome["cell"], outcome["figures"]
        scores = [score for _, _, score in figures["evaluations"]]
        yield [
            *(cell["task"], f"{cell['candidates']:,}", str(figures["generations"]), f"{figures['env_steps']:,}"),
            *(_number(figures["seconds"], 1, ",.0f"), _number(figures["rate"], 1, ",.0f")),
            *(f"{scores[0]:,.0f}" if scores else NONE, f"{max(scores):,.0f}" if scores else NONE),
        ]


def _figures(outcomes: Outcomes) -> list[dict[str, Any]]:
    return [outcome["figures"] for outcome in outcomes]


def _number(value: float | None, unit: float, form: str) -> str:
    return NONE if value is None else format(value if unit == 1 else value / unit, form)


def _spent(compiling: dict[str, Any] | None) -> Row:
    if compiling is None:
        return [NONE] * 3
    traced = compiling["trace"] + compiling["lower"]
    return [
        f"{traced:.1f}",
        f"{compiling['compile']:.1f}",
        f"{compiling['kept']} of {compiling['kept'] + compiling['new']}",
    ]
