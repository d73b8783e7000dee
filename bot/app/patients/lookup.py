"""Finds a patient by study code for the use cases that staff start. Changes nothing."""

from bot.app.ports.errors import RefusedError
from bot.app.ports.patients import PatientStore
from bot.app.records.patients import Patient


def locked(patients: PatientStore, code: str) -> Patient:
    """Return the patient with that code, locked. Raise RefusedError if there is none."""
    return by_code(patients, code, lock=True)


def by_code(patients: PatientStore, code: str, *, lock: bool = False) -> Patient:
    """Return the patient with that code. Raise RefusedError if there is none."""
    patient = patients.by_code(code, lock=lock)
    if patient is None:
        raise RefusedError(f"no patient has the code {code!r}: see `nervecheck patient list`")
    return patient
