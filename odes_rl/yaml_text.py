"""YAML as configs are written in it: plain numbers and words mean what they look like, no key stands twice.

YAML 1.1, PyYAML's own, reads 1e-3 as text, 0777 as 511, 1:30 as 90, `no` as false and 2026-01-01 as a date. Here a
plain value follows the core schema of YAML 1.2.2, §10.3; underscores in numbers, and merges (`<<`), are kept. Free of
JAX.
"""

import re
from pathlib import Path
from typing import Any

import yaml

from odes_rl.errors import UserError, one_line

_TAG = "tag:yaml.org,2002:"
_INT = r"[-+]?\d[\d_]*|0o[0-7_]+|0x[\da-fA-F_]+"
_FLOAT = r"[-+]?(\.\d[\d_]*|\d[\d_]*(\.[\d_]*)?)([eE][-+]?\d+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)"  # after integers
_PLAIN = {
    "null": (r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    "bool": (r"true|True|TRUE|false|False|FALSE", list("tTfF")),
    "int": (_INT, list("-+0123456789")),
    "float": (_FLOAT, list("-+.0123456789")),
    "merge": ("<<", ["<"]),
}
"""Types of plain values, of which the first match counts: pattern, and first characters."""


class _Loader(yaml.SafeLoader):
    yaml_implicit_resolvers = {}  # noqa: RUF012 - PyYAML's, of which none is taken over

    def compose_mapping_node(self, anchor: Any) -> Any:
        node = super().compose_mapping_node(anchor)
        lines: dict[str, int] = {}
        for key, _ in node.value:
            name, line = str(key.value), key.start_mark.line + 1
            if name in lines:
                raise UserError(f"{name!r} is given twice, in line {lines[name]} and in line {line}: keep one of them")
            lines[name] = line
        return node


class _Dumper(yaml.SafeDumper):
    """Puts into quotes what is text and would be read as something else, here or by a reader of YAML 1.1."""


def _construct_int(loader: yaml.SafeLoader, node: Any) -> int:
    text = node.value.replace("_", "")
    return int(text, {"0o": 8, "0x": 16}.get(text[:2], 10))


for _name, (_pattern, _first) in _PLAIN.items():
    for _class in (_Loader, _Dumper):
        _class.add_implicit_resolver(_TAG + _name, re.compile(f"(?:{_pattern})\\Z"), _first)
_Loader.add_constructor(_TAG + "int", _construct_int)


def parse_yaml(text: str) -> Any:
    """The value that is written in `text`.

    Raises:
        UserError: if it is no YAML, or a mapping has a key twice; names the line.
    """
    try:
        return yaml.load(text, _Loader)
    except UserError:
        raise
    except yaml.MarkedYAMLError as error:
        line = f"line {error.problem_mark.line + 1}: " if error.problem_mark else ""
        hint = "; indent with spaces, not with tabs" if "\\t" in str(error.problem) else ""
        context = f" {one_line(error.context)}" if error.context else ""
        raise UserError(f"not YAML: {line}{one_line(error.problem)}{context}{hint}") from None
    except (KeyError, AttributeError):
        raise UserError("not YAML: a value does not suit the tag before it, as in `!!bool 3`") from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise UserError(f"not YAML: {one_line(error)}") from None


def dump_yaml(content: Any) -> str:
    """The text from which `parse_yaml` makes `content` again."""
    return yaml.dump(content, Dumper=_Dumper, sort_keys=False)


def read_yaml(path: str | Path) -> dict[Any, Any]:
    """The mapping in the YAML file at `path`.

    Raises:
        UserError: no such file, no YAML, a key given twice, no mapping.
    """
    try:
        content = parse_yaml(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"cannot read the config {str(path)!r}: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise UserError(f"{str(path)!r} is not YAML in UTF-8: {one_line(error)}") from None
    except UserError as error:
        raise UserError(f"{str(path)!r}: {error}") from None
    if not isinstance(content, dict):
        kind = "nothing" if content is None else f"a value of type {type(content).__name__}"
        raise UserError(f"{str(path)!r} holds {kind}, but must be a mapping from sections to options")
    return content
