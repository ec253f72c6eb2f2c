"""Serving: one service as a process that starts, drains and dies properly, whichever server carries it.

Import from the submodules: :mod:`~decant.serving.streams` in views, :mod:`~decant.serving.target` in a ``wsgi.py``,
:mod:`~decant.serving.base` for a server of your own. Nothing is imported here, because the gevent server has to patch
the standard library before Flask is imported.
"""

__all__: list[str] = []
