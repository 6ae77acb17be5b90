"""Tokens for a developer's own machine, which whoever has the key can show again.

Their secret is made from a key instead of chance. In production a token's secret is shown once and
exists nowhere: see `gifting.services.access`.
"""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta

from gifting import models
from gifting.domain import access
from gifting.services import access as tokens

SECRET_LENGTH = 43


def keep(
    *,
    actor: access.Actor,
    name: str,
    key: str,
    scopes: frozenset[access.Scope],
    lifetime: timedelta,
    at: datetime,
) -> str:
    """Keep the token that this key makes, and return its secret; raises Forbidden.

    A token that still works is left as it is; one that has expired, or that another key made, works
    again with this one; one that was revoked stays revoked.
    """
    actor.require(access.Permission.MANAGE_ACCESS)
    secret = tokens.TOKEN_PREFIX + hashlib.sha256(key.encode()).hexdigest()[:SECRET_LENGTH]
    made = {
        "prefix": secret[: tokens.SHOWN_LENGTH],
        "secret_hash": hashlib.sha256(secret.encode()).hexdigest(),
    }
    token, _ = models.ServiceToken.objects.get_or_create(
        organization_id=actor.organization_id,
        name=name,
        defaults={**made, "scopes": sorted(scopes), "expires_at": at + lifetime},
    )
    if token.expires_at <= at or token.secret_hash != made["secret_hash"]:
        models.ServiceToken.objects.filter(id=token.id).update(**made, expires_at=at + lifetime)
    return secret
