"""Checks of accessibility by axe-core, which is vendored beside this file."""

from pathlib import Path

from playwright.async_api import Page

SOURCE = (Path(__file__).parent / "vendor" / "axe.min.js").read_text(encoding="utf-8")
RUN = """async () => {
    const { violations } = await axe.run(document, { resultTypes: ["violations"] });
    const told = ({ html, any }) => [html, ...any.map(({ message }) => message)].join(" ");
    return violations.map(({ id, help, nodes }) => [id, help, ...nodes.map(told)].join(" | "));
}"""


async def violations(page: Page) -> list[str]:
    """Return what axe-core finds wrong with the page as it is now."""
    if not await page.evaluate("typeof axe === 'object'"):
        await page.evaluate(SOURCE)
    found: list[str] = await page.evaluate(RUN)
    return found
