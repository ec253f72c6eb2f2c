"""A small magazine: a Flask application made of the modules whose names are listed here."""

from decant import MicroServicesApp

ENABLED_MODULES = ["news", "admin"]


def create_app(enabled_modules: list[str] = ENABLED_MODULES) -> MicroServicesApp:
    app = MicroServicesApp(__name__)
    app.register_urls(enabled_modules)
    return app
