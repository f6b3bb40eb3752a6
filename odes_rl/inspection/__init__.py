"""A look into a policy or a fitted model: its weights, its states and its gradients through depth."""

from typing import TYPE_CHECKING

from odes_rl.lazy import lazy_names

if TYPE_CHECKING:
    from odes_rl.inspection.depth import Bounds, gradient_bounds, gradient_norms, inside
    from odes_rl.inspection.fitted import FittedInspection, look_into_fit
    from odes_rl.inspection.fitted_picture import draw_fitted
    from odes_rl.inspection.images import ImageInspection, look_into_images
    from odes_rl.inspection.images_picture import draw_images
    from odes_rl.inspection.layerwise import Depth, look_through
    from odes_rl.inspection.look import Inspection, look_into
    from odes_rl.inspection.picture import draw_inspection
    from odes_rl.inspection.videos import VideoInspection, look_into_videos
    from odes_rl.inspection.videos_picture import draw_videos, write_film

__all__ = [
    "Bounds",
    "Depth",
    "FittedInspection",
    "ImageInspection",
    "Inspection",
    "VideoInspection",
    "draw_fitted",
    "draw_images",
    "draw_inspection",
    "draw_videos",
    "gradient_bounds",
    "gradient_norms",
    "inside",
    "look_into",
    "look_into_fit",
    "look_into_images",
    "look_into_videos",
    "look_through",
    "write_film",
]
_HOMES = {
    **dict.fromkeys(("Bounds", "gradient_bounds", "gradient_norms", "inside"), "odes_rl.inspection.depth"),
    **dict.fromkeys(("FittedInspection", "look_into_fit"), "odes_rl.inspection.fitted"),
    "draw_fitted": "odes_rl.inspection.fitted_picture",
    **dict.fromkeys(("ImageInspection", "look_into_images"), "odes_rl.inspection.images"),
    "draw_images": "odes_rl.inspection.images_picture",
    **dict.fromkeys(("Depth", "look_through"), "odes_rl.inspection.layerwise"),
    **dict.fromkeys(("Inspection", "look_into"), "odes_rl.inspection.look"),
    "draw_inspection": "odes_rl.inspection.picture",
    **dict.fromkeys(("VideoInspection", "look_into_videos"), "odes_rl.inspection.videos"),
    **dict.fromkeys(("draw_videos", "write_film"), "odes_rl.inspection.videos_picture"),
}
"""The module of each public name; they are imported when they are asked for, because Matplotlib is slow to import."""
__getattr__, __dir__ = lazy_names(__name__, _HOMES)
