"""How hard properties are tried: so many examples, and no deadline on a shared machine."""

from __future__ import annotations

import hypothesis

hypothesis.settings.register_profile("house", deadline=None, max_examples=100)
hypothesis.settings.load_profile("house")
