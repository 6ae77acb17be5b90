"""Route each address to its doorway."""

from __future__ import annotations

from django.contrib import admin
from django.urls import path
from django.views.generic import RedirectView

from config import view

urlpatterns = [
    # The address that `up` prints first: whoever opens it wants to see something.
    path("", RedirectView.as_view(pattern_name="admin:index")),
    path("admin/", admin.site.urls),
    path("graphql/", view.graphql, name="graphql"),
]
