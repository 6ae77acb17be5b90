"""Run a real PostgreSQL and a real Valkey beside the product, when no other is named.

Everything lives in one folder (TRIBUTE_HOME) and listens on Unix sockets in a private folder alone.
`servers` is the door; `layouts` knows where things live, `leases` who uses them.
"""
