"""What is stored about one patient can't be changed once it is collected."""

from datetime import UTC, datetime

import pytest
from pydantic import ValidationError

from bot.core.own_data import DataEntry, DataFact, DataPart, OwnData
from bot.core.screen import Text

WORDS = Text(key="own.title")
AT = datetime(2026, 3, 2, 9, tzinfo=UTC)


def test_own_data_is_complete_and_can_not_be_changed():
    fact = DataFact(id="numbness", name=WORDS, words=WORDS, value="mild", at=AT)
    part = DataPart(id="checkins", title=WORDS, entries=(DataEntry(facts=(fact,)),))
    data = OwnData(made_at=AT, title=WORDS, nothing=WORDS, intro=(), parts=(part,))
    assert data.parts[0].entries[0].facts[0].value == "mild"
    with pytest.raises(ValidationError):
        fact.value = "none"
