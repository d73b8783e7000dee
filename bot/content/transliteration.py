"""Spells Russian that was typed in Latin letters ("ne mogu vstat") in its own. It knows no words: there are many ways.

The endings and soft signs that people leave out are left to the stems of the lists, which need only the beginning.
"""

_LETTERS = (
    *(
        ("shch", "щ"),
        ("sch", "щ"),
        ("tsya", "тся"),
        ("tsja", "тся"),
        ("zh", "ж"),
        ("kh", "х"),
        ("ch", "ч"),
        ("sh", "ш"),
    ),
    *(("ts", "ц"), ("yo", "е"), ("jo", "е"), ("yu", "ю"), ("ju", "ю"), ("ya", "я"), ("ja", "я"), ("ye", "е")),
    *(("je", "е"), ("ee", "и"), ("oo", "у")),
    *zip("abcdefghijklmnopqrstuvwxyz4'", "абцдефгхижклмнопкрстуввхызчь", strict=True),
)
_LONGEST = 4


def in_cyrillic(text: str) -> str:
    """Return the text, in lower case, with its Latin letters replaced by the Cyrillic ones that are meant."""
    spelled = dict(_LETTERS)
    rest, found = text.casefold(), []
    while rest:
        length = next((n for n in range(_LONGEST, 0, -1) if rest[:n] in spelled), 0)
        found.append(spelled[rest[:length]] if length else rest[0])
        rest = rest[max(length, 1) :]
    return "".join(found)
