"""What a service tells about itself: traces, metrics and logs, each cheap enough to be always on.

Nothing here knows Flask, opens a connection or starts a thread when it is imported:
:mod:`~decant.observe.tracing`, :mod:`~decant.observe.metrics`, :mod:`~decant.observe.logging`,
:mod:`~decant.observe.calls`.
"""

__all__: list[str] = []
