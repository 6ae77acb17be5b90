"""How dates are written on pages: one way that sorts and that every country reads alike."""
