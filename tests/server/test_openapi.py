"""docs/openapi.yaml says what the server does: every path, every method, every answer."""

import asyncio
import os
import re
import sys
from pathlib import Path

import pytest
import yaml
from tornado.routing import PathMatches
from tornado.web import Application, RequestHandler

from server import HERE, make_app
from tests.server.conftest import StartSite
from tests.site import PASSWORD, Site

DESCRIPTION = HERE / "docs" / "openapi.yaml"
EXAMPLES = os.environ.get("SAOMA_EXAMPLES", "2")
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "unsupported_method",
    "allow_header_conformance",
)
# Where a session matters. Signing out is for nobody: somebody would be one only until then.
OF_SESSIONS = ["--include-path-regex", "^/(user|session|$)", "--exclude-operation-id", "endSession"]
# A fuzz guesses passwords faster than anybody may.
NO_LIMITS = {
    "password_tries_per_account": 1_000_000,
    "password_tries_per_address": 1_000_000,
    "password_tries_overall": 1_000_000,
}


def served(app: Application) -> set[tuple[str, str]]:
    """Return method and path of everything that the server has."""
    return {
        (method, re.sub(r"\(.*?\)", "{}", rule.matcher.regex.pattern.removesuffix("$")))
        for rule in app.wildcard_router.rules
        if isinstance(rule.matcher, PathMatches)
        for method in METHODS
        if getattr(rule.target, method.lower()) is not getattr(RequestHandler, method.lower())
    }


async def test_description_names_every_path_and_method_and_no_other(site: Site):
    """
    What the server has is described, and what is described is there.
    """
    described = yaml.safe_load(DESCRIPTION.read_text(encoding="utf-8"))["paths"]

    assert served(make_app(site.resources.context)) == {
        (method, re.sub(r"{.*?}", "{}", path))
        for path, operations in described.items()
        for method in map(str.upper, operations)
        if method in METHODS
    }


async def fuzz(site: Site, folder: Path, *options: str) -> tuple[int, str]:
    """Run schemathesis against a site; return its exit code and what it says."""
    command = [
        *(sys.executable, "-m", "schemathesis.cli", "run", str(DESCRIPTION)),
        *("--url", site.base_url, "--checks", ",".join(CHECKS), "--max-examples", EXAMPLES),
        *("--generation-database", "none", "--no-color", "--seed", "1", "--no-shrink"),
        *("--warnings", "off", "--suppress-health-check", "all", "--max-redirects", "0"),
        *options,
    ]
    process = await asyncio.create_subprocess_exec(
        *command, cwd=folder, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    said, _ = await process.communicate()
    assert process.returncode is not None
    return process.returncode, said.decode()


@pytest.mark.timeout(3600)  # with many examples
@pytest.mark.parametrize("who", ["nobody", "somebody"])
async def test_fuzzed_endpoints_answer_as_described(start_site: StartSite, folder: Path, who: str):
    """
    Whatever is asked, signed in or not: no 5xx, no status, type, header or body but those
    described.
    """
    site = await start_site(limits=NO_LIMITS)
    visitor = site.visitor()
    await site.add_account("alice")
    await visitor.post("/login", username="alice", password=PASSWORD)
    names = ("_xsrf", "saoma_browser", *(["saoma_session"] if who == "somebody" else []))
    cookies = "; ".join(f"{name}={visitor.cookie(name)}" for name in names)
    headers = ["-H", f"Cookie: {cookies}", "-H", f"X-XSRFToken: {visitor.cookie('_xsrf')}"]
    options = OF_SESSIONS if who == "somebody" else []

    code, said = await fuzz(site, folder, *headers, *options)

    assert 0 == code, said
