"""Typed HTTP operations on plain Flask: a signature in, JSON or XML out, every error a problem document."""

from decant.http.codecs import Codec, add_codec, encode, remove_codec
from decant.http.declare import Declaration, declaration_of, delete, get, operation, patch, post, put
from decant.http.markers import Body, Header, Query
from decant.http.operations import Operation, compile_operation
from decant.http.paging import Page, Paging, decode_cursor, encode_cursor
from decant.http.texts import Email
from decant.http.views import bind_app, bind_view, make_view, register_operation, registered_operations

__all__ = [
    "Body",
    "Codec",
    "Declaration",
    "Email",
    "Header",
    "Operation",
    "Page",
    "Paging",
    "Query",
    "add_codec",
    "bind_app",
    "bind_view",
    "compile_operation",
    "declaration_of",
    "decode_cursor",
    "delete",
    "encode",
    "encode_cursor",
    "get",
    "make_view",
    "operation",
    "patch",
    "post",
    "put",
    "register_operation",
    "registered_operations",
    "remove_codec",
]
