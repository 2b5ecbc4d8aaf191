"""A small shop with files: titles, pictures, sounds; teas, lamps and cups that three kinds of people like."""

from __future__ import annotations

import io
import struct
import wave
from pathlib import Path

import numpy as np
import polars as pl
from PIL import Image, ImageDraw

from palate.core.ids import IdMap
from palate.data.catalogue import Catalogue
from palate.data.dataset import Dataset
from palate.data.features import EncoderRef, FeatureTable, features_of
from palate.data.interactions import Interactions

KINDS = ("tea", "lamp", "cup")
COLOURS = {"red": (190, 60, 50), "green": (70, 140, 80), "blue": (60, 90, 170), "grey": (130, 130, 130)}


def write_shop(folder: Path, n_items: int = 36, n_users: int = 40, seed: int = 0) -> Dataset:
    """Write the media files and return the dataset; item 5 has no picture, one item in four has a sound."""
    rng = np.random.default_rng(seed)
    rows = [_item(folder, index) for index in range(n_items)]
    kind = np.arange(n_items) % 3
    user, item = [], []
    for person in range(n_users):
        chances = np.where(kind == person % 3, 1.0, 0.08)
        user += [person] * 8
        item += rng.choice(n_items, 8, replace=False, p=chances / chances.sum()).tolist()
    n = len(user)
    weight = np.where(rng.random(n) < 0.1, 0, 1).astype(np.float32)
    times = rng.integers(1_600_000_000, 1_700_000_000, n)
    interactions = Interactions(np.array(user, np.int32), np.array(item, np.int32), weight, times)
    table = pl.DataFrame(rows)
    types = {"title": "text", "price": "number", "photo": "image", "sound": "audio"}
    vectors = np.eye(3)[kind] + rng.normal(scale=0.2, size=(n_items, 3))
    photo = np.eye(4)[np.arange(n_items) % 4] + rng.normal(scale=0.1, size=(n_items, 4))
    photo[5] = np.nan
    return Dataset(
        IdMap(f"user {index}" for index in range(n_users)),
        IdMap(table["item_id"]),
        interactions,
        Catalogue(table, types, folder),
        features={"title": features_of(vectors, modality="text"), "photo": features_of(photo, modality="image")},
        name="small shop",
    )


def with_encoder(table: FeatureTable, name: str) -> FeatureTable:
    """Return the same part, said to be made by an encoder."""
    return FeatureTable(table.values, table.present, table.source, "items", table.modality, EncoderRef(name))


def _item(folder: Path, index: int) -> dict[str, object]:
    colour, kind = list(COLOURS)[index % 4], KINDS[index % 3]
    photo, sound = f"media/photo/{index}.png", f"media/sound/{index}.wav"
    for name in (photo, sound):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
    if index != 5:
        _picture(kind, COLOURS[colour]).save(folder / photo)
    if index % 4 == 0:
        (folder / sound).write_bytes(tone(220 + 40 * index))
    return {
        "item_id": f"{kind}/{index}",
        "title": f"{colour.title()} {kind} no. {index} <b>&amp;</b>",
        "price": 3.5 + index,
        "photo": None if index == 5 else photo,
        "sound": sound if index % 4 == 0 else None,
    }


def _picture(kind: str, colour: tuple[int, int, int]) -> Image.Image:
    image = Image.new("RGB", (160, 120), (244, 240, 232))
    draw = ImageDraw.Draw(image)
    if kind == "tea":
        draw.ellipse((40, 20, 120, 100), fill=colour)
    elif kind == "lamp":
        draw.polygon([(80, 15), (125, 100), (35, 100)], fill=colour)
    else:
        draw.rectangle((45, 30, 115, 95), fill=colour)
    return image


def tone(hertz: int, seconds: float = 0.3) -> bytes:
    """Return a WAV file of one tone."""
    rate = 8000
    samples = [int(9000 * np.sin(2 * np.pi * hertz * index / rate)) for index in range(int(rate * seconds))]
    target = io.BytesIO()
    with wave.open(target, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(struct.pack(f"<{len(samples)}h", *samples))
    return target.getvalue()
