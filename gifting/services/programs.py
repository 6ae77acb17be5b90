"""Make and rename programs; a campaign is put into one by whoever may change the campaign."""

from __future__ import annotations

from gifting import models
from gifting.domain import access, refusals, texts
from gifting.services import conflicts


class ProgramCodeTaken(refusals.Conflict):
    code = "PROGRAM_CODE_TAKEN"


def create(*, actor: access.Actor, code: str, name: str) -> int:
    """Make a program and return its id; raises Forbidden, TextUnusable and ProgramCodeTaken."""
    actor.require(access.Permission.WRITE_CAMPAIGNS)
    texts.require(code, field="code", most=texts.CODE_LENGTH)
    texts.require(name, field="name", most=texts.NAME_LENGTH)
    program = models.Program(organization_id=actor.organization_id, code=code, name=name)
    taken = ProgramCodeTaken(
        f"A program with the code {code!r} exists. Choose another code.", field="code"
    )
    with conflicts.refusing("program_code_is_unique", taken):
        program.save()
    return program.pk


def rename(*, actor: access.Actor, program_id: int, name: str) -> None:
    """Give a program another name; its code stays. Raises Forbidden and TextUnusable."""
    actor.require(access.Permission.WRITE_CAMPAIGNS)
    texts.require(name, field="name", most=texts.NAME_LENGTH)
    models.Program.objects.filter(id=program_id).update(name=name)
