"""All pages of the shop, made of what the other modules offer."""

from decant import Module
from decant.auth.browser import BrowserSessions

module = Module(__name__)
sessions = BrowserSessions(module, sign_in="/sign-in")
