"""The documentation page of an API, for people: offline, without a framework, complete without JavaScript."""

from decant.http.docs.views import install_docs

__all__ = ["install_docs"]
