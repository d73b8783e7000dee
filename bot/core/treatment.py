"""Owns treatment periods: when immunotherapy (ICI) was given, with which drug, and why it stopped. Knows no schedule.

A restart is a further period. Nothing is overwritten: what counts days (week, chart) counts from the first start, what
follows the treatment (phases of a plan) from the start of the period in force.
"""

from datetime import date
from enum import StrEnum
from itertools import pairwise
from typing import Self

from pydantic import Field, model_validator

from bot.core.frozen import Frozen
from bot.core.local_time import ScheduleError


class TreatmentError(ScheduleError):
    """The treatment periods are invalid: {fault}."""


class StopReason(StrEnum):
    """Why ICI was stopped. OTHER includes a hold that is expected to end. UNKNOWN counts as a side effect."""

    SIDE_EFFECT = "side_effect"
    PLANNED_END = "planned_end"
    OTHER = "other"
    UNKNOWN = "unknown"


class Period(Frozen):
    """One treatment period, in local dates. Without a stop it lasts until the next period begins.

    TreatmentError (within ValidationError) if it stops before it starts, or has a reason without a stop.
    """

    start: date
    stop: date | None = None
    reason: StopReason | None = None
    """None: not stopped, or the reason was not recorded, which counts as UNKNOWN."""
    drug: str | None = None

    @model_validator(mode="after")
    def _check_period(self) -> Self:
        if self.stop is not None and self.stop < self.start:
            raise TreatmentError(fault=f"ICI stops on {self.stop}, before it starts on {self.start}")
        if self.stop is None and self.reason is not None:
            raise TreatmentError(fault="a stop reason has no stop")
        return self

    @property
    def stop_reason(self) -> StopReason | None:
        """Return why ICI was stopped; UNKNOWN if that was not recorded, None without a stop."""
        return None if self.stop is None else self.reason or StopReason.UNKNOWN


class Treatment(Frozen):
    """All treatment periods of one patient, oldest first, at least one.

    TreatmentError (within ValidationError) if a period begins before the one listed before it has stopped, or on the
    day on which one began that has not stopped.
    """

    periods: tuple[Period, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _check_order(self) -> Self:
        for before, after in pairwise(self.periods):
            if after.start < (before.stop or before.start):
                what = f"stopped on {before.stop}" if before.stop else f"started on {before.start}"
                raise TreatmentError(fault=f"a period begins on {after.start}, before the earlier one {what}")
            if before.stop is None and after.start == before.start:
                raise TreatmentError(fault=f"two periods begin on {after.start}")
        return self

    @classmethod
    def begun(cls, start: date, stop: date | None = None, reason: StopReason | None = None) -> Self:
        """Return a treatment of one period."""
        return cls(periods=(Period(start=start, stop=stop, reason=reason),))

    @property
    def first_start(self) -> date:
        """Return day 0 of the week count and of the chart: no restart changes it."""
        return self.periods[0].start

    @property
    def newest(self) -> Period:
        """Return the last period, which may begin in the future."""
        return self.periods[-1]

    def on(self, day: date) -> Period:
        """Return the period in force on a day: the newest that has begun, stopped or not; the first one before it."""
        return next((period for period in reversed(self.periods) if period.start <= day), self.periods[0])
