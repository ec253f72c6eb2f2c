from decant import Router

from . import urls

MODULE_NAME = "news"
IMPORT_NAME = __name__

blueprint = Router.create_blueprint(MODULE_NAME, IMPORT_NAME)
blueprint.register_urls(urls.urlpatterns)
