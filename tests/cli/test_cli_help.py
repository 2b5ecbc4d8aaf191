"""Help is quick: what no command needs to say what it takes is not imported for it."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = ("scipy.stats", "scipy.signal", "scipy.fft", "onnxruntime", "torch", "transformers", "fastapi", "av", "sklearn")


@pytest.mark.parametrize(
    "words", [["--help"], ["encode", "--help"], ["data", "import", "--help"], ["encode", "nowhere"]]
)
def test_help_imports_nothing_heavy(words):
    program = (
        "import sys\n"
        "from palate.cli import main\n"
        "try:\n"
        f"    main({words!r})\n"
        "finally:\n"
        f"    print('imported', *(name for name in {HEAVY!r} if name in sys.modules), file=sys.stderr)\n"
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert ran.returncode == (2 if "nowhere" in words else 0), ran.stderr
    assert ran.stderr.splitlines()[-1].split() == ["imported"]
