import pytest

from bot.core.digits import ascii_digits


@pytest.mark.parametrize(
    "typed", ["٠١٢٣٤٥٦٧٨٩", "۰۱۲۳۴۵۶۷۸۹", "०१२३४५६७८९", "０１２３４５６７８９", "০১২৩৪৫৬৭৮৯", "0123456789"]
)
def test_digits_of_any_script_are_0_to_9(typed: str) -> None:
    assert ascii_digits(typed) == "0123456789"


def test_other_signs_stay_as_they_are() -> None:
    for text in ("P-A½²Ⅳ①", "+ :.-", "двенадцать", ""):
        assert ascii_digits(text) == text
    assert ascii_digits("P-٠٠١٧") == "P-0017"
