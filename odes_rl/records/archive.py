"""One pytree of arrays on disk, through orbax, with a digest of every file."""

import hashlib
import json
import logging
import os
import re
from pathlib import Path
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
import numpy as np

from odes_rl.errors import UserError, one_line
from odes_rl.records.files import FULL

Tree = TypeVar("Tree")
_MANIFEST = "manifest.json"
_ROOM = 2**18
"""Bytes that a checkpoint takes besides its arrays, at the most."""
_SYSTEM_ERROR = re.compile(r"os_error_code='(\d+)'")


class DamagedArchiveError(Exception):
    """Files are missing, cut or changed."""


def write_archive(path: Path, tree: Any) -> None:
    """Write `tree`, a pytree of JAX or NumPy arrays and numbers, to the new directory `path`.

    The manifest, with the SHA-256 of each file, comes last: orbax reads a cut chunk as zeros in silence.

    Raises:
        OSError: if the files cannot be written, as on a full disk.
    """
    path.mkdir(parents=True)
    arrays = {name: array for name, array in _named_arrays(tree).items() if array.size}
    if arrays:
        _write_arrays(path / "state", arrays)
    manifest = {"arrays": _signature(tree), "files": _digests(path)}
    (path / _MANIFEST).write_text(json.dumps(manifest), encoding="utf-8")


def read_archive(path: Path, like: Tree) -> Tree:
    """The tree at `path`, each leaf of the kind found in `like`: JAX array, typed key, NumPy array, number.

    Raises:
        DamagedArchiveError: if any byte differs from what was written, or files vanish meanwhile.
        UserError: if names, shapes or dtypes are not those of `like`.
    """
    manifest = _read_manifest(path)
    _check_files(path, manifest)
    _check_signature(path, manifest["arrays"], _signature(like))
    arrays = _read_arrays(path) if (path / "state").exists() else {}
    _check_files(path, manifest)  # a trainer may have removed files in between, and orbax reads those as zeros too
    leaves, structure = jax.tree_util.tree_flatten_with_path(like)
    restored = [_like_leaf(arrays.get(jax.tree_util.keystr(key)), leaf) for key, leaf in leaves]
    return jax.tree_util.tree_unflatten(structure, restored)


def _write_arrays(path: Path, arrays: dict[str, np.ndarray]) -> None:
    import orbax.checkpoint as ocp  # slow to import

    # orbax logs what its threads raise, with tracebacks, and then raises it here too.
    logger = logging.getLogger("absl")
    disabled, logger.disabled = logger.disabled, True
    try:
        _reserve(path, arrays)
        with ocp.Checkpointer(ocp.PyTreeCheckpointHandler()) as checkpointer:
            checkpointer.save(path.resolve(), args=ocp.args.PyTreeSave(arrays))  # pyright: ignore
    except ValueError as error:  # tensorstore's name for what the system refused
        number = _SYSTEM_ERROR.search(str(error))
        if number is None:
            raise
        raise OSError(int(number[1]), os.strerror(int(number[1])), str(path)) from error
    finally:
        logger.disabled = disabled


def _reserve(path: Path, arrays: dict[str, np.ndarray]) -> None:
    """Find out that there is no room before orbax does: its threads tell it by a hundred tracebacks."""
    if not hasattr(os, "posix_fallocate"):
        return
    probe = path.with_name("room")
    try:
        with probe.open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, _ROOM + sum(array.nbytes for array in arrays.values()))
    except OSError as error:
        if error.errno in FULL:  # otherwise the file system cannot tell
            raise
    finally:
        probe.unlink(missing_ok=True)


def _read_arrays(path: Path) -> dict[str, np.ndarray]:
    import orbax.checkpoint as ocp

    try:
        with ocp.Checkpointer(ocp.PyTreeCheckpointHandler()) as checkpointer:
            return checkpointer.restore((path / "state").resolve())
    except (OSError, ValueError) as error:
        raise DamagedArchiveError(f"it cannot be read: {one_line(error)}") from error


def _named_arrays(tree: Any) -> dict[str, np.ndarray]:
    leaves, _ = jax.tree_util.tree_flatten_with_path(tree)
    return {jax.tree_util.keystr(key): _to_numpy(leaf) for key, leaf in leaves}


def _is_typed_key(leaf: Any) -> bool:
    return isinstance(leaf, jax.Array) and jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key)


def _to_numpy(leaf: Any) -> np.ndarray:
    return np.asarray(jax.random.key_data(leaf) if _is_typed_key(leaf) else leaf)


def _like_leaf(array: np.ndarray | None, leaf: Any) -> Any:
    value = _to_numpy(leaf) if array is None else array  # arrays without entries are not stored
    if _is_typed_key(leaf):
        return jax.random.wrap_key_data(jnp.asarray(value), impl=jax.random.key_impl(leaf))
    if isinstance(leaf, jax.Array):
        return jnp.asarray(value)
    return value if isinstance(leaf, np.ndarray) else type(leaf)(value[()])


def _signature(tree: Any) -> dict[str, str]:
    return {name: f"{array.dtype}{list(array.shape)}" for name, array in _named_arrays(tree).items()}


def _check_signature(path: Path, found: dict[str, str], wanted: dict[str, str]) -> None:
    for name in [*wanted, *found]:
        if found.get(name) != wanted.get(name):
            there, here = found.get(name, "absent"), wanted.get(name, "absent")
            raise UserError(
                f"checkpoint {str(path)!r} is of another configuration: {name} is {there} in it, "
                f"{here} in the run; restore the run's own config.yaml"
            )


def _check_files(path: Path, manifest: dict[str, Any]) -> None:
    try:
        intact = manifest.get("files") == _digests(path)
    except OSError as error:
        raise DamagedArchiveError(f"it cannot be read: {error.strerror}") from error
    if not intact:
        raise DamagedArchiveError("its files differ from what was written")


def _digests(path: Path) -> dict[str, str]:
    files = sorted(p for p in path.rglob("*") if p.is_file() and p.name != _MANIFEST)
    return {str(p.relative_to(path)): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}


def _read_manifest(path: Path) -> dict[str, Any]:
    try:
        manifest = json.loads((path / _MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        raise DamagedArchiveError("its manifest is missing or cut") from None
    if not isinstance(manifest, dict):
        raise DamagedArchiveError("its manifest is no mapping")
    return manifest
