"""What members think of the books."""

from decant import Module

module = Module(__name__)
