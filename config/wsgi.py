"""The WSGI doorway: `granian --interface wsgi config.wsgi:application`."""

from __future__ import annotations

import gc

from django.core.wsgi import get_wsgi_application

from config import boot

boot.start("web")
application = get_wsgi_application()
# What is loaded now stays for good: a full collection in the middle of a request need not walk it.
gc.freeze()
