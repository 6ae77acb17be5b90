"""Attacks on the running product that a buyer can watch: real connections, real processes.

Each drill makes an organization of its own, attacks it, says what it found and removes it. It
holds or it does not; nothing else is a success.
"""
