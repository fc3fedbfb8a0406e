"""What a browser complains of: errors and warnings in the console, and exceptions nobody caught."""

import re

from playwright.async_api import BrowserContext, ConsoleMessage, WebError

LOUD = {"error", "warning", "assert"}


class Complaints:
    """Collects the complaints of every page of the contexts it listens to."""

    def __init__(self) -> None:
        self._heard: list[str] = []
        self._expected: list[str] = []

    def listen(self, context: BrowserContext) -> None:
        """Collect what the pages of *context* complain of, those to come too."""
        context.on("console", self._note_message)
        context.on("weberror", self._note_error)

    def expect(self, *patterns: str) -> None:
        """Let complaints pass that match one of *patterns*; each must come, and may come often."""
        self._expected += patterns

    def unexpected(self) -> list[str]:
        """Return the complaints that nobody expected."""
        return [
            text
            for text in self._heard
            if not any(re.search(pattern, text) for pattern in self._expected)
        ]

    def missing(self) -> list[str]:
        """Return the patterns that were expected and never came."""
        return [
            pattern
            for pattern in self._expected
            if not any(re.search(pattern, text) for text in self._heard)
        ]

    def _note_message(self, message: ConsoleMessage) -> None:
        if message.type in LOUD:
            place = message.location.get("url", "")
            self._heard.append(f"{message.type}: {message.text} ({place})")

    def _note_error(self, error: WebError) -> None:
        self._heard.append(f"uncaught: {error.error}")
