"""The club's books, and how well each was received."""

from decant import Module

module = Module(__name__)
