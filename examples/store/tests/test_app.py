"""The shop as its clients see it, in one process."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

ADA = {"email": "ada@example.org", "password": "correct horse", "name": "Ada Lovelace"}


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def sign_up(client: FlaskClient) -> Any:
    return client.post("/api/auth/signup", json=ADA).json


def test_whoever_signs_up_can_write_a_profile_and_read_it(client: FlaskClient) -> None:
    account = sign_up(client)
    saved = client.put("/users/profile", headers=bearer(account["access_token"]), json={"bio": "Poet"})
    assert saved.json == {"message": "Profile updated successfully"}
    shown = client.get("/users/profile", headers=bearer(account["access_token"]))
    assert shown.json == {
        "user_id": account["user_id"],
        "profile": {"bio": "Poet", "avatar": None, "preferences": {}},
    }


def test_the_two_ways_in_lead_to_the_same_account(client: FlaskClient) -> None:
    account = sign_up(client)
    signed_in = client.post("/auth/login", json={"email": ADA["email"], "password": ADA["password"]}).json
    assert signed_in["user_id"] == account["user_id"]
    assert client.post("/auth/validate", headers=bearer(signed_in["token"])).json["valid"] is True


def test_a_token_is_refused_once_its_owner_has_signed_out(client: FlaskClient) -> None:
    headers = bearer(sign_up(client)["access_token"])
    assert client.post("/auth/logout", headers=headers).status_code == 200
    refused = client.get("/users/profile", headers=headers)
    assert (refused.status_code, refused.json["message"]) == (401, "The access token was revoked.")


@pytest.mark.parametrize("path", ["/auth/login", "/auth/nowhere", "/users/profile", "/users/nowhere"])
def test_every_problem_of_the_accounts_carries_a_message(client: FlaskClient, path: str) -> None:
    problem = client.delete(path).json
    assert problem["message"] == problem["detail"]


@pytest.mark.parametrize("path", ["/api/auth/registrations", "/api/auth/sessions", "/api/auth/signout"])
def test_what_is_for_modules_has_no_public_address(client: FlaskClient, path: str) -> None:
    assert client.post(path, json={}).status_code == 404
