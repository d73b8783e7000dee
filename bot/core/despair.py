"""What typed words of despair do, as the protocol says: a part of `Protocol`. Recognizes no words."""

from bot.core.frozen import Frozen


class DespairRule(Frozen):
    """What typed words of despair do, apart from their own screen. `alert`: they raise an URGENT alert."""

    alert: bool = True
