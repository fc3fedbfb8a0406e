"""What the phone says after a scan: texts in two languages, each of which a site may replace.

A line whose place or browser is not known is left out. Times are those of the
scan, not of the answer: a repeated push is answered with the same text.
"""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from string import Formatter
from zoneinfo import ZoneInfo

from login.visit import NOWHERE, Visit


class Answer(StrEnum):
    """What a push is answered with; stored with the attempt, for a repeated push."""

    SIGNED_IN = "signed_in"
    BIND = "bind"
    CHOOSE = "choose"
    EXPIRED = "expired"
    USED = "used"


ZH = {
    Answer.SIGNED_IN: (
        "登录成功！\n您已在 {site} 登录，请回到网页继续。\n"
        "浏览器：{browser}\n地点：{place}\n时间：{time}"
    ),
    Answer.BIND: (
        "扫码成功！\n您的微信还没有绑定 {site} 的账号，请在网页上输入账号和密码完成绑定。\n"
        "浏览器：{browser}\n地点：{place}"
    ),
    Answer.CHOOSE: (
        "您正在登录 {site}。\n浏览器：{browser}\n地点：{place}\n"
        "如果网页就在您面前，请选择数字 {number}。\n"
        "如果不是您本人操作，请不要选择，也不要告诉任何人，稍后会自动取消。"
    ),
    Answer.EXPIRED: "二维码已过期。\n请回到网页，刷新二维码后重新扫描。",
    Answer.USED: "这个二维码已经使用过了。\n请回到网页，刷新二维码后重新扫描。",
}
EN = {
    Answer.SIGNED_IN: (
        "Signed in.\nYou are signed in to {site}; go on in your browser.\n"
        "Browser: {browser}\nPlace: {place}\nTime: {time}"
    ),
    Answer.BIND: (
        "Scanned.\nYour WeChat has no account of {site} yet. "
        "Enter your user name and password on the page to bind it.\n"
        "Browser: {browser}\nPlace: {place}"
    ),
    Answer.CHOOSE: (
        "You are signing in to {site}.\nBrowser: {browser}\nPlace: {place}\n"
        "If the page is in front of you, pick the number {number} there.\n"
        "If this is not you, pick nothing and tell nobody the number: it ends by itself."
    ),
    Answer.EXPIRED: "This code has expired.\nRefresh the code on the page and scan again.",
    Answer.USED: "This code was used already.\nRefresh the code on the page and scan again.",
}
TEXTS = {"zh": ZH, "en": EN}
ON = {"zh": "{1} 上的 {0}", "en": "{0} on {1}"}


class Replies:
    """All that the phone is told. *texts* replaces texts of the *language* by name."""

    def __init__(
        self, *, site: str, language: str, time_zone: str, texts: Mapping[str, str]
    ) -> None:
        self._site = site
        self._language = language
        self._time_zone = ZoneInfo(time_zone)
        self._texts = TEXTS[language] | {Answer(name): text for name, text in texts.items()}

    def text(self, answer: str, visit: Visit = NOWHERE, at: int = 0) -> str:
        """Return the text for *answer*, which a number may follow after a colon.

        *visit* is where the page was opened, *at* when the code was scanned (Unix seconds).
        """
        name, _, number = answer.partition(":")
        known = {
            "site": self._site,
            "browser": self._browser(visit.device),
            "place": visit.place,
            "time": f"{datetime.fromtimestamp(at, self._time_zone):%Y-%m-%d %H:%M}",
            "number": number,
        }
        missing = {each for each in ("browser", "place") if not known[each]}
        lines = self._texts[Answer(name)].split("\n")
        kept = (line for line in lines if not missing & _holes(line))
        return "\n".join(kept).format(**known).strip()

    def _browser(self, device: str) -> str:
        browser, _, system = device.partition("/")
        return ON[self._language].format(browser, system) if browser and system else device


def _holes(line: str) -> set[str | None]:
    return {name for _, name, _, _ in Formatter().parse(line)}
