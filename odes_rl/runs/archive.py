"""One pytree of arrays in a directory: the arrays as a NumPy archive, and a manifest with their digest."""

import hashlib
import io
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
import numpy as np

from odes_rl.errors import UserError

Tree = TypeVar("Tree")
_ARRAYS = "arrays.npz"
_MANIFEST = "manifest.json"


class DamagedArchiveError(Exception):
    """Files are missing, cut or changed."""


class OtherSignatureError(UserError):
    """The arrays of an archive are not those that are asked for; the first that differs, and what it is."""

    def __init__(self, path: Path, name: str, there: str, here: str) -> None:
        self.name, self.there, self.here = name, there, here
        super().__init__(
            f"checkpoint {str(path)!r} is of another configuration: {name} is {there} in it, "
            f"{here} in the run; restore the run's own config.yaml"
        )


def write_archive(path: Path, tree: Any) -> None:
    """Write `tree`, a pytree of JAX or NumPy arrays and numbers, to the new directory `path`.

    The manifest holds the arrays' names, dtypes and shapes, and the SHA-256 of the file that holds them.

    Raises:
        OSError: if the files cannot be written, as on a full disk.
    """
    arrays = named_arrays(tree)
    content = io.BytesIO()
    # By number: a name in a pytree may hold what no file name can.
    numbered: dict[str, Any] = {str(number): array for number, array in enumerate(arrays.values())}
    np.savez(content, **numbered)
    digest = hashlib.sha256(content.getbuffer()).hexdigest()
    manifest = json.dumps({"arrays": _signature(tree), "sha256": digest}, indent=1)
    path.mkdir(parents=True)
    _write(path / _ARRAYS, content.getbuffer())
    _write(path / _MANIFEST, manifest.encode())


def read_archive(path: Path, like: Tree, within: tuple[str, ...] = ("",)) -> Tree:
    """The tree at `path`, each leaf of the kind found in `like`: JAX array, typed key, NumPy array, number.

    A JAX array's shape and dtype (`jax.ShapeDtypeStruct`) do in its place. Arrays whose names begin otherwise than
    `within` says are left alone; `like` has none of them.

    Raises:
        DamagedArchiveError: if any byte of an array differs from what was written, or files vanish meanwhile.
        OtherSignatureError: if names, shapes or dtypes are not those of `like`.
        UserError: if an earlier version wrote it.
    """
    manifest = _read_manifest(path)
    content = _read(path / _ARRAYS)
    if hashlib.sha256(content).hexdigest() != manifest.get("sha256"):
        raise DamagedArchiveError("its arrays do not match their digest")
    asked = {name: kind for name, kind in manifest["arrays"].items() if name.startswith(within)}
    _check_signature(path, asked, _signature(like))
    with np.load(io.BytesIO(content), allow_pickle=False) as file:
        arrays = {name: file[str(number)] for number, name in enumerate(manifest["arrays"]) if name in asked}
    return _like_tree(arrays, like)


def named_arrays(tree: Any) -> dict[str, np.ndarray]:
    """The leaves of `tree`, by their places in it (`jax.tree_util.keystr`)."""
    leaves, _ = jax.tree_util.tree_flatten_with_path(tree)
    return {jax.tree_util.keystr(key): _to_numpy(leaf) for key, leaf in leaves}


def tree_like(path: Path, arrays: Mapping[str, np.ndarray], like: Tree) -> Tree:
    """The tree whose `named_arrays` are `arrays`, read from `path`; each leaf of the kind found in `like`.

    Raises:
        OtherSignatureError: if names, shapes or dtypes are not those of `like`.
    """
    _check_signature(path, {name: _kind(array) for name, array in arrays.items()}, _signature(like))
    return _like_tree(arrays, like)


def _like_tree(arrays: Mapping[str, np.ndarray], like: Tree) -> Tree:
    leaves, structure = jax.tree_util.tree_flatten_with_path(like)
    restored = [_like_leaf(arrays[jax.tree_util.keystr(key)], leaf) for key, leaf in leaves]
    return jax.tree_util.tree_unflatten(structure, restored)


def _write(path: Path, content: bytes | memoryview) -> None:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise DamagedArchiveError(f"{path.name} cannot be read: {error.strerror}") from error


def _read_manifest(path: Path) -> dict[str, Any]:
    try:
        manifest = json.loads(_read(path / _MANIFEST))
    except ValueError:
        raise DamagedArchiveError("its manifest is incomplete") from None
    if not isinstance(manifest, dict) or not isinstance(manifest.get("arrays"), dict):
        raise DamagedArchiveError("its manifest is not that of a checkpoint")
    if "files" in manifest:
        raise UserError(
            f"checkpoint {str(path)!r} was written by odes_rl 0.1, in a format that this version does not read: "
            "use that version, or train again"
        )
    return manifest


def _is_jax(leaf: Any) -> bool:
    return isinstance(leaf, jax.Array | jax.ShapeDtypeStruct)


def _is_typed_key(leaf: Any) -> bool:
    return _is_jax(leaf) and jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key)


def _to_numpy(leaf: Any) -> np.ndarray:
    return np.asarray(jax.random.key_data(leaf) if _is_typed_key(leaf) else leaf)


def _like_leaf(array: np.ndarray, leaf: Any) -> Any:
    if _is_typed_key(leaf):
        return jax.random.wrap_key_data(jnp.asarray(array))
    if _is_jax(leaf):
        return jnp.asarray(array.view(leaf.dtype))  # of bfloat16, NumPy stores the bytes alone
    return array if isinstance(leaf, np.ndarray) else type(leaf)(array[()])


def _signature(tree: Any) -> dict[str, str]:
    leaves, _ = jax.tree_util.tree_flatten_with_path(tree)
    return {jax.tree_util.keystr(key): _kind(leaf) for key, leaf in leaves}


def _kind(leaf: Any) -> str:
    shaped = jax.eval_shape(jax.random.key_data, leaf) if _is_typed_key(leaf) else leaf
    array = shaped if _is_jax(shaped) else np.asarray(shaped)
    return f"{array.dtype}{list(array.shape)}"


def _check_signature(path: Path, found: dict[str, str], wanted: dict[str, str]) -> None:
    for name in [*wanted, *found]:
        if found.get(name) != wanted.get(name):
            raise OtherSignatureError(path, name, found.get(name, "absent"), wanted.get(name, "absent"))
