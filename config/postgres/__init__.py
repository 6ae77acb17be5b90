"""Django's PostgreSQL backend, with an embedded server where none is named and two roles.

Every connection works as the application role, which row-level security binds; `config.ownership`
makes one work as the owner, for migrations.
"""
