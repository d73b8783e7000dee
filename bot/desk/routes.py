"""The access table of the console: every route and the roles that may use it. A test tries all roles on all routes."""

from starlette.routing import Route

from bot.desk.access import CARE, EVERYONE, LEADS, MANAGERS, PageRoute, routes
from bot.desk.context import ConsoleContext
from bot.desk.pages import alerts, entrance, levels, patients, record, team

_TASKS = "/console/work"
"""The address that pages of 0.1.0 have, which may still be open during an upgrade."""

ACCESS_TABLE: tuple[PageRoute, ...] = (
    PageRoute("GET", "/console/sign-in", None, entrance.sign_in_page),
    PageRoute("POST", "/console/sign-in", None, entrance.by_password),
    PageRoute("POST", "/console/link", None, entrance.send_link),
    PageRoute("GET", "/console/enter/{token}", None, entrance.link_page),
    PageRoute("POST", "/console/enter/{token}", None, entrance.by_link),
    PageRoute("POST", "/console/passkey/ask", None, entrance.passkey_sign_in_options),
    PageRoute("POST", "/console/passkey/enter", None, entrance.by_passkey),
    PageRoute("POST", "/console/sandbox", None, entrance.into_sandbox),
    PageRoute("GET", "/console/static/{version}/{name}", None, entrance.static_asset),
    PageRoute("POST", "/console/sign-out", EVERYONE, entrance.sign_out),
    PageRoute("GET", "/console/account", EVERYONE, entrance.account),
    PageRoute("POST", "/console/account/password", EVERYONE, entrance.set_password),
    PageRoute("POST", "/console/account/language", EVERYONE, entrance.set_language),
    PageRoute("POST", "/console/account/passkeys/ask", EVERYONE, entrance.passkey_options),
    PageRoute("POST", "/console/account/passkeys", EVERYONE, entrance.add_passkey),
    PageRoute("POST", "/console/account/passkeys/{number:int}/remove", EVERYONE, entrance.remove_passkey),
    PageRoute("GET", "/console", EVERYONE, alerts.queue_page),
    PageRoute("GET", "/console/alerts/queue", EVERYONE, alerts.queue_fragment),
    PageRoute("GET", "/console/alerts/events", EVERYONE, alerts.events),
    PageRoute("POST", "/console/alerts/{number:int}/{action}", EVERYONE, alerts.act),
    PageRoute("POST", _TASKS + "/{number:int}", EVERYONE, alerts.close_task),
    PageRoute("GET", "/console/patients", CARE, patients.list_page),
    PageRoute("POST", "/console/patients", CARE, patients.add),
    PageRoute("GET", "/console/patients/{code}", CARE, patients.patient_page),
    PageRoute("GET", "/console/patients/{code}/summary", CARE, patients.visit_summary),
    PageRoute("GET", "/console/patients/{code}/calendar", CARE, record.calendar),
    PageRoute("POST", "/console/patients/{code}/invite", CARE, patients.new_invite),
    PageRoute("POST", "/console/patients/{code}/send", CARE, patients.send_check_in),
    PageRoute("POST", "/console/patients/{code}/resume", CARE, patients.resume),
    PageRoute("POST", "/console/patients/{code}/preview", CARE, patients.preview, refusal="_refused.html"),
    PageRoute("POST", "/console/patients/{code}/plan", CARE, patients.save_plan),
    PageRoute("POST", "/console/patients/{code}/levels/{action}", CARE, levels.act),
    PageRoute("POST", "/console/patients/{code}/expect", CARE, patients.agree_level),
    PageRoute("POST", "/console/patients/{code}/unexpect", CARE, patients.end_agreed_level),
    PageRoute("GET", "/console/schedules", CARE, team.schedules_page),
    PageRoute("POST", "/console/schedules", CARE, team.import_patients),
    PageRoute("GET", "/console/rota", EVERYONE, team.rota_page),
    PageRoute("POST", "/console/rota/shifts", MANAGERS, team.add_shift),
    PageRoute("POST", "/console/rota/shifts/{number:int}/remove", MANAGERS, team.remove_shift),
    PageRoute("POST", "/console/rota/covers", MANAGERS, team.add_cover),
    PageRoute("POST", "/console/rota/covers/{number:int}/remove", MANAGERS, team.remove_cover),
    PageRoute("GET", "/console/team", MANAGERS, team.team_page),
    PageRoute("POST", "/console/team", MANAGERS, team.add_member),
    PageRoute("POST", "/console/team/{name}/link", MANAGERS, team.new_link),
    PageRoute("POST", "/console/team/{name}/remove", MANAGERS, team.remove_member),
    PageRoute("GET", "/console/content", EVERYONE, record.content_page),
    PageRoute("POST", "/console/content", CARE, record.dry_run),
    PageRoute("GET", "/console/reports", EVERYONE, record.reports_page),
    PageRoute("GET", "/console/reports.csv", EVERYONE, record.reports_csv),
    PageRoute("GET", "/console/audit", MANAGERS, record.audit_page),
    PageRoute("GET", "/console/export.csv", LEADS, record.export_csv),
    PageRoute("GET", "/console/export.ndjson", LEADS, record.export_fhir),
)


def console_routes(context: ConsoleContext) -> list[Route]:
    """Return the routes of the console."""
    return routes(context, ACCESS_TABLE)
