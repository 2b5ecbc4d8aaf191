"""What was heard before: the text of each content, or why there is none, by content and recogniser.

features/.speech/<recogniser>.jsonl     one line a content, each on the disk before the next sound is heard
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from threading import Lock

from palate.core.errors import StoreError
from palate.data.feature_folder import FEATURES, SPEECH
from palate.encoders.pipeline.store import Key

Said = tuple[str | None, str | None]
"""The text, or the reason why there is none."""


def ever_heard(folder: Path) -> set[str | None]:
    """Return every text that a recogniser has written down for a dataset folder, None among them."""
    logs = sorted((folder / FEATURES / SPEECH).glob("*.jsonl"))
    return {None, *(said[0] for log in logs for said in Heard(folder, log.stem).said.values())}


class Heard:
    """Texts by content, in memory and, where there is a dataset folder, in a file that only grows.

    A process that is killed loses the sounds that it was just hearing; a line that it did not finish is read over.
    """

    def __init__(self, folder: Path | None, recogniser: str) -> None:
        self.path = None if folder is None else folder / FEATURES / SPEECH / f"{recogniser[:16]}.jsonl"
        self.said: dict[Key, Said] = {}
        self._lock = Lock()
        if self.path is not None and self.path.is_file():
            for line in self.path.read_text(encoding="utf-8", errors="replace").split("\n"):
                self._take(line)

    def _take(self, line: str) -> None:
        try:
            row = json.loads(line)
            self.said[bytes.fromhex(row["content"])] = (row["text"], row["reason"])
        except (ValueError, KeyError, TypeError):
            return  # cut off when a process was killed: the sound is heard again

    def add(self, key: Key, said: Said) -> None:
        """Take in what was heard; it is on the disk when this returns. Threads may call it.

        Raises:
            StoreError: the disk is full or refuses; what was heard before is still there.
        """
        with self._lock:
            self.said[key] = said
            if self.path is None:
                return
            row = {"content": key.hex(), "text": said[0], "reason": said[1]}
            try:
                with self.path.open("a", encoding="utf-8") as file:
                    # a blank line first, so that what a killed process left unfinished spoils nothing
                    file.write("\n" + json.dumps(row, ensure_ascii=False, sort_keys=True) + "\n")
                    file.flush()
                    os.fsync(file.fileno())
            except OSError as error:
                raise StoreError(
                    f"{self.path} could not be written ({error.strerror or error}); what was heard before is still there: "
                    "free space or choose another place"
                ) from error
