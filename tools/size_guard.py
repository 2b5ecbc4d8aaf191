"""Hold every file and function to a size that can be read at one sitting."""

from __future__ import annotations

import ast
import statistics
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
LONGEST_FILE, MEDIAN_FILE, LONGEST_FUNCTION, USUAL_FUNCTION = 600, 150, 100, 60
LONG_FUNCTIONS_ALLOWED = 0.02
"""Share of functions that may lie between the usual and the longest length."""


def main() -> int:
    """Print what is too long; return 1 if anything is."""
    complaints: list[str] = []
    lengths: list[int] = []
    functions: list[int] = []
    for path in sorted((ROOT / "src").rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        lines = text.count("\n")
        lengths.append(lines)
        where = path.relative_to(ROOT)
        if lines > LONGEST_FILE:
            complaints.append(f"{where}: {lines} lines, at most {LONGEST_FILE}")
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                size = (node.end_lineno or node.lineno) - node.lineno + 1
                functions.append(size)
                if size > LONGEST_FUNCTION:
                    complaints.append(f"{where}:{node.lineno} {node.name}: {size} lines, at most {LONGEST_FUNCTION}")
    median = statistics.median(lengths)
    if median > MEDIAN_FILE:
        complaints.append(f"the median file has {median:.0f} lines, at most {MEDIAN_FILE}")
    share = sum(size > USUAL_FUNCTION for size in functions) / len(functions)
    if share > LONG_FUNCTIONS_ALLOWED:
        complaints.append(
            f"{share:.1%} of the functions are over {USUAL_FUNCTION} lines, at most {LONG_FUNCTIONS_ALLOWED:.0%}"
        )
    for complaint in complaints:
        print(complaint)
    print(
        f"{len(lengths)} files, median {median:.0f} lines, longest {max(lengths)}; {len(functions)} functions, longest {max(functions)}"
    )
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main())
