"""Pages for browsers: sessions in a signed cookie, forms that no other site can send."""

from decant.auth.browser.cookies import sign_cookies
from decant.auth.browser.csrf import CsrfFailed
from decant.auth.browser.sessions import BrowserSessions, BrowserSetup, Identify, browser_setup
from decant.auth.browser.targets import local_path

__all__ = [
    "BrowserSessions",
    "BrowserSetup",
    "CsrfFailed",
    "Identify",
    "browser_setup",
    "local_path",
    "sign_cookies",
]
