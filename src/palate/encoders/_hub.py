"""Where a hub model lies on this machine, which of its files are read, and what pins them.

A model is `org/name`, `org/name@revision`, or the path of a folder in the hub's layout (`./x`, `/x`, `~/x`, `file:x`).
Only JSON, text, tokenizer files and safetensors are read: no code of the model is run, and no pickle is opened.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any, NoReturn

from palate.core.errors import ConfigError, WeightsError, missing_extra
from palate.core.fingerprint import file_fingerprint, fingerprint
from palate.core.progress import progress
from palate.core.types import JSON

SECONDS = 10.0
"""How long the hub may take to answer before the copy in the cache is used."""
_CONFIGS = {
    "config.json", "preprocessor_config.json", "processor_config.json", "modules.json",
    "config_sentence_transformers.json", "sentence_bert_config.json", "tokenizer.json", "tokenizer_config.json",
    "special_tokens_map.json", "added_tokens.json", "vocab.txt", "vocab.json", "merges.txt", "bpe.codes",
}  # fmt: skip
_SHARD = re.compile(r"model-\d+-of-\d+\.safetensors")
_MODULE = re.compile(r"\d+_\w+")
"""The folder of one step of a sentence-transformers model, as in 1_Pooling."""
_NAME = re.compile(r"[\w.-]+(/[\w.-]+)?")
_COMMIT = re.compile(r"[0-9a-f]{40}")


@dataclass(frozen=True)
class HubModel:
    """A model's files, all of one version."""

    name: str
    """What a person calls it: `org/name`, or the folder's path."""
    folder: Path
    commit: str | None = None
    """The version on the hub; None for a folder."""

    @property
    def pinned(self) -> str:
        """What finds the same version again: `org/name@commit`, or the folder's path."""
        return self.name if self.commit is None else f"{self.name}@{self.commit}"

    @cached_property
    def files(self) -> list[str]:
        """The files that are read, as paths inside the folder, sorted."""
        found = [path for level in ("*", "*/*") for path in self.folder.glob(level) if path.is_file()]
        return wanted(path.relative_to(self.folder).as_posix() for path in found)

    @cached_property
    def digest(self) -> str:
        """Digest of the weights and of all other files that are read."""
        return fingerprint({name: _file_digest(self.folder / name) for name in self.files})

    def read_json(self, name: str) -> Any:
        """Return what a JSON file of the folder holds; None where there is no such file.

        Raises:
            WeightsError: it is damaged.
        """
        if name not in self.files:
            return None
        try:
            return json.loads((self.folder / name).read_text(encoding="utf-8"))
        except ValueError as error:
            raise WeightsError(
                f"{name} of the model {self.name} is not JSON ({error}): fetch the model again"
            ) from error

    @cached_property
    def steps(self) -> list[dict[str, JSON]]:
        """The steps of a sentence-transformers model; empty for a plain one.

        Raises:
            WeightsError: they are no list of steps.
        """
        steps = self.read_json("modules.json") or []
        if not (isinstance(steps, list) and all(isinstance(step, dict) for step in steps)):
            raise WeightsError(f"modules.json of the model {self.name} is no list of steps: fetch the model again")
        return steps

    @property
    def main(self) -> str:
        """The folder that holds the network's config, inside the model's; empty where they are the same."""
        return str(self.steps[0].get("path") or "") if self.steps else ""

    def config(self, name: str = "config.json") -> dict[str, JSON] | None:
        """Return a JSON file that lies beside the network's weights; None where there is none."""
        found = self.read_json(f"{self.main}/{name}".lstrip("/"))
        return None if found is None else dict(found)

    def check(self) -> None:
        """Refuse a folder from which nothing can be loaded.

        Raises:
            WeightsError: there is no config, or there are no weights as safetensors.
        """
        own = [name for name in self.files if name.rpartition("/")[0] == self.main]
        if not any(Path(name).name == "config.json" for name in own):
            kind = str(self.steps[0].get("type")).rpartition(".")[2] if self.steps else "Transformer"
            why = (
                "it is not in the hub's layout"
                if kind == "Transformer"
                else f"its first step is a {kind}, which is not read here"
            )
            raise WeightsError(f"the model {self.name} has no config.json in {self.folder / self.main}: {why}")
        if not _has_weights(own):
            _refuse_pickle(self.name)


def is_folder(model: str) -> bool:
    """Tell whether what a person wrote is the path of a folder rather than a name on the hub."""
    return model.startswith((".", "/", "~", "file:")) or "\\" in model or model[1:2] == ":"


def absolute(model: str) -> str:
    """Return a model as it is found from anywhere: a folder by its absolute path.

    Raises:
        ConfigError: it is neither a path nor a name on the hub.
    """
    if is_folder(model):
        return str(Path(os.path.abspath(Path(model.removeprefix("file:")).expanduser())))
    name, _, revision = model.partition("@")
    if not _NAME.fullmatch(name) or name.endswith(".git") or ("@" in model and not revision):
        raise ConfigError(
            f"'{model}' is no model: write org/name, org/name@revision, or the path of a folder that begins with ./ or /"
        )
    return model


def wanted(names: Iterable[str]) -> list[str]:
    """Return those of a model's files that are read, sorted: configs, tokenizers, and one set of safetensors.

    Example:
        >>> wanted(["config.json", "model.safetensors", "pytorch_model.bin", "onnx/model.onnx", "1_Pooling/config.json"])
        ['1_Pooling/config.json', 'config.json', 'model.safetensors']
    """
    given = set(names)
    return sorted(name for name in given if _is_wanted(name, given))


def _is_wanted(name: str, given: set[str]) -> bool:
    folder, _, file = name.rpartition("/")
    if folder and not _MODULE.fullmatch(folder):
        return False
    if file in _CONFIGS or file == "model.safetensors" or (file.endswith(".model") and not file.startswith("pytorch")):
        return True
    whole = f"{folder}/model.safetensors".lstrip("/") in given
    return not whole and (file == "model.safetensors.index.json" or bool(_SHARD.fullmatch(file)))


def locate(model: str) -> HubModel:
    """Return a model's files, fetching those that the hub's cache lacks.

    A commit that the cache holds is used without asking the hub. For a branch, the hub is asked for its commit; where it
    does not answer, the copy in the cache is used.

    Raises:
        WeightsError: it cannot be had (the message says what to run), or has no weights that are safe to open.
        MissingExtraError: the `hub` extra is not installed.
    """
    if is_folder(model):
        folder = Path(absolute(model))
        if not folder.is_dir():
            raise WeightsError(f"there is no folder {folder}: give the folder that holds the model's config.json")
        found = HubModel(str(folder), folder)
    else:
        name, _, revision = model.partition("@")
        found = _from_hub(name, revision or "main")
    found.check()
    return found


def _from_hub(name: str, revision: str) -> HubModel:
    try:
        import huggingface_hub
    except ImportError as error:
        raise missing_extra("huggingface_hub", "hub", f"the model hf:{name}") from error
    cached = _cached(name, revision)
    if cached is not None and (cached.commit == revision or huggingface_hub.constants.HF_HUB_OFFLINE):
        return cached
    try:
        return _fetch(name, revision)
    except Exception as error:  # noqa: BLE001  the hub's library lets errors of its own, of httpx and of the disk through
        if cached is not None and not _refused(error):
            return cached
        _tell(name, revision, error)


def _fetch(name: str, revision: str) -> HubModel:
    from huggingface_hub import HfApi

    api = HfApi(endpoint=os.environ.get("HF_ENDPOINT"))
    about = api.model_info(name, revision=revision, timeout=SECONDS)
    files = wanted(entry.rfilename for entry in about.siblings or [])
    if not _has_weights(files):
        _refuse_pickle(name)
    with progress(f"fetching {name}"):
        folder = api.snapshot_download(name, revision=about.sha, allow_patterns=files, etag_timeout=SECONDS)
    return HubModel(name, Path(folder), about.sha)


def _cached(name: str, revision: str) -> HubModel | None:
    """Return the version that the hub's cache holds, if it holds the config and the weights."""
    from huggingface_hub import try_to_load_from_cache

    for file in ("config.json", "modules.json"):
        place = try_to_load_from_cache(name, file, revision=revision)
        if isinstance(place, str):
            found = HubModel(name, Path(place).parent, Path(place).parent.name)
            shards = {
                shard for index in found.files if index.endswith(".index.json") for shard in _shards(found, index)
            }
            return found if _has_weights(found.files) and shards <= set(found.files) else None
    return None


def _shards(model: HubModel, index: str) -> set[str]:
    folder = index.rpartition("/")[0]
    names = ((model.read_json(index) or {}).get("weight_map") or {}).values()
    return {f"{folder}/{name}".lstrip("/") for name in names}


def _has_weights(files: Iterable[str]) -> bool:
    return any(name.endswith(".safetensors") for name in files)


def _refused(error: BaseException) -> bool:
    """Tell whether the hub answered and said no, rather than not at all."""
    return getattr(getattr(error, "response", None), "status_code", 500) < 500 or isinstance(error, WeightsError)


def _tell(name: str, revision: str, error: Exception) -> NoReturn:
    from huggingface_hub import errors

    if isinstance(error, WeightsError):
        raise error
    at = "" if revision == "main" else f" --revision {revision}"
    if isinstance(error, errors.GatedRepoError):
        message = (
            f"the hub gives '{name}' only to those who accepted its terms: accept them at https://huggingface.co/{name}, run "
            "'hf auth login' and try again"
        )
    elif isinstance(error, errors.RevisionNotFoundError):
        message = f"the hub model '{name}' has no revision '{revision}': give a branch, a tag or a commit"
    elif isinstance(error, errors.RepositoryNotFoundError):
        message = (
            f"the hub has no model '{name}', or hides it: check the name (org/name); for a private one run 'hf auth login' and "
            f"try again; a folder is written hf:./{name.rpartition('/')[2]}"
        )
    else:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".")
        message = (
            f"the hub model '{name}' is not in the cache and could not be fetched ({reason}): where there is a network, run "
            f"'hf download {name}{at}', or '… --local-dir FOLDER' and give hf:./FOLDER"
        )
    raise WeightsError(message) from error


def _refuse_pickle(name: str) -> NoReturn:
    raise WeightsError(
        f"the model {name} has no weights as safetensors (model.safetensors), and pickled ones (pytorch_model.bin) can run "
        "code, so they are not opened: choose a revision that has them (org/name@refs/pr/1 on many), or another model"
    )


def _file_digest(path: Path) -> str:
    stat = path.stat()
    return _digest(path, stat.st_mtime_ns, stat.st_size)


@cache
def _digest(path: Path, changed: int, size: int) -> str:
    return file_fingerprint(path)
