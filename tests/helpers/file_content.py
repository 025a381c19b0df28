"""What a file holds, whatever it is compressed with."""

import gzip

from pyarrow import parquet


def content(path):
    if path.suffix == ".parquet":
        return str(parquet.ParquetFile(path).read().to_pylist())
    raw = path.read_bytes()
    return (gzip.decompress(raw) if path.suffix == ".gz" else raw).decode("latin-1")
