"""Loading a hub model into torch, and running it: float32, one core a call, the same numbers every time."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from weakref import WeakValueDictionary

import numpy as np

from palate.core.errors import PalateError, WeightsError, missing_extra
from palate.core.types import Floats
from palate.encoders._hub import HubModel

_SPARE = ("pooler.", "masked_spec_embed", "mask_token")
"""Weights that a model may lack, since they serve training or tasks of their own."""
_loaded: WeakValueDictionary[str, Any] = WeakValueDictionary()
_loading = threading.RLock()


def libraries() -> tuple[Any, Any]:
    """Import torch and transformers.

    Raises:
        MissingExtraError: one of them is not installed.
    """
    try:
        import torch
        import transformers
    except ImportError as error:
        raise missing_extra(error.name or "transformers", "hub", "a hub model") from error
    return torch, transformers


def load_model(model: HubModel) -> Any:
    """Return the torch module of a model, without the heads of its tasks; encoders of one model share it.

    Raises:
        WeightsError: transformers does not know the architecture, or weights are missing or of the wrong shape.
        MissingExtraError: the `hub` extra is not installed.
    """
    _, transformers = libraries()
    with _loading:
        loaded = _loaded.get(model.digest)
        if loaded is None:
            with quiet(), told(model):
                loaded = _loaded[model.digest] = _read(transformers, model)
        return loaded


def _read(transformers: Any, model: HubModel) -> Any:
    import torch

    folder = model.folder / model.main
    config = transformers.AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    kind = transformers.AutoModel
    if type(config) in transformers.MODEL_FOR_TEXT_ENCODING_MAPPING:
        half = transformers.MODEL_FOR_TEXT_ENCODING_MAPPING[type(config)]
        kind = half if half.__name__.endswith("EncoderModel") else kind  # the half of T5 that reads
    loaded, report = kind.from_pretrained(
        folder, config=config, dtype=torch.float32, use_safetensors=True, local_files_only=True, trust_remote_code=False,
        output_loading_info=True,
    )  # fmt: skip
    lost = sorted(name for name in report["missing_keys"] if not any(part in name for part in _SPARE))
    if lost:
        raise WeightsError(
            f"the weights of {model.name} lack {len(lost)} tensors that {type(loaded).__name__} needs, such as {lost[0]}: they "
            "belong to another architecture, or the download is not whole"
        )
    loaded.palate_lacks = frozenset(report["missing_keys"])
    return loaded.eval().requires_grad_(False)


@contextmanager
def told(model: HubModel) -> Iterator[None]:
    """Turn what transformers, tokenizers and safetensors say of a model that they cannot load into one sentence."""
    try:
        yield
    except PalateError:
        raise
    except Exception as error:  # of many types, bare ones among them
        said = " ".join(str(error).split())[:300]
        if any(words in said for words in ("trust_remote_code", "custom code", "model type")):
            said = "transformers does not know its architecture, and code that comes with a model is never run"
        raise WeightsError(
            f"the model {model.name} cannot be loaded ({said}): choose another model or revision"
        ) from error


@contextmanager
def quiet() -> Iterator[None]:
    """Keep transformers from drawing bars and warning about heads that are not used."""
    from transformers.utils import logging

    before, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(before)
        if bars:
            logging.enable_progress_bar()


class _OneCore:
    """Gives torch one thread in the calling thread, and puts back what the process had when the last call is done.

    More threads a call would change the last digits with the number of cores, and fight with the pipeline, which runs
    one batch a core.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._inside = 0
        self._before = 1

    def __enter__(self) -> None:
        import torch

        with self._lock:
            if not self._inside:
                self._before = torch.get_num_threads()
            self._inside += 1
            torch.set_num_threads(1)

    def __exit__(self, *_: object) -> None:
        import torch

        with self._lock:
            self._inside -= 1
            torch.set_num_threads(self._before)


_one_core = _OneCore()


@contextmanager
def inference() -> Iterator[None]:
    """Run what is inside without gradients and on one core."""
    import torch

    with _one_core, torch.inference_mode():
        yield


def tensor(array: Any) -> Any:
    """Return an array as a tensor."""
    import torch

    return torch.from_numpy(np.ascontiguousarray(array))


def floats(values: Any) -> Floats:
    """Return a tensor as float32."""
    return np.asarray(values.detach().numpy(), dtype=np.float32)
