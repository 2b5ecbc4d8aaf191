"""Every block of docs/search.md is run, in order, in an empty folder."""

from __future__ import annotations

import pytest

from doc_blocks import blocks, run_block


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_every_block_runs_in_order(tmp_path):
    said = ""
    for language, text in blocks("docs/search.md"):
        done = run_block(language, text, tmp_path)
        assert done.returncode == 0, f"{text}\n{done.stdout}\n{done.stderr}"
        if language == "sh":
            assert all(len(line) <= 80 for line in done.stdout.splitlines() if not line.startswith("{")), done.stdout
        assert "Traceback" not in done.stderr
        said += done.stdout
    assert "3 items for u001" in said
    assert "did you mean 'price'" in said
    assert "items for '复古台灯'" in said
    assert "to the taste of u001" in said
    assert '"kind": "taste"' in said
