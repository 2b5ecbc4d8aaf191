"""A comparison of fusions as files: JSON, Markdown, and a plot of what is left when parts go missing."""

from __future__ import annotations

from pathlib import Path

from palate.core.files import write_json, write_text
from palate.data.dataset import Dataset
from palate.evaluation._kept import plain
from palate.evaluation._report_page import NOTE, markdown_page
from palate.evaluation.fusions import FusionComparison

TABLE, FIGURES, PLOT = "fusions.md", "fusions.json", "missing.svg"


def write_fusions(folder: Path | str, data: Dataset, found: FusionComparison) -> list[Path]:
    """Write the files into a folder and return their paths; those that stand there are replaced, each all or nothing.

    Args:
        folder: where to; it may be the study.
        data: the dataset compared on.
        found: what was found.

    Raises:
        StoreError: the disk is full or refuses.
    """
    folder = Path(folder)
    drawn = any(block.curves for block in found.blocks)
    picture = f"![{found.by} when parts go missing]({PLOT})\n" if drawn else ""
    written = [folder / TABLE, folder / FIGURES]
    write_text(written[0], markdown_page(data, f"{found.to_markdown().rstrip()}\n\n{picture}"))
    write_json(written[1], plain({**found.to_json(), "data": data.name, "positive": data.positive.rule}))
    if drawn:
        written.append(folder / PLOT)
        write_text(written[2], f"{NOTE}\n{found.plot()}\n")
    return written
