"""A watch on stdin: an agent whose connection has ended ends as well, whatever it is doing."""

from __future__ import annotations

import os
import select
import threading
from collections.abc import Callable


def exit_with_stdin(before: Callable[[], object]) -> None:
    """End this process once the other side closes stdin; ``before`` is called first.

    A thread waits for it in the system, and takes no time meanwhile.
    """
    poll = select.poll()
    poll.register(0, getattr(select, "POLLRDHUP", 0))  # that it was closed at all is always told

    def wait() -> None:
        poll.poll()
        before()
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()
