"""OpenAPI 3.1 from the signatures that serve the API, with every error answer."""

from decant.http.openapi.describe import describe
from decant.http.openapi.document import build_document
from decant.http.openapi.sources import add_openapi_source
from decant.http.openapi.views import document_of, install_openapi

__all__ = ["add_openapi_source", "build_document", "describe", "document_of", "install_openapi"]
