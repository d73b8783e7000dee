"""The time zones to choose from: regions, then cities, a page at a time. Knows no patient."""

from functools import cache
from importlib import resources

PAGE = 10
"""Cities on one screen: more would not fit a phone without scrolling."""

_REGIONS = ("Africa", "America", "Asia", "Atlantic", "Australia", "Europe", "Indian", "Pacific")


@cache
def cities(region: str) -> tuple[str, ...]:
    """Return the region's cities as zone names without the region ("Argentina/Buenos_Aires"), sorted.

    Only zones of the tz database's table of places: no aliases, no "Etc". An unknown region has none.
    """
    names = {line.split("\t")[2].strip() for line in _zone_table() if line and not line.startswith("#")}
    return tuple(sorted(name.split("/", 1)[1] for name in names if name.startswith(f"{region}/")))


def _zone_table() -> list[str]:
    return resources.files("tzdata").joinpath("zoneinfo/zone.tab").read_text(encoding="utf-8").splitlines()


def regions() -> tuple[str, ...]:
    """Return the regions that people live in, sorted."""
    return _REGIONS


def pages(region: str) -> int:
    """Return how many pages of cities a region has."""
    return -(-len(cities(region)) // PAGE)


def page(region: str, number: int) -> tuple[str, ...]:
    """Return one page of cities, counted from 0; a page past the end is empty."""
    return cities(region)[number * PAGE : (number + 1) * PAGE]


def to_word(city: str) -> str:
    """Return a city as a button's choice: callback data allows no slash."""
    return city.replace("/", "+")


def to_zone(region: str, word: str) -> str | None:
    """Return the IANA name of a button's choice; None if there is no such city."""
    city = word.replace("+", "/")
    return f"{region}/{city}" if city in cities(region) else None


def label(zone: str) -> str:
    """Return a zone as it is shown, such as "Buenos Aires"."""
    return zone.rsplit("/", 1)[-1].replace("_", " ")
