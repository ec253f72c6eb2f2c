"""What the shop sells, and how much of it is there."""

from decant import Module

module = Module(__name__)
