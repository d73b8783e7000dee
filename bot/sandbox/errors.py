"""What the sandbox refuses: in Telegram's own words to the bot, in plain words to the tester. No other behaviour."""

from typing import Any


class SandboxError(Exception):
    """Base of all that the sandbox refuses."""


class ApiError(SandboxError):
    """The Bot API's answer to a request it can't serve: `code`, `description`, optional `parameters`."""

    def __init__(self, code: int, description: str, parameters: dict[str, Any] | None = None) -> None:
        super().__init__(description)
        self.code = code
        self.description = description
        self.parameters = parameters

    def body(self) -> dict[str, Any]:
        """The JSON object Telegram would send."""
        answer: dict[str, Any] = {"ok": False, "error_code": self.code, "description": self.description}
        if self.parameters:
            answer["parameters"] = self.parameters
        return answer


class NotPossibleError(SandboxError):
    """A tester asked for something a person with a phone couldn't do, such as tapping a button that isn't there."""


class ConnectionDroppedError(SandboxError):
    """The connection breaks before an answer, as in an outage."""


def bad_request(reason: str) -> ApiError:
    """A 400; like Telegram, the first letter is made small unless the reason is a code such as BUTTON_DATA_INVALID."""
    is_code = len(reason) > 1 and (reason[1] == "_" or reason[1].isupper())
    return ApiError(400, f"Bad Request: {reason if is_code else reason[:1].lower() + reason[1:]}")


def forbidden(reason: str) -> ApiError:
    return ApiError(403, f"Forbidden: {reason}")


def too_many_requests(retry_after: int) -> ApiError:
    return ApiError(429, f"Too Many Requests: retry after {retry_after}", {"retry_after": retry_after})


def conflict(reason: str) -> ApiError:
    return ApiError(409, f"Conflict: {reason}")
