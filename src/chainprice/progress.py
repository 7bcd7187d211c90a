"""What is being done now, for whoever wants to show it.

Long work says `report("...")` as it goes; nobody need listen, and what is said changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

Listener = Callable[[str], None]

_listener: ContextVar[Listener | None] = ContextVar("progress", default=None)


@contextmanager
def heard_by(listener: Listener) -> Iterator[None]:
    """Within it, the listener hears every report."""
    token = _listener.set(listener)
    try:
        yield
    finally:
        _listener.reset(token)


def is_heard() -> bool:
    """Whether anybody listens."""
    return _listener.get() is not None


def report(stage: str) -> None:
    """Say what is being done."""
    listener = _listener.get()
    if listener is not None:
        listener(stage)
