"""Tables as CSV text. Free of JAX."""

import csv
import io
from collections.abc import Iterable


def csv_text(heading: Iterable[object], rows: Iterable[Iterable[object]]) -> str:
    """The table as CSV; numbers in full, nothing for None."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([heading, *rows])
    return text.getvalue()
