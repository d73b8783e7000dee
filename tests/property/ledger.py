"""What is open for a patient, from events alone: answers given, replies tapped, acts of staff. Own rules, own numbers.

The rules are those of the page on concerns. Where an event leaves a choice, the ledger takes the milder one, so that
what it calls open is open by any reading. It knows no alert but by what alerts name, and no state of the product.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from types import MappingProxyType
from typing import NamedTuple

from tests.property.signs import (
    AMOUNTS,
    KNOWN_BY,
    NONE,
    ONLY_STAFF,
    SCALES,
    SCREENS,
    SIGNS,
    UNNAMED,
    WORSE,
    Answers,
    Found,
    Level,
    Tier,
    are_none,
    found_in,
    is_whole_baseline,
    says_new,
)

AGREEMENT_ENDED = "an agreement ended"
NOT_YET = "not yet"
CALLED = "a call screen"
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
WITHOUT_QUESTION = frozenset({"help", "other", *(f"{UNNAMED}:{screen}" for screen in SCREENS)})
"""Both safety screens "none" and nothing new are their answer."""
CONTACT = frozenset(
    {"spoke_to_patient", "spoke_to_helper", "spoke", "seen", "seen_patient", "sent_to_ed", "sent_to_hospital"}
)
SPOKE = frozenset({"reached", "at_hospital", "hospital"})
"""Replies that say that somebody spoke with the patient."""


@dataclass(frozen=True)
class Usual:
    """Days in a row on which a symptom was answered at or below what is usual."""

    days: int
    first_at: datetime
    last_at: datetime
    last_day: date


@dataclass(frozen=True)
class Mark:
    """One symptom that needed a human. `state`: open, reached or settled."""

    state: str
    highest: Level
    opened_at: datetime
    why: str
    reached: Level | None = None
    usual: Usual | None = None
    above_on: date | None = None
    taken_back: tuple[datetime, date] | None = None
    settled_at: datetime | None = None
    form: int | None = None
    """The check-in whose answer opened or raised it last."""
    draft_of: int | None = None
    """The unclosed check-in whose answer below URGENT opened it: that answer may still be changed."""
    before: "Mark | None" = None
    """What a draft was before."""
    by_staff: bool = False
    """Staff spoke with the patient about it, or decided, since it last opened."""

    @property
    def is_open(self) -> bool:
        return self.state == "open"

    @property
    def by_answer(self) -> bool:
        return self.why not in {AGREEMENT_ENDED, NOT_YET}


class Heard(NamedTuple):
    """A check-in as it is now: who answered last, and when."""

    checkin: int
    form: str
    answers: Answers
    state: str
    at: datetime
    day: date
    helper: bool = False
    counted: bool = False
    """Whether an hour has passed since the last tap, so that half an answer counts: ticks name a sign without "done"."""

    @property
    def closed(self) -> bool:
        return self.state in {"done", "expired", "replaced"}


@dataclass
class Ledger:
    marks: dict[str, Mark] = field(default_factory=dict)
    reference: dict[str, Level] = field(default_factory=dict)
    confirm_until: dict[str, datetime] = field(default_factory=dict)
    agreed: dict[str, tuple[Level, datetime]] = field(default_factory=dict)
    undecided: dict[str, Level] = field(default_factory=dict)
    """The levels of ended agreements: until staff decide, answers up to them raise nothing."""
    last: dict[str, Level] = field(default_factory=dict)
    has_baseline: bool = False
    screens: dict[tuple[int, str], tuple[tuple[str, ...], datetime]] = field(default_factory=dict)
    """When each safety screen of each check-in was last answered, and with what."""
    _heard: dict[int, dict[str, Found]] = field(default_factory=dict)
    _given: dict[tuple[int, str], Heard] = field(default_factory=dict)
    """When each check-in last said something new of each symptom."""
    _closed: set[int] = field(default_factory=set)
    _left_care_at: datetime | None = None
    """When staff noted "out of care": everything ended then, and the form that ended with it opens nothing."""

    # -- what is open

    def open(self) -> dict[str, Mark]:
        return {symptom: mark for symptom, mark in self.marks.items() if mark.is_open}

    def accepted(self, symptom: str) -> Level:
        """Return the highest level that opens nothing."""
        levels = [self.reference.get(symptom, NONE), self.undecided.get(symptom, NONE)]
        return max(*levels, self.agreed[symptom][0] if symptom in self.agreed else NONE)

    def usual(self, symptom: str) -> Level:
        """Return the highest level that counts as at or below the reference."""
        agreed = self.agreed[symptom][0] if symptom in self.agreed else NONE
        return max(self.reference.get(symptom, NONE), agreed)

    # -- time

    def until(self, at: datetime) -> None:
        """End agreements, and references that nobody confirmed, whose time has come."""
        for symptom, (level, until) in list(self.agreed.items()):
            if at >= until:
                del self.agreed[symptom]
                self._undecided(symptom, level, until)
        for symptom, until in list(self.confirm_until.items()):
            if at >= until:
                del self.confirm_until[symptom]
                self._undecided(symptom, self.reference.pop(symptom, NONE), until)

    def _undecided(self, symptom: str, level: Level, at: datetime) -> None:
        if self.last.get(symptom, NONE) <= self.reference.get(symptom, NONE):
            return
        self.undecided[symptom] = max(level, self.undecided.get(symptom, NONE))
        mark = self.marks.get(symptom)
        if mark is None or mark.state == "settled":
            self.marks[symptom] = Mark("open", Level(Tier.SOON, 1), at, AGREEMENT_ENDED)

    # -- answers

    def screen(self, checkin: int, question: str, choices: Iterable[str], at: datetime) -> None:
        self.screens[checkin, question] = (tuple(choices), at)

    def answers(self, heard: Heard) -> None:
        """Take what a check-in says by now."""
        if heard.at == self._left_care_at:
            return
        before = self._heard.get(heard.checkin, {})
        found = found_in(heard.answers, heard.form, is_closed=heard.closed or heard.counted)
        # What was named by a tick that counted already stays named as long as the tick is there.
        ticked = found_in(heard.answers, heard.form)
        found |= {symptom: each for symptom, each in ticked.items() if each.is_named and before.get(symptom) == each}
        if heard.closed:
            found = {s: f._replace(was_known=bool(f.was_known)) for s, f in found.items()}
        found |= self._without_question(heard, found)
        is_first_close = heard.closed and heard.checkin not in self._closed
        for symptom, each in found.items():
            was = before.get(symptom)
            if each.was_known is not None and (each != was or is_first_close):
                self._one(self._as_given(heard, symptom, each, was), symptom, each, was)
        named = {
            screen for screen, tier in SCREENS.items() for f in found.values() if f.is_named and f.level.tier is tier
        }
        for screen in named:
            self.marks.pop(f"{UNNAMED}:{screen}", None)
        gone = self._gone(heard, found, before)
        kept = {symptom: each for symptom, each in before.items() if symptom not in gone}
        self._heard[heard.checkin] = {**kept, **{s: f for s, f in found.items() if f.was_known is not None}}
        if heard.closed:
            self._closed.add(heard.checkin)
            self.has_baseline |= is_whole_baseline(heard.form, heard.state, heard.answers)
            for symptom, mark in self.marks.items():
                if mark.draft_of == heard.checkin:
                    self.marks[symptom] = replace(mark, draft_of=None, before=None)

    def _as_given(self, heard: Heard, symptom: str, found: Found, was: Found | None) -> Heard:
        """Return it with the day on which the answer was given: that a form ends is no answer of another day."""
        if found != was or not found.level.tier:
            self._given[heard.checkin, symptom] = heard
            return heard
        given = self._given.get((heard.checkin, symptom), heard)
        return heard._replace(at=given.at, day=given.day)

    def _without_question(self, heard: Heard, found: Mapping[str, Found]) -> dict[str, Found]:
        if says_new(heard.answers) and not any(each.level.tier for each in found.values()):
            return {"other": Found(Level(Tier.SOON, 1))}
        if heard.closed and are_none(heard.answers) and not says_new(heard.answers):
            return {symptom: Found(NONE) for symptom in WITHOUT_QUESTION if symptom in self.marks}
        return {}

    def _one(self, heard: Heard, symptom: str, found: Found, was: Found | None) -> None:
        level = found.level
        self._known(heard, symptom, found, was)
        if heard.closed or level.tier or was is not None:
            # Before a form ends, only what needs a human counts, and what takes such an answer back.
            self.last[symptom] = level
        if was is not None and level < was.level:
            self._taken_back(heard, symptom, level)
        if found.is_named:
            self._named(heard, symptom, found, was)
        elif level.tier and level > self.accepted(symptom):
            mark = self.marks.get(symptom)
            # Half an answer was heard at the call screen, and staff have ended it: the other half gives it no second time.
            is_ended = (
                mark is not None and mark.state == "settled" and mark.why == CALLED and mark.form == heard.checkin
            )
            is_news = was is None or level > was.level or found.was_known != was.was_known
            if is_news and not (is_ended and was is None and level.tier <= mark.highest.tier):
                self._above(heard, symptom, level)
        elif heard.closed:
            if level <= self.usual(symptom):
                self._at_usual(symptom, heard)
            elif symptom in self.marks:
                self.marks[symptom] = replace(self.marks[symptom], usual=None, above_on=heard.day)

    def _known(self, heard: Heard, symptom: str, found: Found, was: Found | None) -> None:
        """Take the patient's word for a reference level, as far as their word goes."""
        level = found.level
        goes = level.tier < Tier.EMERGENCY and not (symptom in ONLY_STAFF and level.step >= 2)
        if found.was_known and heard.form == "baseline" and goes and not self.has_baseline:
            self.reference[symptom] = level
            # Their word holds up to "medium", "some" or a sign, where that is SOON: anything higher waits for staff.
            if heard.helper or level.tier >= Tier.URGENT:
                self.confirm_until[symptom] = heard.at + 7 * DAY
        if was is not None and was.was_known and not found.was_known:
            self.reference.pop(symptom, None)
            self.confirm_until.pop(symptom, None)

    def _named(self, heard: Heard, symptom: str, found: Found, was: Found | None) -> None:
        """A sign that was named replaces the "yes" that left it unnamed, and has its state."""
        if was is not None and was.is_named:
            return
        screen = next(s for s, tier in SCREENS.items() if tier is found.level.tier)
        unnamed = self.marks.get(f"{UNNAMED}:{screen}")
        mark = self.marks.get(symptom)
        if unnamed is None or unnamed.state != "reached":
            # Naming is no rise: it is open since "yes".
            since = unnamed.opened_at if unnamed is not None and unnamed.is_open else heard.at
            self._above(heard._replace(at=since), symptom, found.level, is_new=True)
        elif mark is None or mark.state == "settled":
            self.marks[symptom] = replace(unnamed, highest=found.level, reached=found.level)

    def _above(self, heard: Heard, symptom: str, level: Level, *, is_new: bool = False) -> None:
        """Take an answer above what is accepted. `is_new`: it opens even what a human knows."""
        mark = self.marks.get(symptom)
        new = Mark("open", level, heard.at, f"{level.tier.name} {level.step}, check-in {heard.checkin}")
        new = replace(new, form=heard.checkin, above_on=heard.day, reached=mark.reached if mark is not None else None)
        if level.tier < Tier.URGENT and not heard.closed and not (mark is not None and mark.is_open):
            new = replace(new, draft_of=heard.checkin, before=mark)
        is_new |= symptom in WITHOUT_QUESTION or (level.step == WORSE and symptom not in SCALES)
        is_new |= level.tier is Tier.EMERGENCY or mark is None or mark.reached is None or level > mark.reached
        if mark is not None and mark.is_open:
            rises = level > mark.highest or mark.taken_back is not None
            opened_at = heard.at if rises else mark.opened_at
            highest = max(level, mark.highest)
            since = {"opened_at": opened_at, "form": heard.checkin if rises else mark.form}
            self.marks[symptom] = replace(
                mark, highest=highest, usual=None, above_on=heard.day, taken_back=None, **since
            )
        elif is_new or (mark.state == "settled" and not self._came_back(mark, level, heard.at)):
            self.marks[symptom] = new
        else:
            by_staff = mark.by_staff and mark.state == "reached"
            since = {"usual": None, "above_on": heard.day, "settled_at": None}
            self.marks[symptom] = replace(mark, state="reached", by_staff=by_staff, **since)

    def _came_back(self, mark: Mark, level: Level, at: datetime) -> bool:
        return level.tier is Tier.SOON and mark.settled_at is not None and at - mark.settled_at <= 28 * DAY

    def _at_usual(self, symptom: str, heard: Heard) -> None:
        mark = self.marks.get(symptom)
        if mark is None or mark.state == "settled":
            return
        if mark.is_open and mark.taken_back is not None and mark.highest.tier < Tier.EMERGENCY:
            at, day = mark.taken_back
            if day != heard.day and heard.at - at >= 12 * HOUR:
                self._settle(symptom, mark, heard.at)
                return
        usual = mark.usual
        if usual is None:
            usual = Usual(1, heard.at, heard.at, heard.day) if heard.day != mark.above_on else None
        elif heard.day != usual.last_day:
            usual = Usual(usual.days + 1, usual.first_at, heard.at, heard.day)
        else:
            usual = replace(usual, last_at=heard.at)
        mark = self.marks[symptom] = replace(mark, usual=usual)
        if usual is None or (mark.is_open and mark.highest.tier is not Tier.SOON):
            return
        days, span = (7, 144 * HOUR) if mark.is_open else (3, 48 * HOUR)
        if usual.days >= days and usual.last_at - usual.first_at >= span:
            self._settle(symptom, mark, heard.at)
            # What answers have shown to be gone waits for no decision; a usual sign of an EMERGENCY does.
            if self.undecided.get(symptom, NONE).tier < Tier.EMERGENCY:
                self.undecided.pop(symptom, None)

    def _settle(self, symptom: str, mark: Mark, at: datetime) -> None:
        self.marks[symptom] = replace(mark, state="settled", settled_at=at, usual=None)

    def _taken_back(self, heard: Heard, symptom: str, level: Level) -> None:
        mark = self.marks.get(symptom)
        if mark is None or not mark.is_open:
            return
        if mark.draft_of == heard.checkin:
            del self.marks[symptom]
            if mark.before is not None:
                self.marks[symptom] = mark.before
        elif level <= self.usual(symptom):
            self.marks[symptom] = replace(mark, taken_back=(heard.at, heard.day))
        elif mark.form != heard.checkin:
            return  # an earlier answer, or "not yet", opened it
        elif mark.reached is not None and level <= mark.reached and mark.highest.tier < Tier.EMERGENCY:
            self.marks[symptom] = replace(mark, state="reached")

    def _gone(self, heard: Heard, found: Mapping[str, Found], before: Mapping[str, Found]) -> set[str]:
        """Take back what the check-in doesn't say any more, and return it."""
        gone = set()
        for symptom, was in before.items():
            if symptom in found:
                continue
            mark = self.marks.get(symptom)
            # A tick was removed; or something was found, or nothing is new, so that there is no other.
            # What somebody spoke with them about was said for good: the same answer is no news when the form ends.
            is_draft = mark is not None and mark.is_open and mark.draft_of == heard.checkin
            screens = [s for s, tier in SCREENS.items() if tier is was.level.tier and (was.is_named or s in symptom)]
            if is_draft or any(tuple(heard.answers.get(s, ())) == ("none",) for s in screens):
                self._taken_back(heard, symptom, NONE)
                gone.add(symptom)
        return gone

    def called(
        self,
        named: Iterable[str],
        tier: Tier,
        at: datetime,
        day: date,
        form: int | None = None,
        answers: Answers = MappingProxyType({}),
        *,
        for_team: bool = False,
    ) -> None:
        """A call screen named these: what a draft said is answered for good, and can only be taken back.

        What it named before it was said to be known is open as well, at the tier of the screen or of the half form's
        `answers`: below the call screen of something else there is none of its own. `for_team`: no call screen was shown, so that what
        was accepted until now is what the team has to decide about.
        """
        for symptom in named:
            mark = self.marks.get(symptom)
            if mark is not None and mark.state != "settled":
                self.marks[symptom] = replace(mark, draft_of=None, before=None)
            elif symptom in KNOWN_BY or symptom == "other":
                # Half an answer counts an hour later, and is no news when the form ends.
                if symptom == "other" and form is not None:
                    self._heard.setdefault(form, {})["other"] = Found(Level(Tier.SOON, 1))
                if symptom == "falls" and form is not None:
                    self._heard.setdefault(form, {})["falls"] = Found(Level(Tier.URGENT, 1), was_known=False)
                is_accepted = for_team and self.last.get(symptom, NONE) <= self.accepted(symptom) > NONE
                why = AGREEMENT_ENDED if is_accepted else CALLED
                # With "known" left open, what is only there or not counts at its own tier, an amount at that of the screen.
                own = found_in(answers, "").get(symptom)
                most = max(tier, own.level.tier) if own is not None else tier
                level = Level(Tier.URGENT, 1) if symptom == "falls" else Level(most, len(AMOUNTS))
                self.marks[symptom] = Mark("open", level, at, why, above_on=day, form=form)

    # -- what else was tapped

    def asked_for_help(self, at: datetime, day: date) -> None:
        self._above(Heard(0, "", {}, "done", at, day), "help", Level(Tier.URGENT, 1), is_new=True)

    def yes_on_old_screen(self, screen: str, at: datetime, day: date) -> None:
        level = Level(SCREENS[screen], 1)
        self._above(Heard(0, "", {}, "done", at, day), f"{UNNAMED}:{screen}", level, is_new=True)

    def spoke(self, named: Iterable[str], shown_at: datetime, at: datetime, named_at: datetime | None = None) -> None:
        """Somebody spoke with the patient about what was named by then, and has not opened or risen since.

        `named_at`: when the alert last named something, if it is an earlier one: a sign that was left unnamed then is
        none that opened later.
        """
        names = set(named)
        for symptom, mark in list(self.marks.items()):
            is_later = bool(names) and symptom not in names and named_at is not None and mark.opened_at > named_at
            if mark.is_open and mark.opened_at <= shown_at and is_named_by(symptom, names) and not is_later:
                self.marks[symptom] = replace(
                    mark, state="reached", reached=max(mark.highest, mark.reached or NONE), usual=None
                )

    def at_hospital(self, half: Iterable[tuple[int, Answers]], at: datetime) -> None:
        """The patient is with people who help: all that is open is known, and what half a form says by now.

        `half`: the unfinished check-ins, with their answers.
        """
        for checkin, answers in half:
            if says_new(answers):
                self._heard.setdefault(checkin, {})["other"] = Found(Level(Tier.SOON, 1))
        self.spoke((), at, at)
        for symptom, mark in self.marks.items():
            self.marks[symptom] = replace(mark, draft_of=None, before=None)

    def not_yet(self, named: Iterable[str], opened: Collection[str], at: datetime) -> None:
        """Nobody spoke with them: which of two messages that is about the page leaves open, so here it is the product's.

        `opened`: what is open there afterwards.
        """
        # A sign without a name that is open already re-opens no earlier one of the other screen.
        is_unnamed_open = any(s.partition(":")[0] == UNNAMED and mark.is_open for s, mark in self.marks.items())
        meant = set(named) & set(opened) - ({UNNAMED} if is_unnamed_open else set())
        for symptom, mark in list(self.marks.items()):
            is_meant = symptom.partition(":")[0] in meant
            # What staff spoke about themselves doesn't rest on anybody's "yes".
            if is_meant and mark.state == "reached" and not mark.by_staff:
                self.marks[symptom] = replace(mark, state="open", opened_at=at, why=NOT_YET, by_staff=False)

    def team_knows(self, named: Iterable[str], shown_at: datetime, at: datetime) -> None:
        """ "My team knows", and "yes" to "did you tell them about this?": it counts for SOON alone."""
        soon = [s for s in named if (mark := self.marks.get(s)) is not None and mark.highest.tier <= Tier.SOON]
        self.spoke(soon, shown_at, at)

    def outcome(self, outcome: str, named: Iterable[str], at: datetime, named_at: datetime | None = None) -> None:
        """Staff note an outcome for what an alert names. `named_at`: when it last named something, if not now.

        An alert of long ago that they reopen is about then: what came back since is no part of that false alarm.
        """
        names = set(named)
        if outcome == "out_of_care":
            # Check-ins end: nobody is to call about anything, whatever the alert names.
            self._left_care_at = at
            names |= set(self.marks)
        if outcome in CONTACT:
            self.spoke(names, at, at)
        # A sign that was never left unnamed is no part of "yes" without a name.
        meant = {
            symptom: mark
            for symptom, mark in self.marks.items()
            if mark.state != "settled" and (not names or {symptom, symptom.partition(":")[0]} & names)
        }
        for symptom, mark in meant.items():
            if outcome in CONTACT and not mark.is_open:
                self.marks[symptom] = replace(mark, by_staff=True)
            elif outcome == "no_action" and mark.is_open and mark.highest.tier is Tier.SOON:
                reached = max(mark.highest, mark.reached or NONE)
                self.marks[symptom] = replace(mark, state="reached", reached=reached, by_staff=True)
            elif outcome == "out_of_care":
                self._settle(symptom, mark, at)
        if outcome == "false_alarm":
            shown = {symptom: mark for symptom, mark in meant.items() if mark.opened_at <= (named_at or at)}
            # What staff spoke about with the patient was no false alarm, unless nothing else is left to mean.
            unheard = {symptom: mark for symptom, mark in shown.items() if mark.is_open or not mark.by_staff}
            for symptom, mark in (unheard or shown).items():
                self.marks[symptom] = replace(mark, state="settled", settled_at=at, reached=None)

    def agree(self, symptom: str, level: Level, until: datetime, at: datetime) -> None:
        self.agreed[symptom] = (level, until)
        self._accepted(symptom, level, at)

    def set_reference(self, symptom: str, level: Level, at: datetime) -> None:
        self.reference[symptom] = level
        self._accepted(symptom, level, at)

    def _accepted(self, symptom: str, level: Level, at: datetime) -> None:
        self.undecided.pop(symptom, None)
        self.confirm_until.pop(symptom, None)
        mark = self.marks.get(symptom)
        if mark is not None and mark.state != "settled" and self.last.get(symptom, mark.highest) <= self.usual(symptom):
            self._settle(symptom, mark, at)


def is_named_by(symptom: str, names: set[str]) -> bool:
    """Return whether an alert with these names is about a symptom; one without names is about everything."""
    return not names or symptom in names or (UNNAMED in names and symptom.partition(":")[0] in {UNNAMED, *SIGNS})
