"""Makes the bot that calls Telegram, without its token in any text. Calls nothing itself."""

import ipaddress
from urllib.parse import urlsplit

from telegram import Bot

from bot.delivery.transport import CONNECTIONS, READ_SECONDS, AiohttpRequest


class QuietBot(Bot):
    """A Bot whose repr doesn't show its token."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"{type(self).__name__}[{urlsplit(self.base_url).hostname}]"


def make_bot(token: str, api_url: str, *, connections: int = CONNECTIONS, read_timeout: float = READ_SECONDS) -> Bot:
    """Return a Bot for that Bot API server with its own connections for all methods, getUpdates included.

    Initialize its `request` before use and shut it down afterwards. Raise InvalidToken for an empty token.
    """
    base = api_url.rstrip("/")
    # A proxy from the environment is for other machines, never for this one.
    request = AiohttpRequest(connections=connections, read_timeout=read_timeout, use_proxies=not _on_this_machine(base))
    return QuietBot(
        token,
        base_url=f"{base}/bot",
        base_file_url=f"{base}/file/bot",
        request=request,
        get_updates_request=request,
    )


def _on_this_machine(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
