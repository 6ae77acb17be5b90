"""Django settings: secure in production, convenient in development.

Production is chosen with TRIBUTE_PRODUCTION=yes; it then refuses to start without the secrets and
names that development invents for itself. Every variable is typed and refused loudly when wrong.
"""

from __future__ import annotations

import base64
import hashlib
import logging
import ssl
from pathlib import Path
from typing import Any

from django.core.exceptions import ImproperlyConfigured

from config import addresses, env, geography, logs

BASE_DIR = Path(__file__).resolve().parent.parent
TRIBUTE_HOME = Path(env.text("TRIBUTE_HOME", str(BASE_DIR / ".tribute"))).absolute()
PRODUCTION = env.flag("TRIBUTE_PRODUCTION", default=False)
DEBUG = env.flag("TRIBUTE_DEBUG", default=not PRODUCTION)
PROCESS = env.choice("TRIBUTE_PROCESS", "command", ("command", "web", "worker"))

if PRODUCTION and DEBUG:
    raise ImproperlyConfigured("TRIBUTE_DEBUG shows internals. Remove it in production.")

SECRET_KEY_LENGTH = 50
CREDENTIAL_KEY_BYTES = 32
# A development key is derived from the folder: stable between starts, different between machines.
SECRET_KEY = (
    env.required("SECRET_KEY", "Write 50 or more random characters and keep them secret.")
    if PRODUCTION
    else hashlib.sha256(f"development:{BASE_DIR}".encode()).hexdigest()
)
if len(SECRET_KEY) < SECRET_KEY_LENGTH:
    raise ImproperlyConfigured("SECRET_KEY is short. Write 50 or more random characters.")
SECRET_KEY_FALLBACKS = env.words("SECRET_KEY_FALLBACKS")

# The keys that seal what opens the CRMs, newest first; development derives one from its own key.
CREDENTIAL_KEYS = env.words("CREDENTIAL_KEYS") or (
    []
    if PRODUCTION
    else [base64.urlsafe_b64encode(hashlib.sha256(f"seal:{SECRET_KEY}".encode()).digest()).decode()]
)
for _key in CREDENTIAL_KEYS:
    # Checked here, so that a wrong key is refused at the start and not at the first sync.
    try:
        _is_key = len(base64.urlsafe_b64decode(_key)) == CREDENTIAL_KEY_BYTES
    except ValueError:
        _is_key = False
    if not _is_key:
        raise ImproperlyConfigured(
            "CREDENTIAL_KEYS holds a word that is no key. Make one with "
            "`manage.py make_credential_key`."
        )

LOCAL_HOSTS = ("localhost", "127.0.0.1", "[::1]", "testserver")
ALLOWED_HOSTS = env.words("ALLOWED_HOSTS", () if PRODUCTION else LOCAL_HOSTS)
if not ALLOWED_HOSTS:
    raise ImproperlyConfigured("ALLOWED_HOSTS is not set. Write the host names of the site.")
if PRODUCTION and "*" in ALLOWED_HOSTS:
    raise ImproperlyConfigured("ALLOWED_HOSTS is *. Write the host names of the site.")
CSRF_TRUSTED_ORIGINS = env.words("CSRF_TRUSTED_ORIGINS")

geography.skip()
INSTALLED_APPS = [
    "unfold.apps.BasicAppConfig",
    "config.apps.AdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.postgres",
    "strawberry_django",
    "django_celery_beat",
    "django_structlog",
    "gifting",
    "attribution",
    "integrations",
    "config",
    # Last, so that the product's `runserver` stands before its.
    "django.contrib.staticfiles",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "config.logs.RequestLogMiddleware",
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
# What a connection may hold up, in milliseconds; 0 is for ever. A page that takes longer is a bug,
# a worker is ended by its task's time limit, and a person's command takes the time it needs.
CONNECTION_LIMITS = {
    "web": {"statement": 5_000, "lock": 2_000, "idle_in_transaction_session": 10_000},
    "worker": {"statement": 240_000, "lock": 30_000, "idle_in_transaction_session": 300_000},
    "command": {"statement": 0, "lock": 0, "idle_in_transaction_session": 0},
}


def _databases(url: str, owner_url: str) -> dict[str, Any]:
    """Describe the database; every connection but a migration's works as the application role."""
    if owner_url and not url:
        raise ImproperlyConfigured("DATABASE_OWNER_URL needs DATABASE_URL. Set both, or neither.")
    database = addresses.database("DATABASE_URL", url) if url else addresses.embedded(TRIBUTE_HOME)
    limits = [f"-c {name}_timeout={value}" for name, value in CONNECTION_LIMITS[PROCESS].items()]
    options = database["OPTIONS"]
    options["options"] = " ".join([*limits, options.get("options", "")]).strip()
    options["application_name"] = options.get("application_name", f"tribute {PROCESS}")
    options["assume_role"] = APPLICATION_ROLE
    if owner_url:
        database["OWNER"] = addresses.database("DATABASE_OWNER_URL", owner_url)
    database["CONN_MAX_AGE"] = 60
    database["CONN_HEALTH_CHECKS"] = True
    return {"default": database}


DATABASES = _databases(env.text("DATABASE_URL", ""), env.text("DATABASE_OWNER_URL", ""))
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

REDIS_URL = env.text("REDIS_URL", "")
TASK_SECONDS = 240
HEARTBEAT_SECONDS = env.whole("TRIBUTE_HEARTBEAT_SECONDS", 30, least=1, most=30)
# A heartbeat older than this is missing.
HEARTBEAT_LIMIT_SECONDS = 60.0
# How often the scheduler looks for CRMs that are due.
DISPATCH_SECONDS = 30.0
# How often what falls due is looked for.
SWEEP_SECONDS = 300
QUEUES = ("default", "sync", "attribution", "exports")

CELERY_BROKER_URL = (
    addresses.broker("REDIS_URL", REDIS_URL) if REDIS_URL else "embedded://localhost"
)
CELERY_BROKER_USE_SSL = (
    {"ssl_cert_reqs": ssl.CERT_REQUIRED} if REDIS_URL.startswith("rediss://") else None
)
CELERY_BROKER_TRANSPORT_OPTIONS = {
    # A dead worker's task comes again after this; it is longer than any task may take.
    "visibility_timeout": TASK_SECONDS + 60,
    "socket_connect_timeout": 5,
    "socket_timeout": 30,
    "socket_keepalive": True,
}
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
CELERY_TASK_DEFAULT_QUEUE = "default"
CELERY_TASK_QUEUES: dict[str, dict[str, Any]] = {name: {} for name in QUEUES}
CELERY_TASK_CREATE_MISSING_QUEUES = False
CELERY_TASK_ROUTES = {
    "attribution.run": {"queue": "attribution"},
    "integrations.sync": {"queue": "sync"},
}
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_IGNORE_RESULT = True
CELERY_RESULT_EXPIRES = None
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_TASK_TIME_LIMIT = TASK_SECONDS
CELERY_TASK_SOFT_TIME_LIMIT = TASK_SECONDS - 30
# A request must not wait for a queue that is down: the row is written, a sweeper sends it later.
CELERY_TASK_PUBLISH_RETRY_POLICY = {
    "max_retries": 1,
    "interval_start": 0,
    "interval_step": 0.1,
    "interval_max": 0.1,
}
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_MAX_TASKS_PER_CHILD = 1_000
CELERY_WORKER_CANCEL_LONG_RUNNING_TASKS_ON_CONNECTION_LOSS = True
CELERY_WORKER_SOFT_SHUTDOWN_TIMEOUT = 5.0
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_WORKER_REDIRECT_STDOUTS = False
CELERY_TIMEZONE = "UTC"
CELERY_BEAT_SCHEDULER = "config.scheduler:Scheduler"
CELERY_BEAT_SCHEDULE: dict[str, dict[str, Any]] = {
    # A scheduler, a queue and a worker that only look alive leave no new heartbeat.
    f"heartbeat of {queue}": {
        "task": "integrations.beat",
        "schedule": HEARTBEAT_SECONDS,
        "kwargs": {"queue": queue},
        "options": {"queue": queue, "expire_seconds": HEARTBEAT_SECONDS},
    }
    for queue in CELERY_TASK_QUEUES
} | {
    # What is reserved past its time, and what is unused on its day, goes back without being asked.
    name: {
        "task": task,
        "schedule": SWEEP_SECONDS,
        "options": {"queue": "default", "expire_seconds": SWEEP_SECONDS},
    }
    for name, task in (
        ("expire commitments", "gifting.expire_commitments"),
        ("claw back budgets", "gifting.claw_back"),
        ("expire credits", "gifting.expire_credits"),
        ("sweep approvals", "gifting.sweep_approvals"),
    )
}
CELERY_BEAT_SCHEDULE["read the CRMs that are due"] = {
    "task": "integrations.dispatch",
    "schedule": DISPATCH_SECONDS,
    "options": {"queue": "default", "expire_seconds": DISPATCH_SECONDS},
}

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}", "OPTIONS": options}
    for name, options in (
        ("UserAttributeSimilarityValidator", {}),
        ("MinimumLengthValidator", {"min_length": 12}),
        ("CommonPasswordValidator", {}),
        ("NumericPasswordValidator", {}),
    )
]
SESSION_COOKIE_AGE = 12 * 60 * 60
SESSION_EXPIRE_AT_BROWSER_CLOSE = True
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"

SECURE_SSL_REDIRECT = PRODUCTION
SESSION_COOKIE_SECURE = PRODUCTION
CSRF_COOKIE_SECURE = PRODUCTION
SECURE_HSTS_SECONDS = 365 * 24 * 60 * 60 if PRODUCTION else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = PRODUCTION
SECURE_HSTS_PRELOAD = PRODUCTION
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
# Only a proxy that ends TLS may say what the browser used, hence only when there is one.
if env.flag("TRIBUTE_BEHIND_PROXY", default=False):
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")

DATA_UPLOAD_MAX_MEMORY_SIZE = 1_000_000
FILE_UPLOAD_MAX_MEMORY_SIZE = 1_000_000
DATA_UPLOAD_MAX_NUMBER_FIELDS = 1_000
DATA_UPLOAD_MAX_NUMBER_FILES = 10

LANGUAGE_CODE = "en-us"
TIME_ZONE = "UTC"
USE_TZ = True
USE_I18N = True
FORMAT_MODULE_PATH = ["config.formats"]
STATIC_URL = "static/"
# The packages' own files are served as they are: nothing to collect before a start.
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = DEBUG
WHITENOISE_MAX_AGE = 60 * 60 if PRODUCTION else 0

LOGGING = logs.configuration(
    production=PRODUCTION,
    level=env.choice(
        "TRIBUTE_LOG_LEVEL", "INFO", ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
    ),
)
DJANGO_STRUCTLOG_IP_LOGGING_ENABLED = False
# Who it was is in the audit trail; here it would cost each request two queries.
DJANGO_STRUCTLOG_USER_ID_FIELD = None
DJANGO_STRUCTLOG_STATUS_START_LOG_LEVEL = logging.DEBUG
DJANGO_STRUCTLOG_CELERY_ENABLED = True
DJANGO_STRUCTLOG_CELERY_DEFAULT_LOG_LEVEL = logging.INFO if PRODUCTION else logging.DEBUG

env.refuse_unknown("TRIBUTE_")
