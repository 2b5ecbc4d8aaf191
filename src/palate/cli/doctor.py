"""`palate doctor`: what this machine can do."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import platform

from rich.console import Console
from rich.table import Table
from rich.text import Text

import palate
from palate.cli._app import AsJson, app, emit
from palate.core.cores import cores
from palate.core.memory import available_mb

LIBRARIES = {
    "imagehash": "media", "soundfile": "media", "soxr": "media", "kaldi_native_fbank": "media", "av": "media",
    "fastapi": "serve", "uvicorn": "serve", "sqlalchemy": "serve", "psycopg": "postgres", "torch": "deep", "transformers": "hub",
    "optuna": "tune", "tensorboard": "track", "wandb": "wandb",
}  # fmt: skip


@app.command()
def doctor(as_json: AsJson = False) -> None:
    """Show the versions, the memory, the caches and which extras are installed."""
    from palate.core.weights import cache_folder

    extras = {name: importlib.util.find_spec(name) is not None for name in LIBRARIES}
    facts = {
        "palate": palate.__version__,
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "cores": cores(),
        "memory_free_mb": round(available_mb()),
        "cache": str(cache_folder()),
        "libraries": {name: _version(name) if there else None for name, there in extras.items()},
    }

    def show() -> None:
        table = Table(box=None, show_header=False, pad_edge=False)
        for key, value in facts.items():
            if key != "libraries":
                table.add_row(key.replace("_", " "), str(value))
        for name, there in extras.items():
            state = _version(name) if there else f"not installed: pip install 'palate[{LIBRARIES[name]}]'"
            table.add_row(name, Text(state))
        Console(width=min(80, Console().width)).print(table)

    emit(facts, as_json, show)


def _version(library: str) -> str:
    return importlib.metadata.version(library.replace("_", "-"))
