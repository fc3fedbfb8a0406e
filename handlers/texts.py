"""Words in the visitor's language, from `templates/texts.json`."""

from pathlib import Path

import msgspec

LANGUAGES = ("zh", "en")


class Texts:
    """All words of the pages, by language and key."""

    def __init__(self, file: Path) -> None:
        words = msgspec.json.decode(file.read_bytes(), type=dict[str, dict[str, str]])
        self._texts = {
            language: {key: word[language] for key, word in words.items()} for language in LANGUAGES
        }
        self._json = {language: self._as_json(texts) for language, texts in self._texts.items()}

    def __getitem__(self, language: str) -> dict[str, str]:
        return self._texts[language]

    def json(self, language: str) -> str:
        """Return the words as JSON that may stand inside a `<script>` element."""
        return self._json[language]

    @staticmethod
    def _as_json(texts: dict[str, str]) -> str:
        # "</script>" or "<!--" would end or change the element.
        return msgspec.json.encode(texts).decode().replace("<", "\\u003c")


def language_of(wished: str | None, accept_language: str) -> str:
    """Return the language to speak: the one *wished* for, else what the browser prefers.

    Source: RFC 9110 §12.5.4, Accept-Language.
    """
    if wished in LANGUAGES:
        return wished
    ranked = []
    for place, item in enumerate(accept_language.split(",")):
        tag, _, quality = item.strip().partition(";q=")
        try:
            weight = float(quality) if quality else 1.0
        except ValueError:
            continue
        ranked.append((-weight, place, tag.lower().partition("-")[0]))
    for weight, _, tag in sorted(ranked):
        if tag in LANGUAGES and weight < 0:
            return tag
    return LANGUAGES[0] if not accept_language.strip() else LANGUAGES[1]
