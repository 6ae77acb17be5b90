"""The WSGI doorway: `granian --interface wsgi config.wsgi:application`."""

from __future__ import annotations

from django.core.wsgi import get_wsgi_application

from config import boot

boot.start("web")
application = get_wsgi_application()
