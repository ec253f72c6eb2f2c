"""Orders: from a cart to a book that is paid, or to an order that is cancelled and says why."""

from decant import Module

module = Module(__name__)
