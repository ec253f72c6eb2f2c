"""Tasks of a workspace: what is to run, in which order, and what need not run because nothing it depends on changed.

Read it in this order: :mod:`~decant_tools.workspace.tasks.model` (a task), ``definitions`` (which tasks a project has),
``order`` (what comes first), ``inputs`` and ``keys`` (what a result depends on), ``entry`` and ``store`` (results that
are kept), ``remote`` (results of others), ``process`` and ``runner`` (what runs), ``display`` and ``reports`` (what is
told about it).

A run whose results are all kept answers in about the time that git takes: nothing here imports what only a run needs.
"""

__all__: list[str] = []
