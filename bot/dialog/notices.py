"""Turns facts from use cases into messages in the outbox: screen, lane, slot. Decides nothing clinical."""

from collections.abc import Iterable
from dataclasses import dataclass

from bot.app.ports.notices import CheckInEnd
from bot.app.records.alerts import AlertRow
from bot.app.records.checkins import CheckInRow
from bot.app.records.messages import Lane
from bot.app.records.patients import Caregiver, Patient
from bot.app.records.team import Staff
from bot.app.work import Work
from bot.core.protocol import Tier
from bot.core.schedule import Pause
from bot.core.screen import Screen, Text
from bot.dialog import checkins, farewells, live_buttons, seen
from bot.dialog.asked import marked
from bot.dialog.call_screens import call_screen
from bot.dialog.call_soon import soon_screen
from bot.dialog.checkin_screens import change_row, end_screen, reminder_screen
from bot.dialog.help_screens import DESPAIR_SCREEN
from bot.dialog.hospital import home_screen, slot_of
from bot.dialog.pauses import call_first, pause_screen
from bot.dialog.post import drop_unsent, post, post_staff
from bot.dialog.safety_follow_up import safety_follow_up_screen
from bot.dialog.same_again import with_last_time
from bot.dialog.staff_alerts import alert_screen, notice_screen
from bot.dialog.staff_screens import digest_today
from bot.dialog.still_open import still_open_screen
from bot.dialog.widgets import next_checkin_text, numbers


@dataclass(frozen=True)
class OutboxNotices:
    """Queues each notice as messages (see `bot.app.ports.notices.Notices`)."""

    work: Work

    # -- check-ins

    def checkin_opened(self, patient: Patient, row: CheckInRow) -> None:
        # What the patient has just asked for is a reply; scheduled check-ins are bulk.
        lane = Lane.REPLY if row.kind in {"worse", "baseline"} else Lane.CHECKIN
        checkins.show(self.work, patient, row, lane=lane, edit=False)

    def checkin_moved_on(self, patient: Patient, row: CheckInRow) -> None:
        checkins.show(self.work, patient, row, lane=Lane.REPLY, edit=True)

    def checkin_ended(self, patient: Patient, row: CheckInRow, end: CheckInEnd) -> None:
        zone = patient.timezone or self.work.clinic.timezone
        if end.kind == "still_open":
            screen = marked(self.work, still_open_screen(self.work.clinic, end, zone), end.alert)
        else:
            screen = end_screen(self.work.clinic, end, next_checkin_text(patient.next_due_at, zone))
        ended = screen.model_copy(update={"rows": (*screen.rows, change_row(row))})
        post(
            self.work,
            patient,
            ended,
            slot=f"checkin:{row.id}",
            lane=Lane.REPLY,
            edit=True,
            revision=row.value.revision,
            everyone=True,
        )
        live_buttons.of_finished_checkin(self.work, patient, row, ended)

    def checkin_closed(self, patient: Patient, row: CheckInRow) -> None:
        # An unsent question is pointless now; a message that was sent stays.
        drop_unsent(self.work, patient, f"checkin:{row.id}")
        live_buttons.of_closed_checkin(self.work, patient, row)

    def checkin_reminder(self, patient: Patient, row: CheckInRow) -> None:
        post(
            self.work,
            patient,
            with_last_time(self.work, patient, row, reminder_screen(row, self.work.clinic)),
            slot=f"checkin:{row.id}",
            lane=Lane.REMINDER,
            revision=row.value.revision,
            valid_for=self.work.clinic.protocol.clocks.cutoff,
            everyone=True,
        )

    # -- calls

    def call_now(self, patient: Patient, alert: AlertRow) -> None:
        """Queue a new message, because an edit makes no sound."""
        if alert.call_tier is Tier.SOON:
            self._call_soon(patient, alert)
            return
        # One that still waits for the morning would say "within 24 hours" after this one.
        drop_unsent(self.work, patient, f"call-soon:{alert.id}")
        screen = marked(self.work, call_screen(alert, self.work.clinic), alert)
        slot, everyone = seen.slot_of(self.work, alert), screen.name != DESPAIR_SCREEN
        post(self.work, patient, screen, slot=slot, lane=Lane.RED_FLAG, everyone=everyone)

    def _call_soon(self, patient: Patient, alert: AlertRow) -> None:
        screen = marked(self.work, soon_screen(alert, self.work.clinic), alert)
        post(self.work.when_awake(patient), patient, screen, slot=f"call-soon:{alert.id}", everyone=True)

    def seen_by_team(self, patient: Patient, alert: AlertRow, *, is_seen: bool) -> None:
        (seen.show if is_seen else seen.hide)(self.work, patient, alert)

    def safety_follow_up(self, patient: Patient, alert: AlertRow) -> None:
        slot = f"loopback:{alert.id}:{alert.safety_follow_ups}"
        screen = marked(self.work, safety_follow_up_screen(alert, self.work.clinic), alert)
        post(self.work, patient, screen, slot=slot, lane=Lane.RED_FLAG, everyone=True)

    def ask_home(self, patient: Patient, alert: AlertRow) -> None:
        screen = marked(self.work, home_screen(self.work, patient, alert), alert)
        post(self.work.when_awake(patient), patient, screen, slot=slot_of(alert.id), lane=Lane.REMINDER, everyone=True)

    def alert_closed(self, patient: Patient, alert: AlertRow) -> None:
        live_buttons.of_closed_alert(self.work, patient, alert)

    # -- participation

    def paused(self, patient: Patient, pause: Pause, *, is_planned: bool) -> None:
        screen = pause_screen(self.work, patient, pause, is_planned=is_planned)
        post(self.work, patient, screen, slot="pause")

    def plan_ends(self, patient: Patient, *, with_checkin: bool) -> None:
        """Queue it ahead of the check-in, in its lane, so that the question stays the last message."""
        text = Text(key="goodbye" if with_checkin else "goodbye.over", values=numbers(self.work.clinic))
        goodbye = Screen(name="goodbye", lines=(*call_first(self.work, patient), text), silent=with_checkin)
        post(self.work, patient, goodbye, slot="goodbye", lane=Lane.CHECKIN, everyone=True)

    def plan_changed(self, patient: Patient) -> None:
        following = next_checkin_text(patient.next_due_at, patient.timezone or self.work.clinic.timezone)
        lines = (*call_first(self.work, patient), Text(key="plan.changed"), *([following] if following else ()))
        post(self.work, patient, Screen(name="plan.changed", lines=lines), slot="plan")

    def withdrawn(self, patient: Patient, tier: Tier) -> None:
        farewells.withdrawn(self.work, patient, tier)

    def caregiver_ended(self, patient: Patient, caregiver: Caregiver) -> None:
        farewells.caregiver_ended(self.work, patient, caregiver)

    def data_erased(self, patient: Patient, caregivers: Iterable[Caregiver], tier: Tier) -> None:
        farewells.data_erased(self.work, patient, caregivers, tier)

    # -- the team

    def alert_raised(self, patient: Patient, alert: AlertRow, person: Staff) -> None:
        show_alert(self.work, patient, alert, person, edit=False)

    def alert_changed(self, patient: Patient, alert: AlertRow, person: Staff) -> None:
        show_alert(self.work, patient, alert, person, edit=True)

    def patient_replied(self, patient: Patient, alert: AlertRow, person: Staff, reply: str) -> None:
        screen = notice_screen(self.work.clinic, patient, alert, reply)
        post_staff(self.work, person, screen, slot=f"staff-notice:{alert.id}")

    def digest(self, person: Staff) -> None:
        post_staff(self.work, person, digest_today(self.work), slot="staff-digest", lane=Lane.DIGEST)


def show_alert(work: Work, patient: Patient, alert: AlertRow, person: Staff, *, edit: bool) -> None:
    """Queue an alert's current state for a member: as an edit, or as a new message with sound."""
    screen = alert_screen(work, patient, alert, person)
    post_staff(work, person, screen, slot=f"staff-alert:{alert.id}", edit=edit, revision=alert.work_revision)
