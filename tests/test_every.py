import pytest

from tests.every import for_every


def test_every_case_that_fails_is_listed():
    @for_every([(1, "one"), (2, "two"), (3, "three")])
    def check(number, name):
        assert number == 2, f"{name} is not two"

    with pytest.raises(AssertionError, match=r"(?s)2 fail:\n1, one: one is not two.*\n3, three: three is not two"):
        check()


def test_an_error_of_the_check_itself_is_raised():
    @for_every([(1,)])
    def check(number):
        raise KeyError(number)

    with pytest.raises(KeyError):
        check()
