"""Images that are stored as JPEG files, one behind the other."""

import io
from itertools import pairwise

import numpy as np

from odes_rl.errors import UserError
from odes_rl.extras import required


def decoded(where: str, content: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    """[n, h, w, 3] uint8 the images i that are files `content[offsets[i]:offsets[i + 1]]`, all of one size.

    Raises:
        UserError: if a file cannot be decoded, they differ in size, the offsets do not fit, the arrays are of other
            types, or Pillow is missing.
    """
    with required(f"{where}: JPEG files"):
        from PIL import Image

    if content.ndim != 1 or content.dtype != np.uint8 or offsets.ndim != 1 or offsets.dtype.kind not in "iu":
        raise UserError(
            f"{where}: JPEG files are {content.dtype} of shape {content.shape} and offsets {offsets.dtype} of shape "
            f"{offsets.shape}, but must be uint8 [bytes] and whole numbers [n + 1]"
        )
    offsets = offsets.astype(np.int64)
    if len(offsets) < 2 or offsets[0] < 0 or np.any(np.diff(offsets) <= 0) or offsets[-1] > content.size:
        raise UserError(
            f"{where}: offsets do not rise from 0 to the {content.size} bytes of its JPEG files: fetch it again"
        )
    images: list[np.ndarray] = []
    for index, (start, end) in enumerate(pairwise(offsets)):
        try:
            with Image.open(io.BytesIO(content[start:end].tobytes())) as image:
                images.append(np.asarray(image.convert("RGB")))
        except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
            raise UserError(f"{where}: image {index} is no JPEG file: {error}; fetch it again") from None
        if images[-1].shape != images[0].shape:
            sizes = f"{images[0].shape[:2]} and {images[-1].shape[:2]}"
            raise UserError(f"{where}: images 0 and {index} are {sizes}: make all images the same size")
    return np.stack(images)
