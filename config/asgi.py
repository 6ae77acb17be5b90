"""The ASGI doorway, for hosts that offer nothing else; WSGI is as fast here and holds less."""

from __future__ import annotations

from django.core.asgi import get_asgi_application

from config import boot

boot.start("web")
application = get_asgi_application()
