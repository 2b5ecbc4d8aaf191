"""A small shop whose people can be told by much: names of files, texts, pictures, what was set aside."""

from __future__ import annotations

import io
from pathlib import Path

from PIL import Image

ANN, BOB = "ann.lee@mail.example", "bob"
EVENTS = f"""user_id,item_id,rating,text,shot
{ANN},A1,5,"Call (212) 555-0123, card 4111 1111 1111 1111",
{BOB},A1,4,Fine lamp,shots/bob_1.jpg
{BOB},B2,3,Ask {ANN} about it,
carl,B2,4,,
,B2,3,from {ANN},
carl,B2,many,late,
"""
ITEMS = """item_id,title
A1,Lamp ISBN 978-3-16-148410-0
B2,"Bowl, tel. 0171 1234567"
"""
USERS = f"""user_id,bio,friend
{ANN},I am Ann,{BOB}
{BOB},Ring +49 30 901820,carl
carl,,{BOB}
"""
SECRET = "CameraOfAnn"
ARGUMENTS = ("--text", "title,users.bio,text", "--category", "users.friend", "--image")
IMAGES = "users.avatar=avatars,interactions.shot=shot"


def photo(colour: str = "red", way: int = 6) -> bytes:
    """Return a JPEG picture that tells its camera and its place, and lies on its side."""
    exif, out = Image.Exif(), io.BytesIO()
    exif[0x0112], exif[0x010F], exif[0x8825] = way, SECRET, {1: "N", 2: (52.0, 31.0, 12.0)}
    Image.new("RGB", (8, 4), colour).save(out, "JPEG", exif=exif, comment=SECRET.encode())
    return out.getvalue()


def write_source(folder: Path) -> Path:
    """Write events, items, users and pictures; returns the folder."""
    for name, text in (("events", EVENTS), ("items", ITEMS), ("users", USERS)):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{name}.csv").write_text(text)
    for name in (f"avatars/{ANN}.jpg", f"avatars/{BOB}.jpg", "shots/bob_1.jpg"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(photo())
    return folder
