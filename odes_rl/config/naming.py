"""Names of the files and directories that stand for labels. Free of JAX."""

import re


def file_name(label: str) -> str:
    """The file or directory that stands for a label."""
    return re.sub(r"[^\w.+-]+|^\.+$", "_", label)
