"""Rows of preference data as people have them: parquet, arrow, folders of datasets, JSON and JSON lines."""

import gzip
import json
from pathlib import Path

from prefdyn.needed import require
from prefdyn.program import InputError

LONGEST_LINE = 64 << 20  # bytes
_COLUMNAR = (".parquet", ".arrow", ".feather")


def rows_of(path, split=None):
    """Yields (place, row) of a file or folder; a row is a dict, its place FILE:NUMBER."""
    path = Path(path)
    if not path.exists():
        raise InputError(f"{path}: no such file or folder")
    for file in _files_of(path, split):
        for number, row in enumerate(_reader_of(file)(file), 1):
            if not isinstance(row, dict):
                raise InputError(f"{file}:{number}: a {type(row).__name__}, not a row with named columns")
            yield f"{file}:{number}", row


def _files_of(path, split):
    if path.is_file():
        return [path]
    if (path / "dataset_dict.json").is_file():
        splits = _json(path / "dataset_dict.json").get("splits", [])
        if split is None and len(splits) != 1:
            raise InputError(f"{path}: has the splits {', '.join(splits)}", "choose one with --split")
        if (split or splits[0]) not in splits:
            raise InputError(f"{path}: has no split {split}", f"it has {', '.join(splits)}")
        return _files_of(path / (split or splits[0]), None)
    if (path / "state.json").is_file():
        files = [path / each["filename"] for each in _json(path / "state.json")["_data_files"]]
    else:
        files = sorted(each for each in path.rglob("*") if _kind(each) in _READERS)
        if split is not None:
            files = [each for each in files if each.name.startswith(split) or each.parent.name == split]
    if not files:
        raise InputError(f"{path}: holds no data" + (f" of the split {split}" if split else ""),
                         f"known endings: {', '.join(sorted(_READERS))}")
    return files


def _json(path):
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, OSError) as error:
        raise InputError(f"{path}: {error}") from error


def _kind(path):
    endings = "".join(path.suffixes[-2:]).lower()
    return endings if endings in _READERS else path.suffix.lower()


def _reader_of(path):
    kind = _kind(path)
    if kind not in _READERS:
        raise InputError(f"{path}: ends in {kind or 'nothing'}", f"known: {', '.join(sorted(_READERS))}")
    return _READERS[kind]


def _parquet(path):
    require("pyarrow")
    import pyarrow
    import pyarrow.parquet
    try:
        for batch in pyarrow.parquet.ParquetFile(path).iter_batches(batch_size=1000):
            yield from batch.to_pylist()
    except pyarrow.ArrowException as error:
        raise InputError(f"{path}: not a readable parquet file: {error}") from error


def _arrow(path):
    """The stream form that datasets are saved in, or the file form (feather)."""
    require("pyarrow")
    import pyarrow
    try:
        with pyarrow.memory_map(str(path)) as source:
            try:
                reader = pyarrow.ipc.open_stream(source)
            except pyarrow.ArrowInvalid:
                whole = pyarrow.ipc.open_file(source)
                reader = (whole.get_batch(k) for k in range(whole.num_record_batches))
            for batch in reader:
                yield from batch.to_pylist()
    except pyarrow.ArrowException as error:
        raise InputError(f"{path}: not a readable arrow file: {error}") from error


def _json_array(path):
    with _opened(path) as stream:
        try:
            rows = json.load(stream)
        except ValueError as error:
            raise InputError(f"{path}: not JSON: {error}", "one object a line is .jsonl") from error
    if isinstance(rows, dict):
        lists = [value for value in rows.values() if isinstance(value, list)]
        rows = lists[0] if len(lists) == 1 else None
    if not isinstance(rows, list):
        raise InputError(f"{path}: no array of rows")
    yield from rows


def _json_lines(path):
    with _opened(path) as stream:
        number = 0
        while line := stream.readline(LONGEST_LINE):
            number += 1
            if len(line) == LONGEST_LINE:
                raise InputError(f"{path}:{number}: longer than {LONGEST_LINE >> 20} MiB")
            if not line.strip():
                continue
            try:
                yield json.loads(line)
            except ValueError as error:
                raise InputError(f"{path}:{number}: not JSON: {error}") from error


def _opened(path):
    """UTF-8 text of a file, unpacked by its ending, without a byte order mark."""
    import io
    if path.suffix == ".gz":
        return gzip.open(path, "rt", encoding="utf-8-sig")
    if path.suffix == ".zst":
        require("zstandard")
        import zstandard
        return io.TextIOWrapper(zstandard.ZstdDecompressor().stream_reader(path.open("rb"), closefd=True),
                                encoding="utf-8-sig")
    return path.open(encoding="utf-8-sig")


_READERS = {".parquet": _parquet, ".arrow": _arrow, ".feather": _arrow,
            **{f".json{packed}": _json_array for packed in ("", ".gz", ".zst")},
            **{f".{name}{packed}": _json_lines for name in ("jsonl", "ndjson") for packed in ("", ".gz", ".zst")}}
