"""Sign-ins without passwords, and notes behind a guard."""

from decant import Module
from decant.auth import require_user

module = Module(__name__, guard=require_user)
