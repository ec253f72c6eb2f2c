"""The verbs that the workbench adds to ``decant``, found by their entry points."""

__all__: list[str] = []
