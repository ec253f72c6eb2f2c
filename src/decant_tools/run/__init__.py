"""The supervisor behind ``decant up``: one machine, every process of a topology, nothing left behind.

Read it in this order: :mod:`~decant_tools.run.plan` (what is to run), :mod:`~decant_tools.run.instance` (one process),
:mod:`~decant_tools.run.keeper` (one process kept alive), :mod:`~decant_tools.run.supervisor` (all of them).

One thread and asyncio, not threads: the kernel ties a child to the *thread* that forked it (the parent-death signal),
so everything is started from the main thread; and state that only one thread touches needs no locks. What may block
for long has a thread of its own: the terminal (:mod:`~decant_tools.run.display`) and the look for changed files.
"""

__all__: list[str] = []
