"""A module that charges: with ``idempotent=True``, and without for comparison."""

from decant import Module

module = Module(__name__)
