"""Settings, read from the environment. Every variable has a default that works for one person at home."""

from pathlib import Path
from typing import Any

import environ
from csp.constants import SELF

from hmm.lib.data_dir import prepare_data_dir, secret_key
from hmm.lib.database_url import database_settings, replica_settings
from hmm.lib.environment import at_most, one_of, time_zone, whole_number
from hmm.lib.redis_url import broker_settings, cache_settings

BASE_DIR = Path(__file__).resolve().parent.parent
env = environ.Env()

DATA_DIR: Path = prepare_data_dir(env.str("HMM_DATA_DIR", default=str(BASE_DIR / "var")))
HOST: str = env.str("HMM_HOST", default="127.0.0.1")
PORT: int = whole_number("HMM_PORT", 8000, 1, 65535)
DEFAULT_TIME_ZONE: str = time_zone("HMM_TIME_ZONE", "Europe/London")
DEFAULT_CURRENCY: str = one_of("HMM_CURRENCY", "GBP", ("GBP", "EUR", "USD"))
PRICE_HISTORY_DAYS: int = whole_number("HMM_PRICE_HISTORY_DAYS", 7, 1, 3660)  # fetched for a fresh tariff
RETENTION_DETAIL_DAYS: int = whole_number("HMM_RETENTION_DETAIL_DAYS", 7, 2, 3660)  # then rows are packed
RETENTION_RAW_DAYS: int = whole_number("HMM_RETENTION_RAW_DAYS", 90, 3, 36600)  # then they are dropped
at_most("HMM_RETENTION_DETAIL_DAYS", RETENTION_DETAIL_DAYS, "HMM_RETENTION_RAW_DAYS", RETENTION_RAW_DAYS)
RETENTION_SLOT_DAYS: int = whole_number("HMM_RETENTION_SLOT_DAYS", 400, 32, 36600)  # slots and hours
RETENTION_POOL_DAYS: int = whole_number("HMM_RETENTION_POOL_DAYS", 400, 1, 36600)  # and as long as slots
RETENTION_COIN_DAYS: int = whole_number("HMM_RETENTION_COIN_DAYS", 400, 1, 36600)  # and as long as slots
SYSTEM_METRICS_DAYS: int = whole_number("HMM_SYSTEM_METRICS_DAYS", 7, 1, 31)  # kept by the hour
COLLECTOR_THREADS: int = whole_number("HMM_COLLECTOR_THREADS", 64, 1, 1000)
COLLECTOR_TIMEOUT_S: int = whole_number("HMM_COLLECTOR_TIMEOUT_S", 5, 1, 60)  # for one device
COLLECTOR_LEASE_S: int = whole_number("HMM_COLLECTOR_LEASE_S", 0, 1, 600)  # 0: what the time limit needs
COLLECTOR_FLUSH_S: int = whole_number("HMM_COLLECTOR_FLUSH_S", 5, 1, 60)
COLLECTOR_FLUSH_READINGS: int = whole_number("HMM_COLLECTOR_FLUSH_READINGS", 100, 1, 100_000)
SPOOL_MAX_MB: int = whole_number("HMM_SPOOL_MAX_MB", 1024, 1, 1_000_000)
OCTOPUS_BASE_URL: str = env.str("HMM_OCTOPUS_BASE_URL", default="https://api.octopus.energy")
COINGECKO_BASE_URL: str = env.str("HMM_COINGECKO_BASE_URL", default="https://api.coingecko.com")
COINBASE_BASE_URL: str = env.str("HMM_COINBASE_BASE_URL", default="https://api.coinbase.com")
MEMPOOL_BASE_URL: str = env.str("HMM_MEMPOOL_BASE_URL", default="https://mempool.space")
BITCOIN_NODE_URL: str = env.str("HMM_BITCOIN_NODE_URL", default="")  # in mempool's place: a node with rest=1

DEBUG: bool = env.bool("HMM_DEBUG", default=False)
SECRET_KEY: str = env.str("HMM_SECRET_KEY", default="") or secret_key(DATA_DIR)
ALLOWED_HOSTS: list[str] = env.list("HMM_ALLOWED_HOSTS", default=["localhost", "127.0.0.1", "[::1]", HOST])
CSRF_TRUSTED_ORIGINS: list[str] = env.list("HMM_TRUSTED_ORIGINS", default=[])

INSTALLED_APPS = [
    "hmm",
    "energy",
    "pools",
    "miners",
    "metrics",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "django_htmx",
    "django_q",
    "axes",
    "csp",
    "ninja",
]

MIDDLEWARE = [
    "hmm.system_metrics.middleware.RequestStatisticsMiddleware",
    "hmm.middleware.HeadMiddleware",
    "hmm.middleware.HealthMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "hmm.middleware.InstallationTimeZoneMiddleware",
    "axes.middleware.AxesMiddleware",
    "metrics.query.reading.OneReadingMiddleware",
    "hmm.replica.middleware.ReplicaMiddleware",  # last: see there
]

ROOT_URLCONF = "hmm.urls"
WSGI_APPLICATION = "hmm.wsgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "hmm.theme.theme_context",
            ],
        },
    }
]

DB_POOL: bool = env.bool("HMM_DB_POOL", default=False)
DATABASES = {"default": database_settings(env.str("DATABASE_URL", default=""), DATA_DIR, pooled=DB_POOL)}
DATABASES |= replica_settings(env.str("DATABASE_REPLICA_URL", default=""), pooled=DB_POOL)
DATABASE_ROUTERS = ["hmm.replica.route.ReplicaRouter"]
REPLICA_LAG_S: int = whole_number("HMM_REPLICA_LAG_S", 10, 1, 3600)

# Shared by web, worker and collector, since django-q2's statistics need a cache all of them see: one directory, or Redis.
REDIS_URL: str = env.str("REDIS_URL", default="")
CACHES = cache_settings(REDIS_URL, DATA_DIR)
OUTSIDE_CACHE: bool = env.bool("HMM_OUTSIDE_CACHE", default=True)  # answers of services outside
OUTSIDE_BOOKS = "hmm.outside.StoredBooks"

AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "django.contrib.auth.backends.ModelBackend",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "/"
LOGOUT_REDIRECT_URL = "login"
AXES_FAILURE_LIMIT = 10
AXES_COOLOFF_TIME = 0.25  # hours
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_LOCKOUT_TEMPLATE = "hmm/locked_out.html"
AXES_VERBOSE = False

LANGUAGE_CODE = "en-gb"
FORMAT_MODULE_PATH = "hmm.formats"
USE_I18N = True
USE_TZ = True
TIME_ZONE = "UTC"  # storage; people see the installation's zone, which lives in the database

STATIC_URL = "static/"
STATIC_ROOT = BASE_DIR / "staticfiles"
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "hmm.static_storage.CollectedFiles"},
}

Q_CLUSTER: dict[str, Any] = {
    "name": "hmm",
    **broker_settings(REDIS_URL),
    "workers": whole_number("HMM_WORKERS", 2, 1, 64),
    "recycle": 500,
    "timeout": 1800,
    "retry": 2000,
    "max_attempts": 3,
    "ack_failures": True,
    "catch_up": False,
    "guard_cycle": 1,
    "poll": 1,
    "queue_limit": 20,
    "bulk": 1,
    "save_limit": 500,
    "label": "Task queue",
}

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'none'"],
        "script-src": [SELF],
        "style-src": [SELF],
        "connect-src": [SELF],
        "font-src": [SELF],
        "img-src": [SELF, "data:"],
        "manifest-src": [SELF],
        "form-action": [SELF],
        "base-uri": ["'none'"],
        "frame-ancestors": ["'none'"],
    }
}

SESSION_ENGINE = "django.contrib.sessions.backends.cached_db"
SESSION_COOKIE_AGE = 60 * 60 * 24 * 30
SESSION_COOKIE_SAMESITE = "Lax"
X_FRAME_OPTIONS = "DENY"
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"

# HTTPS is the reverse proxy's; HMM_HTTPS=1 says that there is one.
HTTPS: bool = env.bool("HMM_HTTPS", default=False)
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
SECURE_SSL_REDIRECT = HTTPS
SECURE_HSTS_SECONDS = 60 * 60 * 24 * 30 if HTTPS else 0
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if HTTPS else None
# On plain http to loopback, the default, these four cannot be met; with HMM_HTTPS=1 all but the last two are.
SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W021"] + (
    [] if HTTPS else ["security.W004", "security.W008", "security.W012", "security.W016"]
)

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s: %(message)s"}},
    "filters": {"no_health_answers": {"()": "hmm.log_filters.NoHealthAnswers"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": env.str("HMM_LOG_LEVEL", default="INFO")},
    "loggers": {
        "django-q": {"level": "WARNING"},
        "axes": {"level": "WARNING"},
        "django.request": {"filters": ["no_health_answers"]},
    },
}
