"""Django settings: secure in production, convenient in development.

Production is chosen with TRIBUTE_PRODUCTION=yes; it then refuses to start without the secrets and
names that development invents for itself.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import environ

from config import env

BASE_DIR = Path(__file__).resolve().parent.parent
TRIBUTE_HOME = Path(env.text("TRIBUTE_HOME", str(BASE_DIR / ".tribute"))).absolute()
PRODUCTION = env.flag("TRIBUTE_PRODUCTION", default=False)
DEBUG = not PRODUCTION and env.flag("TRIBUTE_DEBUG", default=True)

# A development key is derived from the folder: stable between starts, never the same on two machines' paths.
SECRET_KEY = (
    env.required("SECRET_KEY", "Write 50 or more random characters; keep them secret.")
    if PRODUCTION
    else hashlib.sha256(f"development:{BASE_DIR}".encode()).hexdigest()
)
SECRET_KEY_FALLBACKS = env.words("SECRET_KEY_FALLBACKS")
ALLOWED_HOSTS = (
    env.words("ALLOWED_HOSTS") if PRODUCTION else ["localhost", "127.0.0.1", "[::1]", "testserver"]
)

INSTALLED_APPS = [
    "unfold",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "strawberry_django",
    "django_celery_beat",
    "gifting",
    "attribution",
    "integrations",
    "config",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]

APPLICATION_ROLE = "tribute_app"


def _database(url: str) -> dict[str, Any]:
    """Describe the database; every connection but a migration's works as the application role."""
    database: dict[str, Any] = dict(environ.Env.db_url_config(url))
    database["ENGINE"] = "django.db.backends.postgresql"
    database.setdefault("OPTIONS", {})["assume_role"] = APPLICATION_ROLE
    database["CONN_MAX_AGE"] = 60
    database["CONN_HEALTH_CHECKS"] = True
    return database


DATABASES = {
    "default": _database(env.text("DATABASE_URL", "postgresql://postgres@127.0.0.1:5432/tribute")),
}
REDIS_URL = env.text("REDIS_URL", "redis://127.0.0.1:6379/0")

DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
LANGUAGE_CODE = "en-us"
TIME_ZONE = "UTC"
USE_TZ = True
USE_I18N = True
STATIC_URL = "static/"
STATIC_ROOT = BASE_DIR / "staticfiles"
