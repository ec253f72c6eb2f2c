from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import pytest
from pydantic import BaseModel, Field, SecretStr, ValidationError, field_validator

from decant.errors import SettingsError
from decant.settings import (
    PARTS,
    CallSettings,
    Loaded,
    LogSettings,
    ModuleUrls,
    ServeSettings,
    Settings,
    Urls,
    explain,
    load,
    load_one,
    read_sources,
)
from decant.settings.toml import read_toml


class Retry(BaseModel):
    times: int = 3
    password: str = ""


class CatalogSettings(Settings):
    page_size: Annotated[int, Field(ge=1)] = 20
    tags: list[str] | None = None
    retry: Retry = Retry()
    token: SecretStr = SecretStr("")
    backend: str = ""

    @field_validator("token")
    @classmethod
    def check(cls, value: SecretStr) -> SecretStr:
        if value.get_secret_value() == "bad":
            raise ValueError(f"{value.get_secret_value()} is bad")
        return value


class Needed(Settings):
    api_token: SecretStr
    region: str


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def loaded(
    toml: str = "", environ: Mapping[str, str] | None = None, flags: Mapping[str, object] | None = None
) -> Loaded:
    Path("decant.toml").write_text(toml)
    sources = read_sources(environ or {}, Path.cwd(), read_toml("decant.toml")).with_flags(flags or {})
    entries = [*PARTS.items(), ("catalog", CatalogSettings), ("catalog", ModuleUrls)]
    return load(entries, sources, others=["orders"])


def faults(toml: str = "", environ: Mapping[str, str] | None = None) -> tuple[str, ...]:
    with pytest.raises(SettingsError) as caught:
        loaded(toml, environ)
    return caught.value.faults


def page_size(settings: Loaded) -> tuple[int, str]:
    catalog = settings.get(CatalogSettings)
    return catalog.page_size, catalog.source_of("page_size")


def test_a_later_layer_wins_and_each_value_knows_its_source(tmp_path: Path) -> None:
    name = "CATALOG_PAGE_SIZE"
    environ = {"DECANT_ENV": "test", "DECANT_SECRETS_DIR": str(tmp_path / "secrets")}
    Path("secrets").mkdir()
    assert page_size(loaded("", environ)) == (20, "default")
    toml = "[settings.catalog]\npage_size = 2"
    assert page_size(loaded(toml, environ)) == (2, "decant.toml:2")
    Path("decant.test.toml").write_text("\n[settings.catalog]\npage_size = 3")
    assert page_size(loaded(toml, environ)) == (3, "decant.test.toml:3")
    Path("secrets", name).write_text("4\n")
    assert page_size(loaded(toml, environ)) == (4, f"secrets/{name}")
    Path(".env").write_text(f"# mine\n\nexport {name}='5'\n")
    assert page_size(loaded(toml, environ)) == (5, ".env:3")
    Path(".env.test").write_text(f"{name}=6")
    assert page_size(loaded(toml, environ)) == (6, ".env.test:1")
    environ[name] = "7"
    assert page_size(loaded(toml, environ)) == (7, f"environment {name}")
    assert page_size(loaded(toml, environ, {"catalog.page_size": 8})) == (8, "flag --page-size")


def test_files_of_another_environment_are_not_read() -> None:
    Path("decant.production.toml").write_text("[settings.catalog]\npage_size = 3")
    assert page_size(loaded())[0] == 20


def test_an_empty_text_is_one_that_is_not_set() -> None:
    assert page_size(loaded(environ={"CATALOG_PAGE_SIZE": ""}))[0] == 20


def test_the_process_environment_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CATALOG_PAGE_SIZE", "9")
    monkeypatch.setenv("PAGE_SIZE", "9")
    assert page_size(loaded())[0] == 20
    assert CatalogSettings().page_size == 20


def test_dotenv_takes_from_above_and_from_the_environment() -> None:
    Path(".env").write_text("HOST=h\nCATALOG_BACKEND=${HOST}-${ZONE}-${NONE:-x}")
    assert loaded(environ={"ZONE": "z"}).get(CatalogSettings).backend == "h-z-x"


@pytest.mark.parametrize("text", ["a, b", '["a", "b"]'])
def test_a_list_is_written_with_commas_or_as_json(text: str) -> None:
    assert loaded(environ={"CATALOG_TAGS": text}).get(CatalogSettings).tags == ["a", "b"]


def test_a_nested_model_is_a_table_or_json() -> None:
    assert loaded("[settings.catalog.retry]\ntimes = 5").get(CatalogSettings).retry.times == 5
    assert loaded(environ={"CATALOG_RETRY": '{"times": 6}'}).get(CatalogSettings).retry.times == 6


def test_well_known_names_work_as_they_are() -> None:
    environ = {
        "DATABASE_URL": "sqlite:///all",
        "CATALOG_DATABASE_URL": "sqlite:///own",
        "REDIS_URL": "redis://h",
        "EVENTS_URL": "nats://h",
        "JWT_SECRET_KEY": "k" * 32,
        "SENTRY_DSN": "https://k@h/1",
        "OTEL_SERVICE_NAME": "shop",
        "OTEL_TRACES_EXPORTER": "otlp",
        "DECANT_SERVE_PORT": "9000",
        "DECANT_TEST_ANYTHING": "x",
    }
    settings = loaded(environ=environ)
    urls = settings.get(Urls)
    assert (urls.database_url, urls.redis_url, urls.events_url) == ("sqlite:///all", "redis://h", "nats://h")
    assert settings.get(ModuleUrls, "catalog").database_url == "sqlite:///own"
    assert urls.jwt_secret_key == SecretStr("k" * 32)
    assert settings.get(ServeSettings).port == 9000


def test_the_sources_hold_all_names_together() -> None:
    Path(".env").write_text("A=dotenv\nB=dotenv")
    environ = read_sources({"B": "own"}, Path.cwd()).environ
    assert (environ["A"], environ["B"]) == ("dotenv", "own")


@pytest.mark.parametrize(
    ("toml", "fault"),
    [
        ("page_size = 'many'", 'decant.toml:2: catalog.page_size = "many": expected a whole number. Correct it, or delete it to have 20.'),
        ("page_size = 0", "decant.toml:2: catalog.page_size = 0: expected at least 1."),
        ("page_sise = 1", "decant.toml:2: unknown key 'page_sise' in [settings.catalog]. Did you mean 'page_size'?"),
        ("tags = 3", "decant.toml:2: catalog.tags = 3: expected a list."),
        ("retry = { times = 'x' }", "decant.toml:2: catalog.retry.times = "),
    ],
)  # fmt: skip
def test_a_wrong_value_is_told_with_its_line_and_cure(toml: str, fault: str) -> None:
    assert faults(f"[settings.catalog]\n{toml}")[0].startswith(fault)


@pytest.mark.parametrize(
    ("toml", "fault"),
    [
        ("[settings.catalgo]", "decant.toml:1: unknown key 'catalgo' in [settings]. Did you mean 'catalog'?"),
        ("[settings.log]", "The toolkit's own are in [settings.decant.log]."),
        ("[settings.decant.logs]", "decant.toml:1: unknown key 'logs' in [settings.decant]. Did you mean 'log'?"),
        ("[settings]\ncatalog = 1", "decant.toml:2: settings.catalog must be a table."),
        ("[settings.decant.log]\nlevel = 'LOUD'", "decant.toml:2: decant.log.level = \"LOUD\": expected 'DEBUG'"),
    ],
)
def test_a_wrong_table_is_told_with_its_line_and_cure(toml: str, fault: str) -> None:
    assert any(fault in found for found in faults(toml))


def test_a_table_of_a_module_elsewhere_is_left_alone() -> None:
    loaded("[settings.orders]\nanything = 1")


def test_an_unknown_decant_name_is_told_with_a_near_one() -> None:
    Path(".env").write_text("\nDECANT_LOG_FORMATT=json")
    assert faults(environ={"DECANT_LOG_LEVL": "INFO"}) == (
        ".env:2: DECANT_LOG_FORMATT: there is no setting of that name. Did you mean 'DECANT_LOG_FORMAT'?",
        "environment DECANT_LOG_LEVL: there is no setting of that name. Did you mean 'DECANT_LOG_LEVEL'?",
    )


def test_all_faults_are_told_at_once() -> None:
    toml = "[settings.catalog]\npage_size = 'a'\nx = 1\n[settings.decant.serve]\nport = 0"
    assert len(faults(toml, {"DECANT_LOG_LEVEL": "a", "DECANT_X": "1"})) == 5


@pytest.mark.parametrize(
    ("files", "fault"),
    [
        ({".env": "ok=1\nnot a setting"}, ".env:2: `not a setting` is no setting."),
        ({".env": "ok=1\nMY PASSWORD=hunter2"}, ".env:2: "),
        ({"decant.development.toml": "[gateway]"}, "decant.development.toml:1: [gateway] cannot differ by environment"),
        ({"decant.development.toml": "x = "}, "decant.development.toml:1: Invalid value"),
    ],
)
def test_a_broken_file_is_told(files: dict[str, str], fault: str) -> None:
    for name, text in files.items():
        Path(name).write_text(text)
    (found,) = faults()
    assert found.startswith(fault)
    assert "hunter2" not in found


@pytest.mark.parametrize(
    ("environ", "fault"),
    [
        ({"DECANT_ENV": "../x"}, "DECANT_ENV is '../x'"),
        ({"DECANT_SECRETS_DIR": "/nowhere"}, "DECANT_SECRETS_DIR: there is no folder /nowhere."),
    ],
)
def test_a_wrong_choice_of_layers_is_told(environ: dict[str, str], fault: str) -> None:
    assert faults(environ=environ)[0].startswith(fault)


def test_what_is_required_and_missing_names_where_to_set_it() -> None:
    with pytest.raises(SettingsError) as caught:
        load_one(Needed, read_sources({}), "pay")
    assert caught.value.faults == (
        "PAY_API_TOKEN is not set (pay.api_token). Set it in the environment, or in the secret file PAY_API_TOKEN.",
        "PAY_REGION is not set (pay.region). Set it in the environment, or `region` below [settings.pay] in decant.toml.",
    )


@pytest.mark.parametrize(
    ("toml", "environ"),
    [
        ("", {"CATALOG_TOKEN": "bad"}),
        ("[settings.catalog]\ntoken = ['bad']", {}),
        ("[settings.catalog]\nretry = { times = 'x', password = 'bad' }", {}),
        ("[settings]\nevents_url = ['amqp://u:bad@h']", {}),
        ("", {"JWT_SECRET_KEY": "bad", "CATALOG_PAGE_SIZE": "redis://:bad@h"}),
    ],
)
def test_a_fault_never_shows_a_secret(toml: str, environ: dict[str, str]) -> None:
    assert not [fault for fault in faults(toml, environ) if "bad" in fault]


def test_secrets_and_passwords_are_masked_in_what_is_shown() -> None:
    environ = {
        "CATALOG_TOKEN": "s3cret",
        "DATABASE_URL": "postgresql://u:s3cret@h/d",
        "CATALOG_BACKEND": "x?token=s3cret",
    }
    settings = loaded("[settings.catalog]\nretry.password = 's3cret'", environ)
    rows = [row for (table, _), one in settings.instances.items() for row in explain(one, table)]
    shown = {row.name: row.text for row in rows}
    assert shown["CATALOG_TOKEN"] == "***"
    assert shown["DATABASE_URL"] == '"postgresql://u:***@h/d"'
    assert shown["CATALOG_BACKEND"] == '"x?token=***"'
    assert "s3cret" not in repr(rows)


def test_settings_made_by_hand_refuse_unknown_names_and_changes() -> None:
    with pytest.raises(ValidationError):
        CatalogSettings(page_sise=1)  # type: ignore[call-arg]
    with pytest.raises(ValidationError):
        CatalogSettings().page_size = 3  # type: ignore[misc]


def test_calls_are_direct_in_production_only_unless_said() -> None:
    assert CallSettings().resolved_mode("production") == "direct"
    assert CallSettings().resolved_mode("development") == "strict"
    assert CallSettings(mode="strict").resolved_mode("production") == "strict"


def test_a_class_that_was_not_loaded_is_a_key_error() -> None:
    with pytest.raises(KeyError, match="LogSettings was not loaded"):
        Loaded({}).get(LogSettings)


def test_every_own_setting_says_what_it_is_for() -> None:
    for cls in [*PARTS.values(), ModuleUrls]:
        assert cls.__doc__
        assert all(field.description for field in cls.model_fields.values()), cls
