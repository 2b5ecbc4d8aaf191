"""`geo`: likeness follows the distance on the globe, without seams."""

from __future__ import annotations

import numpy as np
import pytest

from palate.core.errors import ConfigError
from palate.encoders import BrokenInput
from palate.encoders.geo import RADIUS, Geo

PLACES = {"Paris": (48.8566, 2.3522), "Pole": (89.999, 10.0), "Fiji": (-17.0, 179.9999), "Equator": (0.0, 0.0)}


def vectors(places: list[tuple[float, float]], **settings: object) -> np.ndarray:
    encoder = Geo(**settings)
    values, present = encoder.encode([encoder.decode(f"{latitude!r}, {longitude!r}") for latitude, longitude in places])
    assert present.all()
    return values


def moved(place: tuple[float, float], km: float, bearing: float) -> tuple[float, float]:
    """Return where one comes to on a great circle."""
    latitude, longitude = np.radians(place)
    angle = km / RADIUS
    north = np.arcsin(np.sin(latitude) * np.cos(angle) + np.cos(latitude) * np.sin(angle) * np.cos(bearing))
    east = np.arctan2(
        np.sin(bearing) * np.sin(angle) * np.cos(latitude), np.cos(angle) - np.sin(latitude) * np.sin(north)
    )
    return float(np.degrees(north)), float((np.degrees(longitude + east) + 180) % 360 - 180)


@pytest.mark.parametrize("name", PLACES)
def test_likeness_follows_the_distance_everywhere(name: str) -> None:
    steps = [0.0, 0.3, 1, 3, 10, 30, 100, 300, 1000, 3000, 10_000]
    found = []
    for bearing in np.linspace(0, 2 * np.pi, 12, endpoint=False):
        values = vectors([moved(PLACES[name], km, bearing) for km in steps])
        found.append(values @ values[0])
    likeness = np.mean(found, axis=0)
    assert likeness[0] == pytest.approx(1, abs=1e-5)
    assert (np.diff(likeness) < 0).all()


@pytest.mark.parametrize("scale", [1.0, 10.0, 100.0, 1000.0])
def test_each_scale_is_the_gaussian_of_the_distance(scale: float) -> None:
    places = [moved(PLACES["Paris"], km, 1.0) for km in (0, scale / 2, scale, 2 * scale, 5 * scale)]
    values = vectors(places, scales=(scale,), waves=4096)[:, 3:] * np.sqrt(2)
    straight = 2 * RADIUS * np.sin(np.array([0, 0.5, 1, 2, 5]) * scale / RADIUS / 2)
    np.testing.assert_allclose(values @ values[0], np.exp(-(straight**2) / (2 * scale**2)), atol=0.04)


def test_neither_the_date_line_nor_the_poles_are_seams() -> None:
    west, east, north, other = vectors([(10, 179.9999), (10, -179.9999), (90, 0), (90, 123)])
    assert west @ east > 0.99
    np.testing.assert_allclose(north, other, atol=1e-5)
    np.testing.assert_allclose(*vectors([(10, 190), (10, -170)]), atol=1e-5)


def test_vectors_have_norm_one() -> None:
    np.testing.assert_allclose(np.linalg.norm(vectors(list(PLACES.values())), axis=1), 1, atol=1e-5)


@pytest.mark.parametrize(
    ("cell", "reason"),
    [
        ("95, 10", "latitude is 95"), ("10, 400", "longitude is 400"), ("10", "1 numbers"), ("1,2,3", "3 numbers"),
        ("here, there", "'here'"), ("[1, ", "JSON"), ("nan, 3", "latitude is nan"), ('{"lat": 3}', "'None'|longitude is nan"),
        ('{"type": "Point", "coordinates": [2.35, 48.85]}', "neither lat nor lon"),
    ],
)  # fmt: skip
def test_what_is_no_place_is_broken(cell: str, reason: str) -> None:
    with pytest.raises(BrokenInput, match=reason):
        Geo().decode(cell)


@pytest.mark.parametrize(
    "cell", ["48.85, 2.35", "48,85; 2,35", "48.85\t2.35", "[48.85, 2.35]", '{"Lat": 48.85, "lng": 2.35}']
)
def test_a_place_may_be_written_in_several_ways(cell: str) -> None:
    assert Geo().decode(cell) == (48.85, 2.35)


@pytest.mark.parametrize("settings", [{"scales": (1.0, 0.0)}, {"scales": (-1.0,)}, {"seed": -1}])
def test_settings_out_of_range_are_refused(settings: dict[str, object]) -> None:
    with pytest.raises(ConfigError, match=r"greater than|at least"):
        Geo(**settings)


@pytest.mark.parametrize("cell", ["", " , ", "nan nan", "[null, null]"])
def test_nothing_is_missing(cell: str) -> None:
    assert Geo().decode(cell) is None
