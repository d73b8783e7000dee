"""Every address of the console and who may open it: one table, and one test that tries every role at every door."""

from starlette.routing import Route

from bot.console.desk import Desk
from bot.console.doors import CARE, EVERYONE, KEEPERS, LEADS, Door, routes
from bot.console.pages import alerts, entrance, patients, record, team

DOORS: tuple[Door, ...] = (
    Door("GET", "/console/sign-in", None, entrance.ask),
    Door("POST", "/console/sign-in", None, entrance.by_password),
    Door("POST", "/console/link", None, entrance.send_link),
    Door("GET", "/console/enter/{token}", None, entrance.enter),
    Door("POST", "/console/enter/{token}", None, entrance.entered),
    Door("POST", "/console/passkey/ask", None, entrance.ask_to_enter),
    Door("POST", "/console/passkey/enter", None, entrance.by_passkey),
    Door("POST", "/console/sandbox", None, entrance.sandbox),
    Door("GET", "/console/static/{version}/{name}", None, entrance.static),
    Door("POST", "/console/sign-out", EVERYONE, entrance.leave),
    Door("GET", "/console/account", EVERYONE, entrance.account),
    Door("POST", "/console/account/password", EVERYONE, entrance.set_password),
    Door("POST", "/console/account/language", EVERYONE, entrance.set_language),
    Door("POST", "/console/account/passkeys/ask", EVERYONE, entrance.ask_passkey),
    Door("POST", "/console/account/passkeys", EVERYONE, entrance.add_passkey),
    Door("POST", "/console/account/passkeys/{number:int}/remove", EVERYONE, entrance.remove_passkey),
    Door("GET", "/console", EVERYONE, alerts.show),
    Door("GET", "/console/alerts/queue", EVERYONE, alerts.fragment),
    Door("GET", "/console/alerts/events", EVERYONE, alerts.events),
    Door("POST", "/console/alerts/{number:int}/{word}", EVERYONE, alerts.work),
    Door("POST", "/console/work/{number:int}", EVERYONE, alerts.close_item),
    Door("GET", "/console/patients", CARE, patients.listing),
    Door("POST", "/console/patients", CARE, patients.add),
    Door("GET", "/console/patients/{code}", CARE, patients.show),
    Door("GET", "/console/patients/{code}/summary", CARE, patients.summary),
    Door("GET", "/console/patients/{code}/calendar", CARE, record.calendar),
    Door("POST", "/console/patients/{code}/invite", CARE, patients.invite),
    Door("POST", "/console/patients/{code}/send", CARE, patients.send),
    Door("POST", "/console/patients/{code}/resume", CARE, patients.resume),
    Door("POST", "/console/patients/{code}/preview", CARE, patients.preview, refusal="_refused.html"),
    Door("POST", "/console/patients/{code}/plan", CARE, patients.keep_plan),
    Door("POST", "/console/patients/{code}/expect", CARE, patients.expect),
    Door("POST", "/console/patients/{code}/unexpect", CARE, patients.unexpect),
    Door("GET", "/console/schedules", CARE, team.schedules),
    Door("POST", "/console/schedules", CARE, team.import_table),
    Door("GET", "/console/rota", EVERYONE, team.rota),
    Door("POST", "/console/rota/shifts", KEEPERS, team.add_shift),
    Door("POST", "/console/rota/shifts/{number:int}/remove", KEEPERS, team.drop_shift),
    Door("POST", "/console/rota/covers", KEEPERS, team.add_cover),
    Door("POST", "/console/rota/covers/{number:int}/remove", KEEPERS, team.drop_cover),
    Door("GET", "/console/team", KEEPERS, team.people),
    Door("POST", "/console/team", KEEPERS, team.add_person),
    Door("POST", "/console/team/{name}/link", KEEPERS, team.link_again),
    Door("POST", "/console/team/{name}/remove", KEEPERS, team.remove_person),
    Door("GET", "/console/content", EVERYONE, record.content),
    Door("POST", "/console/content", CARE, record.dry_run),
    Door("GET", "/console/reports", EVERYONE, record.reports),
    Door("GET", "/console/reports.csv", EVERYONE, record.reports_csv),
    Door("GET", "/console/audit", KEEPERS, record.audit),
    Door("GET", "/console/export.csv", LEADS, record.export_csv),
    Door("GET", "/console/export.ndjson", LEADS, record.export_fhir),
)


def console_routes(desk: Desk) -> list[Route]:
    """Return the routes of the console."""
    return routes(desk, DOORS)
