"""Get a session: client credentials, a signed assertion (JWT), or a refresh token.

User name and password are not supported: Salesforce is retiring them. A refresh may hand out a new
refresh token that ends the old one, so the caller keeps the token before it uses it.
"""

from __future__ import annotations

import datetime as dt
import urllib.parse
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

import jwt
import requests

from integrations.domain import crm, errors
from integrations.salesforce import transport

TOKEN_PATH: Final = "/services/oauth2/token"  # noqa: S105 - a path
ASSERTION_LIFE: Final = dt.timedelta(minutes=3)
# The answer does not say how long a session lives; this is the shortest that an org can set.
SESSION_LIFE: Final = dt.timedelta(minutes=15)
_JWT_GRANT: Final = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_LOST: Final = ("invalid_grant", "invalid_client", "invalid_client_id", "unauthorized_client")


def exchange(
    credentials: Mapping[str, str], *, base_url: str, session: requests.Session, at: dt.datetime
) -> crm.Token:
    """Exchange credentials for a session.

    Raises AuthorizationLost when they do not open the org (any more), Unreachable, Unavailable and
    AnswerBroken.
    """
    form = _form(credentials, base_url=base_url, at=at)
    response = transport.send(session, "POST", _https(base_url) + TOKEN_PATH, data=form)
    if response.status_code >= HTTPStatus.BAD_REQUEST:
        raise _failure(response)
    return _token(transport.read_json(response), at=at)


def _form(credentials: Mapping[str, str], *, base_url: str, at: dt.datetime) -> dict[str, str]:
    if "private_key" in credentials:
        claims = {
            "iss": credentials["client_id"],
            "sub": credentials["username"],
            "aud": credentials.get("audience") or base_url,
            "exp": int((at + ASSERTION_LIFE).timestamp()),
        }
        try:
            assertion = jwt.encode(claims, credentials["private_key"], algorithm="RS256")
        except (ValueError, TypeError, jwt.PyJWTError) as error:
            raise errors.AuthorizationLost(
                "The private key cannot be read. Give an RSA key in PEM form."
            ) from error
        return {"grant_type": _JWT_GRANT, "assertion": assertion}
    client = {name: credentials[name] for name in ("client_id", "client_secret")}
    if "refresh_token" in credentials:
        refresh_token = credentials["refresh_token"]
        return {"grant_type": "refresh_token", "refresh_token": refresh_token, **client}
    return {"grant_type": "client_credentials", **client}


def _https(base_url: str) -> str:
    """Address the session's adapter, which knows where https://HOST really is."""
    return f"https://{urllib.parse.urlsplit(base_url).netloc}"


def _token(answer: Any, *, at: dt.datetime) -> crm.Token:
    try:
        return crm.Token(
            access_token=answer["access_token"],
            instance_url=answer["instance_url"],
            issued_at=at,
            expires_at=at + SESSION_LIFE,
            refresh_token=answer.get("refresh_token", ""),
        )
    except (KeyError, TypeError) as error:
        raise errors.AnswerBroken("The answer holds no session.") from error


def _failure(response: requests.Response) -> errors.SyncError:
    found = transport.failure(response)
    try:
        reason = transport.read_json(response).get("error", "")
    except (errors.AnswerBroken, AttributeError):
        return found
    if reason in _LOST:
        return errors.AuthorizationLost(
            f"Salesforce does not accept the credentials ({reason}). Connect it again."
        )
    return found
