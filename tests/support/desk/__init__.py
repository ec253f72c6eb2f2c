"""A module that calls the till with a key of its own."""

from decant import Module

module = Module(__name__)
