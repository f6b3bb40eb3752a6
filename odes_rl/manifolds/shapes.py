"""Checks of shapes."""


def require_matrices(shape: tuple[int, ...]) -> None:
    """Check that `shape` is that of matrices.

    Raises:
        ValueError: if it is not.
    """
    if len(shape) < 2:
        raise ValueError(f"shape is {shape}, but these points are matrices: give (p, q)")


def require_square(shape: tuple[int, ...], kind: str) -> None:
    """Check that `shape` is that of square matrices.

    Raises:
        ValueError: if it is not; `kind` names the matrices.
    """
    if len(shape) < 2 or shape[-2] != shape[-1]:
        raise ValueError(f"shape is {shape}, but {kind} matrices are square: give (d, d), or use Stiefel")
