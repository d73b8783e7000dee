"""The sandbox's errors: with Telegram's wording for the bot, in plain language for testers. No other behaviour."""

from typing import Any


class SandboxError(Exception):
    """Base class of all errors of the sandbox."""


class ApiError(SandboxError):
    """The Bot API's answer to a failed request: `code`, `description`, optional `parameters`."""

    def __init__(self, code: int, description: str, parameters: dict[str, Any] | None = None) -> None:
        super().__init__(description)
        self.code = code
        self.description = description
        self.parameters = parameters

    def body(self) -> dict[str, Any]:
        """Return the JSON object that Telegram would send."""
        answer: dict[str, Any] = {"ok": False, "error_code": self.code, "description": self.description}
        if self.parameters:
            answer["parameters"] = self.parameters
        return answer


class NotPossibleError(SandboxError):
    """A tester requested what a person with a phone can't do, such as tapping a button that doesn't exist."""


class ConnectionDroppedError(SandboxError):
    """The connection is dropped before an answer, as in an outage."""


def bad_request(reason: str) -> ApiError:
    """Return a 400. Like Telegram's, the reason begins in lower case unless it is a code like BUTTON_DATA_INVALID."""
    is_code = len(reason) > 1 and (reason[1] == "_" or reason[1].isupper())
    return ApiError(400, f"Bad Request: {reason if is_code else reason[:1].lower() + reason[1:]}")


def forbidden(reason: str) -> ApiError:
    return ApiError(403, f"Forbidden: {reason}")


def too_many_requests(retry_after: int) -> ApiError:
    return ApiError(429, f"Too Many Requests: retry after {retry_after}", {"retry_after": retry_after})


def conflict(reason: str) -> ApiError:
    return ApiError(409, f"Conflict: {reason}")
