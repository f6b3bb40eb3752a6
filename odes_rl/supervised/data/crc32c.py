"""The checksum CRC-32C (Castagnoli) of bytes, as TFRecord files mask it. Free of JAX."""

from typing import Any

import numpy as np

from odes_rl.act.compilation import compiled

_POLYNOMIAL = 0x82F63B78
"""Of Castagnoli, its bits turned around."""
_MASK = 0xA282EAD8


def _table() -> np.ndarray:
    """[256] uint32 what each byte does to the checksum."""
    values = np.arange(256, dtype=np.uint32)
    for _ in range(8):
        values = np.where(values & 1, (values >> 1) ^ np.uint32(_POLYNOMIAL), values >> 1)
    return values.astype(np.uint32)


_TABLE = _table()


def masked_crc32c(data: bytes | memoryview) -> int:
    """The checksum of `data`, turned by 15 bits and moved by a constant, as it stands behind a record's parts."""
    crc = int(_crc32c(np.frombuffer(data, np.uint8), _TABLE))
    return ((crc >> 15 | crc << 17) + _MASK) & 0xFFFFFFFF


@compiled(nogil=True)
def _crc32c(data: np.ndarray, table: np.ndarray) -> Any:
    crc = np.uint32(0xFFFFFFFF)
    for byte in data:
        crc = table[(crc ^ byte) & np.uint32(0xFF)] ^ (crc >> np.uint32(8))
    return crc ^ np.uint32(0xFFFFFFFF)
