"""The formats a push may have: how much of it is encrypted, and in which language it is written.

An account chooses both in WeChat's console. Source: WeChat, "Message push"; "Message encryption",
/doc/oplatform/developers/dev/push/encryption.
"""

from dataclasses import dataclass
from enum import StrEnum


class Mode(StrEnum):
    """What a push carries."""

    PLAIN = "plain"
    """The event in the clear."""
    COMPATIBLE = "compatible"
    """The event in the clear and encrypted beside it; the reply may be either."""
    SAFE = "safe"
    """The event encrypted; the reply must be, too."""


class Data(StrEnum):
    """The language of pushes and of the replies to them."""

    XML = "xml"
    JSON = "json"


CONTENT_TYPES = {Data.XML: "text/xml", Data.JSON: "application/json"}


@dataclass(frozen=True, slots=True)
class PushFormat:
    """One of the six formats."""

    mode: Mode = Mode.PLAIN
    data: Data = Data.XML

    @property
    def encrypts(self) -> bool:
        """Whether a key is needed."""
        return self.mode is not Mode.PLAIN
