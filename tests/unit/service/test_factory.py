"""One service of a workspace becomes a Flask application; modules can be added to one that is there already."""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from flask import Blueprint, Flask, jsonify
from werkzeug.exceptions import HTTPException

from decant import create_app, init_app
from decant.auth import generate_key
from decant.errors import SettingsError, SetupError
from decant.kit import Kit
from decant.service import Runtime, runtime_of

Shop = Callable[..., Path]


def rules(app: Flask) -> set[str]:
    return {rule.rule for rule in app.url_map.iter_rules()}


def modules(*names: str) -> list[Any]:
    return [import_module(f"shop.{name}").module for name in names]


def test_the_only_service_needs_no_name(shop: Shop) -> None:
    app = create_app(config=shop(), environ={})
    assert isinstance(app, Flask)
    names = [module.name for module in runtime_of(app).modules]
    assert sorted(names) == ["cart", "catalog", "web"]
    assert names.index("catalog") < names.index("cart"), "what a module needs comes before it"
    assert app.test_client().get("/").text == "3 things"


def test_the_package_that_holds_the_modules_needs_no_init_file(shop: Shop) -> None:
    path = shop()
    (path.parent / "shop" / "__init__.py").unlink()
    assert create_app(config=path, environ={}).test_client().get("/").text == "3 things"


def test_of_several_services_one_has_to_be_named(shop: Shop) -> None:
    with pytest.raises(SetupError, match="3 services: cart, catalog, web"):
        create_app(topology="services", config=shop(), environ={})


def test_an_unknown_service_or_topology_is_told_with_what_there_is(shop: Shop) -> None:
    with pytest.raises(SettingsError, match="There are: shop"):
        create_app("nope", config=shop(), environ={})
    with pytest.raises(SettingsError, match="monolith"):
        create_app(topology="nope", config=shop(), environ={})


def test_the_environment_chooses_the_topology_and_a_star_means_everything(shop: Shop) -> None:
    environ = {"DECANT_TOPOLOGY": "services"}
    assert [m.name for m in runtime_of(create_app("catalog", config=shop(), environ=environ)).modules] == ["catalog"]
    assert len(runtime_of(create_app("*", config=shop(), environ=environ)).modules) == 3


def test_a_service_mounts_its_own_operations_only(shop: Shop) -> None:
    app = create_app("cart", "services", shop(), environ={})
    assert "/api/cart" in rules(app)
    assert not any("products" in rule for rule in rules(app))


def test_of_modules_elsewhere_no_more_than_the_contract_is_imported(shop: Shop) -> None:
    create_app("cart", "services", shop(), environ={})
    assert "shop.catalog.api" in sys.modules
    assert "shop.catalog.service" not in sys.modules
    assert "shop.web.urls" not in sys.modules


def test_an_operation_that_is_not_public_is_mounted_only_where_another_service_may_ask(shop: Shop) -> None:
    config = shop()
    assert not any("stock" in rule for rule in rules(create_app(config=config, environ={})))
    apart = create_app("catalog", "services", config, environ={})
    assert {rule for rule in rules(apart) if "stock" in rule} == {"/-/stock"}
    assert apart.test_client().get("/-/stock").status_code == 404


def test_a_workspace_without_modules_says_what_to_write(tmp_path: Path) -> None:
    (tmp_path / "decant.toml").write_text('[workspace]\nname = "empty"\n')
    with pytest.raises(SetupError, match="has no modules") as caught:
        create_app(config=tmp_path / "decant.toml", environ={})
    assert "[workspace] modules" in str(caught.value.hint)


def test_two_applications_in_one_process_share_nothing(shop: Shop) -> None:
    config = shop()
    one, two = (create_app(config=config, environ={}) for _ in range(2))
    assert runtime_of(one) is not runtime_of(two)
    assert one.test_client().get("/").text == two.test_client().get("/").text


def test_in_production_an_error_tells_no_details(shop: Shop) -> None:
    broken = """
        from shop.catalog.api import Catalog, Product


        class CatalogService(Catalog):
            def get_product(self, product_id: str) -> Product:
                raise RuntimeError("a secret of ours")

            def stock(self) -> int:
                return 0
    """
    config = shop({"catalog/service.py": broken})
    told = {
        env: create_app(config=config, environ={"DECANT_ENV": env}).test_client().get("/api/products/p1")
        for env in ("development", "production")
    }
    assert {answer.status_code for answer in told.values()} == {500}
    assert "a secret of ours" in told["development"].text
    assert "secret" not in told["production"].text


def test_testing_lets_exceptions_through_as_in_any_flask_application(shop: Shop) -> None:
    view = """
        from decant import url


        def broken() -> str:
            raise ZeroDivisionError


        urlpatterns = [url("/", view_func=broken)]
    """
    app = create_app(config=shop({"web/urls.py": view}), environ={})
    assert app.test_client().get("/").status_code == 500
    app.testing = True
    with pytest.raises(ZeroDivisionError):
        app.test_client().get("/")


def test_modules_join_an_application_with_handlers_and_blueprints_of_its_own(shop: Shop) -> None:
    shop()
    sys.path.insert(0, str(shop().parent))
    app = Flask("old", root_path=str(shop().parent))
    old = Blueprint("old", __name__)

    @old.errorhandler(404)
    def lost(error: HTTPException) -> Any:
        return jsonify(lost=True), 404

    @old.route("/old/<int:number>")
    def page(number: int) -> str:
        if number == 0:
            raise LookupError("nothing")
        return "old"

    app.register_blueprint(old)

    @app.errorhandler(LookupError)
    def looked_up(error: LookupError) -> Any:
        return "looked up", 410

    runtime = init_app(app, modules("web", "cart", "catalog"), prefix="/api", environ={})
    assert isinstance(runtime, Runtime)
    client = app.test_client()
    assert [client.get(path).status_code for path in ("/old/1", "/old/0", "/", "/api/cart")] == [200, 410, 200, 200]
    assert client.get("/nowhere").content_type == "application/problem+json"


def test_a_handler_for_every_http_error_that_is_there_stays(shop: Shop) -> None:
    sys.path.insert(0, str(shop().parent))
    app = Flask("old", root_path=str(shop().parent))

    @app.errorhandler(HTTPException)
    def mine(error: HTTPException) -> Any:
        return "mine", error.code or 500

    init_app(app, modules("catalog"), environ={})
    assert app.test_client().get("/nowhere").text == "mine"


def test_an_application_with_a_kit_keeps_it(shop: Shop) -> None:
    sys.path.insert(0, str(shop().parent))
    app = Flask("old", root_path=str(shop().parent))
    kit = Kit(app)
    init_app(app, modules("catalog"), environ={})
    assert app.extensions["decant.kit"] is kit
    assert app.test_client().get("/products/p1").json == {"id": "p1", "price_cents": 1500}


def test_a_path_that_the_application_has_already_is_refused(shop: Shop) -> None:
    sys.path.insert(0, str(shop().parent))
    app = Flask("old", root_path=str(shop().parent))
    app.add_url_rule("/products/<key>", "products", lambda key: key)
    with pytest.raises(SetupError, match="more than one owner"):
        init_app(app, modules("catalog"), environ={})


def test_a_module_that_needs_one_which_is_not_there_is_refused(shop: Shop) -> None:
    sys.path.insert(0, str(shop().parent))
    app = Flask("old", root_path=str(shop().parent))
    with pytest.raises(SetupError, match="'cart' depends on 'catalog'"):
        init_app(app, modules("cart"), environ={})


def test_any_other_application_has_no_runtime() -> None:
    with pytest.raises(SetupError, match="has no Decant modules") as caught:
        runtime_of(Flask("plain"))
    assert "init_app" in str(caught.value.hint)


def test_in_production_services_that_call_each_other_need_a_key(shop: Shop) -> None:
    path, production = shop(), {"DECANT_ENV": "production"}
    with pytest.raises(SetupError, match="signing key") as caught:
        create_app("cart", topology="services", config=path, environ=production)
    assert "DECANT_SERVICE_KEY" in (caught.value.hint or "")
    create_app(
        "cart", topology="services", config=path, environ=production | {"DECANT_SERVICE_KEY": generate_key().decode()}
    )
    create_app(config=path, environ=production)  # one process calls nobody
