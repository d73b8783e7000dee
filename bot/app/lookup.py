"""Finds a patient by study code, or says that there is none. Every use case that staff begin begins here."""

from bot.app.store import Patient, Store


class RefusedError(ValueError):
    """What was asked can't be done; the message says what, and what to do instead."""


def locked(store: Store, code: str) -> Patient:
    """Return the patient of that code, locked; raise RefusedError when there is none."""
    return by_code(store, code, lock=True)


def by_code(store: Store, code: str, *, lock: bool = False) -> Patient:
    """Return the patient of that code; raise RefusedError when there is none."""
    patient = store.patient_by_code(code, lock=lock)
    if patient is None:
        raise RefusedError(f"no patient has the code {code!r}: see `nervecheck patient list`")
    return patient
