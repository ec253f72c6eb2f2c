"""Who works with the office."""

from decant import Module

module = Module(__name__)
