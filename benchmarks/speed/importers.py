"""How fast each format comes in, and what it takes: a million interactions, whole and with 1 % of the lines broken.

    python benchmarks/speed/importers.py [--rows 1000000] [--only amazon-2023,yelp]

Every import runs in a process of its own, from the files to the dataset folder. The reference, in a process of its own
too, is what one writes without a library: each line through `json.loads` (or split at its separator), the fields into
lists. `times_the_reference` is our seconds by its seconds; the peak is that of the whole process, in MB.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

USERS, ITEMS = 50_000, 20_000
WORDS = [
    "the",
    "quick",
    "lamp",
    "shines",
    "on",
    "a",
    "warm",
    "evening",
    "table",
    "and",
    "never",
    "flickers",
    "or",
    "hums",
    "while",
    "we",
    "read",
    "old",
    "books",
]
IMPORT = """
import json, resource, sys, time
from palate.data.sources import registry
start = time.perf_counter()
report = registry.get(sys.argv[1])().read(sys.argv[2], sys.argv[3])
seconds = time.perf_counter() - start
used = resource.getrusage(resource.RUSAGE_SELF)
print(json.dumps({"rows": report.interactions, "rejected": sum(report.rejected.values()), "seconds": seconds,
                  "cpu": used.ru_utime + used.ru_stime, "peak": used.ru_maxrss}))
"""
PLAIN = """
import csv, json, resource, sys, time
start = time.perf_counter()
separator = sys.argv[2]
kept = [[] for _ in range(5)]
for line in open(sys.argv[1], encoding="utf-8"):
    try:
        if separator == "json":
            row = list(json.loads(line).values())
        else:
            row = line.rstrip().split(separator)
    except ValueError:
        continue
    for column, value in zip(kept, row):
        column.append(value)
seconds = time.perf_counter() - start
used = resource.getrusage(resource.RUSAGE_SELF)
print(json.dumps({"rows": len(kept[0]), "seconds": seconds,
                  "cpu": used.ru_utime + used.ru_stime, "peak": used.ru_maxrss}))
"""
Events = Iterator[tuple[int, int, int, int, str]]
"""User, item, rating, time, text."""


def events(rows: int) -> Events:
    rng = random.Random(0)
    texts = [" ".join(rng.choices(WORDS, k=rng.randint(5, 60))) for _ in range(2_000)]
    for n in range(rows):
        yield (
            int(USERS * rng.random() ** 1.5),
            int(ITEMS * rng.random() ** 2),
            rng.randint(1, 5),
            1_400_000_000 + n,
            texts[n % 2000],
        )


def write(path: Path, lines: Iterator[str], header: str = "") -> Path:
    with path.open("w", encoding="utf-8") as file:
        file.write(header)
        file.writelines(f"{line}\n" for line in lines)
    return path


def break_lines(path: Path) -> None:
    """Leave of every hundredth line only the first half."""
    aside = path.with_suffix(".aside")
    with path.open(encoding="utf-8") as old, aside.open("w", encoding="utf-8") as new:
        for number, line in enumerate(old):
            new.write(line[: len(line) // 2] + "\n" if number % 100 == 50 else line)
    aside.replace(path)


def table(place: Path, rows: int) -> Path:
    lines = (f'u{u},i{i},"{text}",{r},{t}' for u, i, r, t, text in events(rows))
    write(place / "items.csv", (f"i{i},Thing {i},{i % 90}.5" for i in range(ITEMS)), "item_id,title,price\n")
    return write(place / "events.csv", lines, "user_id,item_id,text,rating,timestamp\n")


def table_of_lines(place: Path, rows: int) -> Path:
    lines = (
        json.dumps({"user_id": f"u{u}", "item_id": i, "rating": r, "timestamp": t, "text": text})
        for u, i, r, t, text in events(rows)
    )
    return write(place / "events.jsonl", lines)


def movielens(place: Path, rows: int) -> Path:
    write(place / "movies.csv", (f"{i},Film {i} (1999),Drama|War" for i in range(ITEMS)), "movieId,title,genres\n")
    return write(
        place / "ratings.csv",
        (f"{u},{i},{r}.0,{t}" for u, i, r, t, _ in events(rows)),
        "userId,movieId,rating,timestamp\n",
    )


def mmrec(place: Path, rows: int) -> Path:
    lines = (f"{u}\t{i}\t{r}.0\t{t}\t{t % 3}" for u, i, r, t, _ in events(rows))
    return write(place / "x.inter", lines, "userID\titemID\trating\ttimestamp\tx_label\n")


def recbole(place: Path, rows: int) -> Path:
    lines = (f"{u}\t{i}\t{text}\t{r}\t{t}" for u, i, r, t, text in events(rows))
    write(
        place / "x.item",
        (f"{i}\tFilm {i}\tDrama War" for i in range(ITEMS)),
        "item_id:token\ttitle:token_seq\tgenre:token_seq\n",
    )
    return write(
        place / "x.inter",
        lines,
        "user_id:token\titem_id:token\treview:token_seq\trating:float\ttimestamp:float\n",
    )


def amazon_2014(place: Path, rows: int) -> Path:
    meta = (
        repr({"asin": f"B{i:09}", "title": f"Thing {i}'s", "price": 3.5, "imUrl": f"http://x/{i}.jpg", "brand": "Lux",
              "related": {"also_bought": [f"B{n:09}" for n in range(i, i + 20)]}, "categories": [["Home", "Lamps"]]})
        for i in range(ITEMS)
    )  # fmt: skip
    write(place / "meta_Home.json", meta)
    lines = (
        json.dumps({"reviewerID": f"A{u:013}", "asin": f"B{i:09}", "overall": float(r), "unixReviewTime": t, "reviewText": text,
                    "summary": "Good", "helpful": [0, 0], "reviewTime": "05 21, 2014"})
        for u, i, r, t, text in events(rows)
    )  # fmt: skip
    return write(place / "reviews_Home.json", lines)


def amazon_2018(place: Path, rows: int) -> Path:
    meta = (
        json.dumps({"asin": f"B{i:09}", "title": f"Thing {i}", "price": "$3.50", "imageURLHighRes": [f"http://x/{i}.jpg"],
                    "brand": "Lux", "feature": ["Warm", "Quiet"], "description": ["For the evening."], "category": ["Home"]})
        for i in range(ITEMS)
    )  # fmt: skip
    write(place / "meta_Home.json", meta)
    lines = (
        json.dumps({"reviewerID": f"A{u:013}", "asin": f"B{i:09}", "overall": float(r), "unixReviewTime": t, "reviewText": text,
                    "summary": "Good", "vote": "2", "verified": True, "style": {"Color:": " Red"}, "reviewTime": "01 1, 2018"})
        for u, i, r, t, text in events(rows)
    )  # fmt: skip
    return write(place / "Home.json", lines)


def amazon_2023(place: Path, rows: int) -> Path:
    meta = (
        json.dumps({"parent_asin": f"B{i:09}", "title": f"Thing {i}", "price": 3.5, "store": "Lux", "main_category": "Home",
                    "images": [{"thumb": f"http://x/t{i}.jpg", "large": f"http://x/{i}.jpg", "variant": "MAIN", "hi_res": None}],
                    "features": ["Warm", "Quiet"], "description": ["For the evening."], "categories": ["Home", "Lamps"]})
        for i in range(ITEMS)
    )  # fmt: skip
    write(place / "meta_Home.jsonl", meta)
    lines = (
        json.dumps({"user_id": f"A{u:027}", "parent_asin": f"B{i:09}", "rating": float(r), "timestamp": t * 1000, "text": text,
                    "title": "Good", "images": [], "asin": f"B{i:09}", "helpful_vote": 0, "verified_purchase": True})
        for u, i, r, t, text in events(rows)
    )  # fmt: skip
    return write(place / "Home.jsonl", lines)


def yelp(place: Path, rows: int) -> Path:
    shops = (
        json.dumps({"business_id": f"b{i:021}", "name": f"Place {i}", "city": "Reno", "latitude": 39.5, "longitude": -119.8,
                    "stars": 4.5, "attributes": {"WiFi": "u'free'", "Ambience": "{'hip': True}"}, "categories": "Bars, Food"})
        for i in range(ITEMS)
    )  # fmt: skip
    write(place / "yelp_academic_dataset_business.json", shops)
    users = (
        json.dumps({"user_id": f"u{u:021}", "review_count": u, "fans": 1, "friends": "x, y"}) for u in range(USERS)
    )
    write(place / "yelp_academic_dataset_user.json", users)
    lines = (
        json.dumps({"user_id": f"u{u:021}", "business_id": f"b{i:021}", "stars": float(r), "date": f"20{t % 20:02}-03-09 12:{t % 60:02}:04",
                    "text": text, "review_id": "z" * 22, "useful": 0, "funny": 0, "cool": 0})
        for u, i, r, t, text in events(rows)
    )  # fmt: skip
    return write(place / "yelp_academic_dataset_review.json", lines)


WRITERS: dict[str, tuple[Callable[[Path, int], Path], str]] = {
    "table": (table, ","), "table-jsonl": (table_of_lines, "json"), "movielens": (movielens, ","), "mmrec": (mmrec, "\t"), "recbole": (recbole, "\t"),
    "amazon-2014": (amazon_2014, "json"), "amazon-2018": (amazon_2018, "json"), "amazon-2023": (amazon_2023, "json"),
    "yelp": (yelp, "json"),
}  # fmt: skip


def child(code: str, *words: str) -> dict[str, float]:
    done = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr)
    found: dict[str, float] = json.loads(done.stdout)
    found["peak"] = round(found["peak"] / (1 << 20 if sys.platform == "darwin" else 1 << 10))
    return found


def measured(name: str, rows: int, file: Path, separator: str, broken: bool) -> dict[str, object]:
    plain = child(PLAIN, str(file), separator)
    ours = child(IMPORT, name.partition("-")[0], str(file.parent), str(file.parent.parent / "ds"))
    return {
        "format": name, "lines": "1 % broken" if broken else "whole", "file_mb": file.stat().st_size >> 20, "rows": ours["rows"],
        "rejected": ours["rejected"], "seconds": round(ours["seconds"], 2), "rows_per_second": round(rows / ours["seconds"]),
        "cpu_seconds": round(ours["cpu"], 2), "peak_mb": ours["peak"], "reference_cpu_seconds": round(plain["cpu"], 2), "reference_seconds": round(plain["seconds"], 2), "reference_peak_mb": plain["peak"],
        "times_the_reference": round(ours["seconds"] / plain["seconds"], 2),
        "times_the_reference_cpu": round(ours["cpu"] / plain["cpu"], 2),
    }  # fmt: skip


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--rows", type=int, default=1_000_000)
    words.add_argument("--only", default=",".join(WRITERS))
    given = words.parse_args()
    for name in given.only.split(","):
        make, separator = WRITERS[name]
        with tempfile.TemporaryDirectory() as folder:
            place = Path(folder) / "src"
            place.mkdir()
            file = make(place, given.rows)
            print(json.dumps(measured(name, given.rows, file, separator, broken=False)), flush=True)
            break_lines(file)
            print(json.dumps(measured(name, given.rows, file, separator, broken=True)), flush=True)


if __name__ == "__main__":
    main()
