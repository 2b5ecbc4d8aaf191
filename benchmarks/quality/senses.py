"""What every encoder sees, hears and reads in real media, as one page.

    python benchmarks/quality/senses.py STAMPS [--out out/senses.md]

STAMPS is a folder as the three scripts that are run want it: senses_texts.py, senses_images.py, senses_audio.py. The page is
what they print.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

from palate.core.files import write_text

PAGES = {"Texts": "senses_texts.py", "Pictures": "senses_images.py", "Sound and speech": "senses_audio.py"}
HEAD = """# What the encoders make of real media

Made by `make senses`; nothing here was typed. The data are pictures of things with English and Chinese captions, some with
the thing's sound and a spoken description, in 16 categories. *Same category*: the nearest other one by cosine, leaving
one out, with nothing trained on the categories, beside the share of the largest category. Milliseconds are of one core of a machine that may have had
other work to do.
"""


def main() -> int:
    """Run the scripts; returns 1 where one failed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("stamps", type=Path)
    parser.add_argument("--out", type=Path, default=Path("out") / "senses.md")
    asked = parser.parse_args()
    page = [HEAD]
    for title, script in PAGES.items():
        command = [sys.executable, str(Path(__file__).parent / script), str(asked.stamps)]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
        if done.returncode:
            return 1
        print(done.stdout, flush=True)
        page.append(f"## {title}\n\n{done.stdout.strip()}\n")
    asked.out.parent.mkdir(parents=True, exist_ok=True)
    write_text(asked.out, "\n".join(page))
    print(asked.out)
    return 0


if __name__ == "__main__":
    sys.exit(main())
