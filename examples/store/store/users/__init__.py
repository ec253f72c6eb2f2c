"""What users tell about themselves, and how they like the shop."""

from decant import Module
from store.messages import add_messages

module = Module(__name__)
add_messages(module, "/users/")
