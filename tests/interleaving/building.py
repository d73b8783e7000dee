"""Writes the start state (scene.py) by the product's own use cases. Knows no run."""

from datetime import date, datetime, time, timedelta

from argon2 import PasswordHasher

from bot import service
from bot.app.alerts import escalation, help_requests, ownership, raising
from bot.app.alerts.naming import Found
from bot.app.checkins import opening
from bot.app.concerns import agreeing
from bot.app.concerns.memory import remember
from bot.app.operations import installation
from bot.app.patients import participation, registry
from bot.app.records.alerts import Task
from bot.app.records.messages import Claim, Lane
from bot.app.records.operations import BEGINNING, DeadUpdate, Place
from bot.app.records.patients import Consent, Patient, PatientState
from bot.app.records.team import Passkey, Role
from bot.app.schedules import plan_edits
from bot.app.schedules.plans import rescheduled
from bot.app.team import members
from bot.app.work import Work
from bot.core.concern_values import Level
from bot.core.happenings import Agree, Answered
from bot.core.protocol import Tier
from bot.core.screen import Action
from bot.db.engine import Database
from bot.desk import sign_in
from bot.dialog import caregivers, conversation, staff_chat
from tests.interleaving.scene import (
    ABSENT,
    ANNA,
    ASKED_HELPER,
    BERTA,
    CARLA,
    CODES,
    COORDINATOR,
    CREDENTIAL,
    DORA,
    EMIL,
    FRITZ,
    GERDA,
    HEIDI,
    HELPER,
    IDA,
    JANA,
    KLARA,
    LEAD,
    LUISE,
    NOW,
    OPERATOR,
    PASSWORD,
    PAULA,
    SECRET,
    SENDER,
    Scene,
)
from tests.interleaving.sides import Side

_MINUTE = timedelta(minutes=1)
_PLANNED_FROM = {IDA: NOW - timedelta(hours=70), **dict.fromkeys((JANA, KLARA, LUISE), NOW)}
"""From when the plan of some is counted: of the others a check-in of today is due."""
_HASH = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)
"""Cheap to check: a thousand sign-ins should not take minutes."""


def build(database: Database) -> Scene:
    """Write the start state and return what is in it."""
    builder = _Builder(database)
    builder.team()
    builder.patients()
    builder.reminded()
    builder.anna()
    builder.berta()
    builder.others()
    builder.operations()
    return builder.scene()


class _Builder:
    """Writes the start state step by step; each step is a side of its own, at the time when it happened."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._tokens: dict[str, str] = {}
        self._alerts: dict[str, int] = {}
        self._numbers: dict[str, int] = {}
        self._claims: dict[int, Claim] = {}
        self._finished = 0
        self._steps = 0

    def _at(self, at: datetime) -> Side:
        self._steps += 1
        return Side(f"scene{self._steps}", self._database, at)

    # -- who is there

    def team(self) -> None:
        self._member("lead-1", "lead", LEAD)
        self._member("coord-1", "coordinator", COORDINATOR)
        self._member("op-1", "operator", OPERATOR)
        self._member("coord-2", "coordinator", ABSENT)
        s = self._at(NOW - timedelta(days=1))
        _, self._tokens["join"] = s.transact(
            lambda work: members.add(work.acting("op"), name="new-1", role="coordinator", language=None)
        )

        def rota(work: Work) -> None:
            installation.claim(work, sandbox=False, oldest_key="k", key_ids=("test",))
            work.settings.set(installation.BOT_NAME, "nervecheck_bot")
            for rank, name in enumerate(("lead-1", "coord-1")):
                made = members.add_shift(work.acting("op"), name, out_of_hours=True, rank=rank)
                self._numbers[f"shift {name}"] = made.id
            cover = members.add_cover(
                work.acting("op"),
                "coord-1",
                "lead-1",
                first=date(2026, 3, 9),
                last=date(2026, 3, 10),
            )
            self._numbers["cover"] = cover.id
            lead = members.by_name(work, "lead-1")
            secured = {"password_hash": _HASH, "totp_secret": SECRET, "totp_step": 1, "failures": 3}
            work.staff.save(lead.model_copy(update=secured))
            key = work.passkeys.add(
                Passkey(staff_id=lead.id, credential_id=CREDENTIAL, public_key="AAAA", sign_count=0, added_at=s.at)
            )
            self._numbers["passkey"] = key.id
            absent = members.by_name(work, "coord-2")
            work.staff.save(absent.model_copy(update={"unreachable_at": s.at}))

        s.transact(rota)
        s = self._at(NOW - 5 * _MINUTE)
        self._tokens["session"] = s.transact(
            lambda work: sign_in.begin_session(work, s.desk, members.by_name(work, "lead-1"), "link")
        )
        s = self._at(NOW - 5 * _MINUTE)
        s.wait(sign_in.send_link(s.desk, "coord-1"))
        self._tokens["login"] = s.tokens.last

    def _member(self, name: str, role: Role, chat: int) -> None:
        s = self._at(NOW - timedelta(days=30))

        def act(work: Work) -> None:
            _, token = members.add(work.acting("op"), name=name, role=role, language=None)
            staff_chat.opened(work, token, chat)

        s.transact(act)

    def patients(self) -> None:
        for chat, code in CODES.items():
            self._patient(chat, code)
        s = self._at(NOW - timedelta(days=1))
        s.transact(lambda work: participation.pause(work.acting("operator"), "PAULA", date(2026, 3, 20)))
        restart = plan_edits.PlanEdit(ici_restart=date(2026, 3, 1))
        s.transact(lambda work: plan_edits.apply(work.acting("lead-1"), "CARLA", restart))

    def _patient(self, chat: int, code: str) -> None:
        s = self._at(NOW - timedelta(days=3))
        changes = {"chat_id": chat, "jitter": 0, "state": PatientState.ACTIVE, "timezone": "Europe/Berlin"}
        if chat == DORA:
            changes |= {"state": PatientState.ENROLLING, "enrol_step": "time", "enrol_revision": 6}
        if chat == HEIDI:
            changes |= {"state": PatientState.ENROLLING, "enrol_step": "consent3", "enrol_revision": 4}
        if chat == EMIL:
            changes |= {"state": PatientState.WITHDRAWN}
        if chat == JANA:
            changes |= {"quiet_from": time(9), "quiet_to": time(12)}

        def act(work: Work) -> None:
            added, self._tokens[code] = registry.add(work.acting("operator"), code=code, ici_start=date(2026, 2, 2))
            made = added.model_copy(update=changes)
            if made.state is PatientState.ACTIVE:
                made = rescheduled(made, s.clinic, _PLANNED_FROM.get(chat, NOW - timedelta(hours=5)))
            if chat != CARLA:
                work.patients.save(made)
            if chat not in {CARLA, HEIDI}:
                work.consents.add(_consent(work, made))

        s.transact(act)

    # -- what they are in

    def reminded(self) -> None:
        """Those whose open check-in has its time, each for another reason."""
        self._ask(FRITZ, NOW - timedelta(hours=26))
        self._answer(FRITZ, NOW - timedelta(hours=25), "no", "none", "none", "skip")
        began = NOW - timedelta(hours=7)
        self._ask(PAULA, NOW - timedelta(hours=40))
        for chat in (EMIL, JANA, KLARA, LUISE):
            self._ask(chat, began)
        self._answer(KLARA, began + _MINUTE, "no", "none", "none", "medium")
        s = self._at(NOW - timedelta(hours=1))

        def next_action(work: Work) -> None:
            for number, chat in enumerate((EMIL, PAULA, JANA, KLARA, LUISE)):
                row = work.checkins.open_of(self._by_chat(work, chat).id)
                assert row is not None
                remind_at = NOW + timedelta(hours=1) if chat == LUISE else None
                changed = {"next_action_at": NOW - (9 - number) * _MINUTE, "remind_at": remind_at}
                work.checkins.save(row.model_copy(update=changed))

        s.transact(next_action)

    def _answer(self, chat: int, at: datetime, *choices: str) -> None:
        for number, choice in enumerate(choices):
            s = self._at(at + number * timedelta(seconds=1))

            def act(work: Work, choice: str = choice) -> None:
                patient = work.patients.by_chat(chat)
                assert patient is not None
                row = work.checkins.open_of(patient.id)
                assert row is not None
                bare = choice in {"submit", "skip"}
                kind = choice if bare else "toggle" if choice[:1] in "+-" else "choose"
                tap = Action(
                    kind=kind,
                    subject=row.id,
                    revision=row.value.revision,
                    question=row.value.cursor or "",
                    choice="" if bare else choice,
                )
                conversation.tap(work, chat, tap)

            s.transact(act)

    def _ask(self, chat: int, at: datetime, form: str = "quick") -> None:
        s = self._at(at)

        def act(work: Work) -> None:
            patient = work.patients.by_chat(chat, lock=True)
            assert patient is not None
            assert opening.open_checkin(work, patient, form=form, kind="scheduled", due_at=s.at)

        s.transact(act)

    def anna(self) -> None:
        self._ask(ANNA, NOW - timedelta(hours=4))
        self._answer(ANNA, NOW - timedelta(hours=4), "no", "none", "none", "none")
        s = self._at(NOW - timedelta(hours=3))

        def old(work: Work) -> None:
            jana = self._by_chat(work, JANA)
            made = raising.raise_alert(work, jana, Found(Tier.SOON, ("sensory.worse_than_last",)))
            ownership.note(work.acting("coord-1"), made.id, "no_action", reason="expected")
            ownership.close(work.acting("coord-1"), made.id)
            self._alerts["old"] = made.id
            done = work.checkins.of_patient(self._by_chat(work, ANNA).id)[0]
            assert done.closed_at is not None, done
            self._finished = done.id

        s.transact(old)
        h = self._at(NOW - timedelta(minutes=70))

        def calls_for_help(work: Work) -> None:
            klara = self._by_chat(work, KLARA)
            help_requests.need_help(work, klara, None)
            made = work.alerts.of_patient(klara.id)[0]
            self._alerts["help"] = made.id
            escalation.step(work, made)
            ownership.acknowledge(work.acting("lead-1"), made.id)
            ownership.note(work.acting("lead-1"), made.id, "spoke_to_patient")

        h.transact(calls_for_help)
        self._deliver_all(NOW - timedelta(minutes=65))
        self._ask(ANNA, NOW - timedelta(minutes=21))
        self._deliver_all(NOW - timedelta(minutes=20, seconds=30))
        self._answer(ANNA, NOW - timedelta(minutes=20), "no", "yes", "+heart")
        f = self._at(NOW - timedelta(minutes=19))

        def flagged(work: Work) -> None:
            anna = work.patients.by_chat(ANNA)
            assert anna is not None
            made = work.alerts.of_patient(anna.id)[0]
            assert made.tier is Tier.EMERGENCY, made
            self._alerts["flag"] = made.id
            escalation.step(work, made)

        f.transact(flagged)
        self._tokens["care"] = self._caregiver_link(ANNA, NOW - timedelta(minutes=15))
        s2 = self._at(NOW - timedelta(minutes=14))
        s2.transact(lambda work: agreeing.agree_level(work.acting("lead-1"), "ANNA", "numbness", "mild", 7))

    @staticmethod
    def _by_chat(work: Work, chat: int) -> Patient:
        patient = work.patients.by_chat(chat, lock=True)
        assert patient is not None
        return patient

    def berta(self) -> None:
        self._ask(BERTA, NOW - timedelta(hours=25))
        self._answer(BERTA, NOW - timedelta(hours=24, minutes=59), "no")
        agree = Action(kind="care", choice="agree")
        self._caregiver(BERTA, HELPER)
        d = self._at(NOW - timedelta(hours=18))
        d.transact(lambda work: conversation.tap(work, HELPER, agree))
        self._caregiver(FRITZ, ASKED_HELPER)
        s = self._at(NOW - timedelta(hours=2))

        def soon(work: Work) -> None:
            berta = self._by_chat(work, BERTA)
            row = work.checkins.open_of(berta.id)
            assert row is not None
            strong = Answered(symptom="numbness", level=Level(Tier.URGENT, 3), by=berta.actor, day=s.at.date())
            remember(work, berta, (strong,), checkin_id=row.id)
            made = raising.raise_alert(
                work, berta, Found(Tier.URGENT, ("sensory.severe",), ("numbness",), checkin_id=row.id)
            )
            self._alerts["berta"] = made.id
            escalation.step(work, made)
            ownership.acknowledge(work.acting("coord-1"), made.id)

        s.transact(soon)

    def _caregiver(self, chat: int, helper: int) -> None:
        """The patient made a link and the caregiver opened it."""
        token = self._caregiver_link(chat, NOW - timedelta(hours=20))
        d = self._at(NOW - timedelta(hours=19))
        d.transact(lambda work: conversation.start(work, helper, token, "en"))

    def _caregiver_link(self, chat: int, at: datetime) -> str:
        c = self._at(at)
        make = Action(kind="care", choice="make")
        c.transact(lambda work: caregivers.tapped(work, self._by_chat(work, chat), make))
        return c.tokens.last

    def others(self) -> None:
        self._ask(FRITZ, NOW - timedelta(hours=3))
        self._answer(FRITZ, NOW - timedelta(hours=2), "no", "none", "none")

        silent = NOW - timedelta(hours=73)
        self._ask(GERDA, silent)
        s = self._at(NOW - timedelta(hours=1))

        def reminded(work: Work) -> None:
            row = work.checkins.open_of(self._by_chat(work, GERDA).id)
            assert row is not None
            work.checkins.save(row.model_copy(update={"reminders": 2, "next_action_at": silent + timedelta(hours=72)}))

        s.transact(reminded)
        a = self._at(NOW - timedelta(hours=2))

        def escalated(work: Work) -> None:
            for chat, name in ((PAULA, "unnotified"), (GERDA, "stopped")):
                patient = self._by_chat(work, chat)
                made = raising.raise_alert(work, patient, Found(Tier.SOON, ("sensory.worse_than_last",)))
                self._alerts[name] = made.id
            ownership.acknowledge(work.acting("coord-1"), self._alerts["stopped"])
            paula = self._by_chat(work, PAULA)
            due = {"ask_home_at": NOW - _MINUTE, "goodbye_at": NOW - _MINUTE, "next_due_at": None}
            work.patients.save(paula.model_copy(update=due))
            work.patients.save(self._by_chat(work, GERDA).model_copy(update={"unanswered": 2}))
            for name, at in (("unnotified", None), ("stopped", NOW - _MINUTE)):
                row = work.alerts.get(self._alerts[name])
                assert row is not None
                work.alerts.save(row.model_copy(update={"next_escalation_at": at}))
            agreed = Agree(symptom="numbness", level=Level(Tier.URGENT, 3), until=NOW - _MINUTE)
            remember(work, self._by_chat(work, LUISE), (agreed,))

        a.transact(escalated)

    def operations(self) -> None:
        s = self._at(NOW - _MINUTE)
        after = self._claim(s.at)
        for claim in after:
            self._claims[claim.row.chat_id] = claim
        failed = self._claims[BERTA]

        def act(work: Work) -> None:
            item = work.tasks.add(
                Task(kind="not_heard_from", patient_id=self._by_chat(work, BERTA).id, subject="BERTA", raised_at=s.at)
            )
            assert item is not None
            self._numbers["item"] = item.id
            skipped = f"LUISE@{s.at - timedelta(days=1):%Y-%m-%dT%H:%MZ}"
            luise = self._by_chat(work, LUISE).id
            work.tasks.add(Task(kind="skipped_after_outage", patient_id=luise, subject=skipped, raised_at=s.at))
            anna = self._by_chat(work, ANNA).id
            work.tasks.add(Task(kind="skipped_twice", patient_id=anna, subject="ANNA", raised_at=s.at))
            dead = work.dead_letters.add_update(DeadUpdate(update_id=5, chat_id=ANNA, raw="{}", error="E", at=s.at))
            self._numbers["dead update"] = dead.id
            work.outbox.mark_failed(failed.row.id, error="Forbidden: x", at=s.at)
            self._numbers["failed message"] = failed.row.id
            work.settings.set(service.BOT_ID, "1")
            for name, hours in (("up_at", 14), ("heard_at", 25)):
                work.settings.set(name, (NOW - timedelta(hours=hours)).isoformat())
            work.updates.mark_processed(70, s.at - timedelta(days=3))
            work.updates.mark_processed(71, s.at)
            work.leases.take("poll", owner="replica-1", at=s.at, until=s.at + _MINUTE)

        s.transact(act)

    def _claim(self, at: datetime) -> list[Claim]:
        s = self._at(at)
        return list(
            s.transact(
                lambda work: work.outbox.claim(at, lanes=list(Lane), limit=100, owner=SENDER, lease_until=NOW + _MINUTE)
            )
        )

    def _deliver_all(self, at: datetime) -> None:
        """Everything queued so far was sent; each message has its number at Telegram."""
        s = self._at(at)

        def sent(work: Work) -> None:
            for claim in claims:
                number = claim.row.id % 100_000
                work.outbox.mark_sent(claim.row.id, owner=SENDER, message_id=number, at=at)

        while claims := self._claim(at):
            s.transact(sent)

    def scene(self) -> Scene:
        s = self._at(NOW)

        def look(work: Work) -> Scene:
            by_chat = {chat: p for chat, code in CODES.items() if (p := work.patients.by_code(code)) is not None}
            finished = work.checkins.get(self._finished)
            assert finished is not None
            opened = {chat: row for chat, p in by_chat.items() if (row := work.checkins.open_of(p.id)) is not None}
            found = {
                name: alert for name, number in self._alerts.items() if (alert := work.alerts.get(number)) is not None
            }
            due_at = by_chat[BERTA].next_due_at
            assert due_at is not None
            assert due_at <= NOW, due_at
            return Scene(
                patients=by_chat,
                alerts=found,
                open=opened,
                finished=finished,
                tokens=self._tokens,
                claims=self._claims,
                numbers=self._numbers,
                due=_due(work),
            )

        return s.transact(look)


def _consent(work: Work, patient: Patient) -> Consent:
    is_withdrawn = patient.state is PatientState.WITHDRAWN
    return Consent(
        patient_id=patient.id,
        version=work.clinic.consent_version,
        text_hash=work.clinic.consent_hash,
        language=patient.language,
        given_at=work.at,
        withdrawn_at=work.at if is_withdrawn else None,
    )


def _due(work: Work) -> dict[str, list[Place]]:
    start, most = BEGINNING, 100
    found = {
        "check_ins_due": [(row.next_due_at, row.id) for row in work.patients.due(NOW, most, start)],
        "checkin_clocks": [(row.next_action_at, row.id) for row in work.checkins.due(NOW, most, start)],
        "alert_clocks": [(row.next_patient_prompt_at, row.id) for row in work.alerts.prompts_due(NOW, most, start)],
        "team_clocks": [(row.next_escalation_at, row.id) for row in work.alerts.escalations_due(NOW, most, start)],
    }
    return {name: [Place(at, number) for at, number in rows if at is not None] for name, rows in found.items()}
