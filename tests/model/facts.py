"""What a history of events says about each symptom, by the page on concerns alone.

`Facts` is a fold over the events: it holds nothing that isn't in them, except where the page leaves a choice (two
readings are possible): there it takes the product's. `laws.py` compares it with the product.
"""

from datetime import date, datetime, timedelta
from typing import NamedTuple

from bot.core.concern_values import Level
from bot.core.protocol import Tier
from tests.model.symptoms import DAY, HOUR, KINDS, NOTHING

NEVER, OPEN, REACHED, SETTLED = "none", "open", "reached", "settled"
PENDING = frozenset({OPEN, REACHED})


class Count(NamedTuple):
    """Local days with answers of one kind."""

    days: int
    first: datetime
    last: datetime
    day: date

    def is_at_least(self, days: int, span: timedelta) -> bool:
        return self.days >= days and self.last - self.first >= span


def counted(count: Count | None, at: datetime, day: date) -> Count:
    if count is None or day < count.day:
        return Count(1, at, at, day)
    return count._replace(days=count.days + (day > count.day), last=at, day=day)


class Violation(NamedTuple):
    law: int
    what: str


class Given(NamedTuple):
    """The answers above the accepted levels by one person since the concern opened. `taken`: none, some or all."""

    by: str
    first: datetime
    last: datetime
    taken: str = "none"


class Lower(NamedTuple):
    """Answers below the reference: since when at most and at least, on which days, the highest."""

    since: datetime
    first: datetime
    days: int
    day: date
    highest: Level


class Of(NamedTuple):
    """What the history says of one symptom.

    Where a sentence can be read in two ways there are two fields: `known_least` and `known_most` are the least and the
    highest level at which a human was reached; `usual`, `usual_least` and (since then) `usual_reached` the days that
    count at most and at least.
    """

    state: str = NEVER
    own: Tier = Tier.ROUTINE
    combined: Tier = Tier.ROUTINE
    for_team: str = ""  # "ended": opened by the end of an agreement; "rejected": by a rejected reference
    is_retracted: bool = False
    taken_back_at: datetime | None = None
    taken_back_on: date | None = None
    last: Level | None = None
    top: Level = NOTHING
    open_top: Level = NOTHING
    found: tuple[datetime, ...] = ()
    sign_found: datetime | None = None
    changed: datetime | None = None
    maybe_changed: datetime | None = None
    known_least: Level | None = None
    known_most: Level | None = None
    was_reached: bool = False
    by_staff: bool | None = False  # None: it took its state from a sign without a name
    yes_by: str | None = None
    refused_by: frozenset[str] = frozenset()
    settled: datetime | None = None
    usual: Count | None = None
    usual_least: Count | None = None
    usual_reached: Count | None = None
    above_on: date | None = None
    given: tuple[Given, ...] = ()
    reference: Level = NOTHING
    is_word: bool = False
    confirm_until: datetime | None = None
    agreed: Level | None = None
    agreed_until: datetime | None = None
    quiet: Level | None = None
    is_quiet_word: bool = False
    lower: Lower | None = None
    lower_since: datetime | None = None
    worse_least: datetime | None = None
    worse_most: datetime | None = None
    calm_least: int = 0
    calm_most: int = 0
    calm_on: date | None = None
    worse_on: date | None = None

    @property
    def tier(self) -> Tier:
        return max(self.own, self.combined)

    @property
    def accepted(self) -> Level:
        """The highest level that counts as at or below the reference."""
        return self.reference if self.agreed is None else max(self.reference, self.agreed)

    def is_usual(self, level: Level) -> bool:
        return level <= self.accepted

    def is_quiet(self, level: Level) -> bool:
        return self.quiet is not None and level <= self.quiet


class Message(NamedTuple):
    """A prompt to the patient, and a page of staff, shown at the same time and naming the same symptoms."""

    at: datetime
    names: tuple[str, ...]


class Facts(NamedTuple):
    of: dict[str, Of]
    has_baseline: bool = False
    was_urgent: bool = False
    """A concern was URGENT or higher since the alert was last closed."""
    pairs: frozenset[tuple[str, str]] = frozenset()
    message: Message | None = None

    def open(self) -> tuple[str, ...]:
        return tuple(name for name, of in sorted(self.of.items()) if of.state == OPEN)

    def unheard(self, names: set[str], shown_at: datetime) -> bool | None:
        """Whether a page showed one of these that no one of the team has dealt with; None: the page leaves it open."""
        found = []
        for other in (self.of[name] for name in names):
            is_dealt_with = other.state not in PENDING or (other.state == REACHED and other.by_staff is True)
            if is_dealt_with or (other.changed is not None and shown_at < other.changed):
                continue
            is_maybe = other.maybe_changed is not None and shown_at < other.maybe_changed
            found.append(not is_maybe and (other.state == OPEN or other.by_staff is False))
        return any(found) or (None if found else False)


class Ended(NamedTuple):
    """What an end date left. `or_opens`: the page can also be read so that it opens (None: it can't)."""

    of: Of
    or_opens: Of | None = None


def with_time(of: Of, at: datetime) -> Ended:
    """End what has an end date."""
    ended: list[Level] = []
    is_word = of.confirm_until is not None and at >= of.confirm_until
    if of.agreed is not None and of.agreed_until is not None and at >= of.agreed_until:
        ended.append(of.agreed)
        of = of._replace(agreed=None, agreed_until=None)
    if is_word:
        ended.append(of.reference)
        of = of._replace(reference=NOTHING, confirm_until=None, is_word=False, lower=None)
    if not ended:
        return Ended(of)
    level = max(ended)
    quiet = of._replace(quiet=level, is_quiet_word=is_word)
    if of.state in {NEVER, SETTLED}:
        quiet = opened(quiet, at, of.last or level, Tier.SOON, "ended")._replace(given=())
    if of.last is not None and of.last > of.reference:
        return Ended(quiet, quiet._replace(state=OPEN) if of.state == REACHED else None)
    # Never asked, or a word that was never confirmed: it may open as well.
    return Ended(of, quiet if of.last is None or is_word else None)


def opened(of: Of, at: datetime, level: Level, tier: Tier, for_team: str = "", by: str = "") -> Of:
    """A concern begins; after a rejected reference the next answer counts as if it was the first."""
    level = NOTHING if for_team == "rejected" else level
    return of._replace(
        state=OPEN,
        own=tier,
        combined=Tier.ROUTINE,
        for_team=for_team,
        is_retracted=False,
        top=level,
        open_top=level,
        found=(at,),
        sign_found=None,
        changed=at,
        maybe_changed=None,
        was_reached=False,
        yes_by=None,
        refused_by=frozenset(),
        usual=None,
        usual_least=None,
        usual_reached=None,
        given=(Given(by, at, at),) if by else (),
        worse_least=None if for_team else at,
        worse_most=at,
        calm_least=0,
        calm_most=0,
        calm_on=None,
        worse_on=at.date(),
    )


def keeps_known_level(of: Of, at: datetime) -> bool | None:
    """Whether the level that a human knows is kept; None on the very edge."""
    if of.settled is None or of.known_most is None:
        return False
    age = at - of.settled
    return None if age == 28 * DAY else age < 28 * DAY


def is_signal(name: str, level: Level) -> bool:
    """Worse, not sure, or any EMERGENCY finding."""
    return level.tier is Tier.EMERGENCY or (KINDS[name].is_sign and level.step >= 2)


def reopens_when_given(name: str) -> bool:
    return not KINDS[name].has_question and not KINDS[name].is_left_open


def with_lower(of: Of, level: Level, at: datetime, day: date) -> tuple[Of, frozenset[Level]]:
    """Count an answer below the reference. Return also what the reference may be now."""
    if level >= of.reference:
        return of._replace(lower=None, lower_since=at), frozenset({of.reference})
    lower = of.lower
    if lower is None or day < lower.day:
        lower = Lower(of.lower_since or at, at, 1, day, level)
    else:
        lower = lower._replace(days=lower.days + (day > lower.day), day=day, highest=max(lower.highest, level))
    of = of._replace(lower=lower)
    if lower.days < 6 or at - lower.since < 28 * DAY:
        return of, frozenset({of.reference})
    if at - lower.first >= 28 * DAY:
        return of, frozenset({lower.highest})
    return of, frozenset({of.reference, lower.highest})


def with_usual_day(of: Of, at: datetime, day: date) -> Of:
    if day == of.above_on:
        return of
    of = of._replace(usual=counted(of.usual, at, day))
    if of.above_on is not None and day < of.above_on:  # the clock was set back
        return of
    of = of._replace(usual_least=counted(of.usual_least, at, day))
    return of._replace(usual_reached=counted(of.usual_reached, at, day)) if of.state == REACHED else of


def with_calm(of: Of, name: str, level: Level, at: datetime, day: date) -> Of:
    """Count an answer for "answered, not worse, on three days"."""
    before = of.last or NOTHING
    is_accepted = of.is_usual(level) or of.is_quiet(level)
    # Help, or something new without a name, is not asked about: said again, it came again.
    came_again = not KINDS[name].has_question and not KINDS[name].is_left_open and level > NOTHING
    if (is_signal(name, level) or level > of.top or came_again) and not is_accepted:
        return of._replace(worse_least=at, worse_most=at, calm_least=0, calm_most=0, calm_on=None, worse_on=day)
    most = of.calm_most + (day != of.calm_on)
    if level > before or of.for_team:
        return of._replace(worse_most=at, calm_least=0, calm_most=most, calm_on=day, worse_on=day)
    least = of.calm_least + (day not in {of.calm_on, of.worse_on})
    return of._replace(calm_least=least, calm_most=most, calm_on=day)


def taken_back_by(given: tuple[Given, ...], by: str, given_at: datetime) -> tuple[Given, ...]:
    """Take back one answer of a person: "all" if it was their only one, else "some"."""
    return tuple(_without(entry, given_at) if entry.by == by else entry for entry in given)


def _without(entry: Given, given_at: datetime) -> Given:
    if entry.first == entry.last:
        return entry._replace(taken="all" if given_at == entry.last else entry.taken)
    left = {"first": entry.last} if given_at == entry.first else {"last": entry.first} if given_at == entry.last else {}
    return entry._replace(taken="some", **left)


def given_also(given: tuple[Given, ...], by: str, at: datetime) -> tuple[Given, ...]:
    old = next((entry for entry in given if entry.by == by), None)
    rest = tuple(entry for entry in given if entry.by != by)
    first = at if old is None or old.taken == "all" else old.first
    return tuple(sorted((*rest, Given(by, first, at))))


def recovered(of: Of, at: datetime, *, surely: bool) -> bool:
    count = of.usual_reached if surely else of.usual
    return count is not None and count.last == at and count.is_at_least(3, 48 * HOUR)


def went_away(of: Of, *, surely: bool) -> bool:
    count = of.usual_least if surely else of.usual
    return of.tier is Tier.SOON and count is not None and count.is_at_least(7, 144 * HOUR)


def nothing_counted(of: Of) -> Of:
    return of._replace(usual=None, usual_least=None, usual_reached=None)
