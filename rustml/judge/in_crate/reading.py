"""Which functions a call of the compiler reads: an error that is put there is reported."""

import secrets
from collections.abc import Mapping, Sequence
from pathlib import Path

from rustml.judge.in_crate.invocation import Invocation
from rustml.judge.in_crate.recompile import Recompiler
from rustml.judge.in_crate.sites import InsertionSite


def sites_read(compiler: Recompiler, call: Invocation, sites: Sequence[InsertionSite]) -> list[str]:
    """The ids of the sites in which a call reports an error that was put there."""
    words = {site.id: secrets.token_hex(12) for site in sites}
    paths = {site.path for site in sites}
    files = {path: _with_errors([site for site in sites if site.path == path], words) for path in paths}
    with compiler.folder() as out:
        compilation = compiler.compile(call, files, "check", out)
    reported = {message.text for message in compilation.messages if message.level == "error"}
    return [site.id for site in sites if words[site.id] in reported]


def _with_errors(sites: Sequence[InsertionSite], words: Mapping[str, str]) -> bytes:
    """One file with an error of its own in each of the sites; several sites may be the same function."""
    source = (Path(sites[0].folder) / sites[0].path).read_bytes()
    for body in sorted({site.body for site in sites}, reverse=True):
        errors = "".join(f'compile_error!("{words[site.id]}");' for site in sites if site.body == body)
        source = source[: body + 1] + errors.encode() + source[body + 1 :]
    return source
