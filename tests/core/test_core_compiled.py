"""Compiled loops: the same result as the loop, machine code in the cache folder, nothing beside the source."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

SOURCE = '''
import numpy as np
from palate.core.compiled import compiled

@compiled
def squares(values):
    """Sum of squares."""
    total = 0.0
    for value in values:
        total += value * value
    return total

print(squares.__doc__, squares(np.arange(4.0)))
'''


def test_machine_code_is_kept_in_the_cache_folder_alone(tmp_path):
    script = tmp_path / "code" / "loop.py"
    script.parent.mkdir()
    script.write_text(SOURCE)
    environment = os.environ | {"PALATE_CACHE": str(tmp_path / "cache")}
    for _ in range(2):
        done = subprocess.run(
            [sys.executable, str(script)], capture_output=True, text=True, env=environment, check=True
        )
        assert done.stdout.split() == ["Sum", "of", "squares.", "14.0"]
    assert list((tmp_path / "cache" / "compiled").rglob("*.nbi"))
    assert [path.name for path in Path(script.parent).rglob("*")] == ["loop.py"]


def test_importing_the_decorator_does_not_import_numba():
    code = "import sys, palate.core.compiled; print('numba' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_where_the_cache_folder_cannot_be_written_nothing_is_kept(tmp_path):
    script = tmp_path / "code" / "loop.py"
    script.parent.mkdir()
    script.write_text(SOURCE)
    (tmp_path / "file").touch()
    environment = os.environ | {"PALATE_CACHE": str(tmp_path / "file"), "HOME": str(tmp_path / "file")}
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, env=environment, check=True)
    assert done.stdout.split()[-1] == "14.0"
    assert [path.name for path in script.parent.rglob("*")] == ["loop.py"]
