"""What they ordered."""

from decant import Module

module = Module(__name__)
