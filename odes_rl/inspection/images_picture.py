"""One picture of the inspection of a fitted model of images."""

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from odes_rl.inspection.images import ImageInspection
from odes_rl.inspection.panels import Panel, draw_figure, draw_gradients, draw_norms, weight_panels


def draw_images(inspection: ImageInspection) -> Figure:
    """A figure of four panels: states and gradients through all stages, then kernels."""

    def norms(axes: Axes) -> None:
        draw_norms(axes, inspection.norms[..., None], "test examples")
        axes.set_title("root mean square of hidden images", fontsize="medium")
        axes.set_ylabel("√⟨x²⟩, over test examples")
        _divide(axes, inspection, len(inspection.norms))

    def gradients(axes: Axes) -> None:
        draw_gradients(axes, inspection.ratios, None, "the loss", "L")
        _divide(axes, inspection, len(inspection.ratios))

    panels: list[Panel] = [norms, gradients, *map(_of_kernels, weight_panels(inspection.weights))]
    return draw_figure(panels, f"{inspection.title}; {inspection.norms.shape[1]} test examples")


def _of_kernels(panel: Panel) -> Panel:
    def drawn(axes: Axes) -> None:
        panel(axes)
        if axes.get_title().startswith("distance"):
            axes.set_title("distance of kernels from orthonormal rows", fontsize="medium")
            axes.set_ylabel("max |σ² − 1|")
        else:
            axes.set_title("singular values of kernels", fontsize="medium")
        axes.set_xlabel("kernel through depth")

    return drawn


def _divide(axes: Axes, inspection: ImageInspection, count: int) -> None:
    """A line where each stage ends."""
    for stage in range(1, inspection.stages):
        axes.axvline(stage * count / inspection.stages - 0.5, color="grey", linestyle=":", linewidth=0.8)
