"""Route each address to its doorway."""

from __future__ import annotations

from django.contrib import admin
from django.urls import path

from config import view

urlpatterns = [
    path("admin/", admin.site.urls),
    path("graphql/", view.graphql, name="graphql"),
]
