"""Theorem 1 of Choromanski et al. 2020: how fast Riemannian gradients of ODEtoODE fall, whatever its depth."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from odes_rl.reports import COLOURS, draw_band, draw_line, dress_panel
from odes_rl.studies import Findings, StudyFamily, Tell
from odes_rl_studies.ascents import Ascent, Gradient, Theorem1Config, ascend
from odes_rl_studies.smooth_tasks import TaskName

Case = tuple[TaskName, Gradient]


def theorem1(config: Theorem1Config, tell: Tell) -> Findings:
    """Ascend at each depth, and set the smallest squared gradient norm so far beside the theorem's rate."""
    found: dict[Case, dict[int, Ascent]] = {}
    for task in config.tasks:
        for gradient in config.gradients:
            ascents = found[task, gradient] = {}
            for depth in config.depths:
                ascents[depth] = ascend(depth, task, gradient, config)
                last = ascents[depth].returns[:, -1].mean()
                tell(f"{task}, {gradient}, {depth} steps: mean return {last:.4g}")
    heading = (
        "task",
        "gradient",
        "steps L",
        "slope of the least square",
        "first ‖∇‖²",
        "least ‖∇‖²",
        "largest √τ min ‖∇‖²",
        "noise",
        "return at start",
        "return at end",
        "violation",
    )
    rows = [(*case, *_row(depth, ascent)) for case, ascents in found.items() for depth, ascent in ascents.items()]
    notes = (
        "The theorem bounds the least ‖∇‖² from above, by C τ^(−1/2 + ε) with one C for all L: steeper agrees with it.",
        "Slopes are fitted from a tenth of the iterations on; ∇ is measured by the entries of its tangent coordinates.",
        f"`estimated`: steps along the estimate of ∇F_σ from {config.population} rollouts in pairs, σ = "
        f"{config.sigma:g}; ‖∇‖² is that of ∇F_σ itself, a mean of {config.draws} exact gradients. `noise` is the "
        "squared distance between both, in ‖∇F_σ‖², the median over iterations. `exact`: ∇F, σ is zero.",
    )
    return Findings(heading, rows, _draw(found), notes)


def least(squares: np.ndarray) -> np.ndarray:
    """[…, D] the smallest of `squares` [..., D] so far."""
    return np.minimum.accumulate(squares, axis=-1)


def slope(values: np.ndarray) -> float:
    """The slope of log `values` [D] by the logarithm of their numbers 1..D, from a tenth of them on."""
    numbers = np.arange(1, values.size + 1)
    late = numbers >= max(1, values.size // 10)
    return float(np.polyfit(np.log(numbers[late]), np.log(values[late]), 1)[0])


def _row(depth: int, found: Ascent) -> tuple[object, ...]:
    falling = least(found.squares)
    numbers = np.arange(1, falling.shape[1] + 1)
    return (
        depth,
        slope(np.exp(np.log(falling).mean(axis=0))),
        float(falling[:, 0].mean()),
        float(falling[:, -1].mean()),
        float((np.sqrt(numbers) * falling).max()),
        float(np.median(found.noise)),
        float(found.returns[:, 0].mean()),
        float(found.returns[:, -1].mean()),
        float(found.violations.max()),
    )


def _draw(found: dict[Case, dict[int, Ascent]]) -> Figure:
    figure = Figure(figsize=(1.2 + 3.6 * len(found), 3.8), layout="constrained")
    panels = figure.subplots(1, len(found), squeeze=False, sharey=True)[0]
    for axes, ((task, gradient), ascents) in zip(panels, found.items(), strict=True):
        _draw_case(axes, ascents)
        axes.set(title=f"{task}, {gradient} gradient", xlabel="iteration τ")
    panels[0].set_ylabel("smallest squared gradient norm so far")
    panels[0].legend(frameon=False, loc="lower left")
    return figure


def _draw_case(axes: Axes, ascents: dict[int, Ascent]) -> None:
    numbers = np.arange(1, next(iter(ascents.values())).squares.shape[1] + 1)
    axes.set(xscale="log", yscale="log")
    for index, (depth, found) in enumerate(ascents.items()):
        falling = least(found.squares)
        draw_band(axes, numbers, falling.min(axis=0), falling.max(axis=0), index)
        draw_line(axes, numbers, np.exp(np.log(falling).mean(axis=0)), f"L = {depth}", index)
    highest = max(float((np.sqrt(numbers) * least(found.squares)).max()) for found in ascents.values())
    axes.plot(numbers, highest / np.sqrt(numbers), color=COLOURS[-1], linestyle=(0, (1, 1)), label="$C\\,\\tau^{-1/2}$")
    dress_panel(axes)


STUDY = StudyFamily(Theorem1Config, theorem1)
