"""Build the wheel, install it into an empty environment beside the libraries of this one, and use it."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
import tempfile
import venv
from pathlib import Path

ROOT = Path(__file__).parents[1]
TRIAL = """
import palate, pathlib
assert "site-packages" in palate.__file__, palate.__file__
assert (pathlib.Path(palate.__file__).parent / "py.typed").is_file()
from palate.models import registry
assert "item-knn" in registry.names()
"""


def run(*words: str | Path) -> str:
    """Run a command and return what it printed; stop with its output where it fails."""
    done = subprocess.run(
        [str(word) for word in words], capture_output=True, text=True, check=False, cwd=tempfile.gettempdir()
    )
    if done.returncode:
        sys.exit(f"{' '.join(map(str, words))} failed:\n{done.stdout}{done.stderr}")
    return done.stdout


def main() -> None:
    """Build, install, import, and list the models by the installed command."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        run(sys.executable, "-m", "build", "--wheel", "--outdir", place, ROOT)
        wheel = next(place.glob("*.whl"))
        venv.create(place / "env", with_pip=True)
        python = place / "env" / "bin" / "python"
        run(python, "-m", "pip", "install", "--quiet", "--no-deps", wheel)
        libraries = sysconfig.get_path("purelib")
        site = Path(run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))").strip())
        (site / "beside.pth").write_text(f"{libraries}\n", encoding="utf-8")
        run(python, "-c", TRIAL)
        listed = run(place / "env" / "bin" / "palate", "models", "--json")
        print(
            f"{wheel.name}: {wheel.stat().st_size / 1024:.0f} KiB, installs, imports and lists {listed.count('summary')} models"
        )


if __name__ == "__main__":
    main()
