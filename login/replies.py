"""What the phone says after a scan: texts in two languages, each of which a site may replace.

A line whose place or browser is not known is left out. Times are those of the
scan, not of the answer: a repeated push is answered with the same text.
"""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from string import Formatter
from zoneinfo import ZoneInfo

from login.rules import Rules
from login.visit import NOWHERE, Visit


class Answer(StrEnum):
    """What a push is answered with; stored with the attempt, for a repeated push."""

    SIGNED_IN = "signed_in"
    BIND = "bind"
    LINK = "link"
    CHOOSE = "choose"
    EXPIRED = "expired"
    USED = "used"
    DENIED = "denied"
    NOT_ALLOWED = "not_allowed"
    UNDONE = "undone"
    REFUSED = "refused"
    NOTHING = "nothing"


ZH = {
    Answer.SIGNED_IN: (
        "登录成功！\n您已在 {site} 登录，请回到网页继续。\n"
        "浏览器：{browser}\n地点：{place}\n时间：{time}\n"
        "不是您本人？请在 {undo_minutes} 分钟内回复 {undo_word}，立即退出这次登录。"
    ),
    Answer.BIND: (
        "扫码成功！\n您的微信还没有绑定 {site} 的账号，请在网页上输入用户名和密码完成绑定。\n"
        "浏览器：{browser}\n地点：{place}\n不是您本人？请回复 {undo_word}，这次扫码随即作废。"
    ),
    Answer.LINK: (
        "扫码成功！\n网页正在把您的微信绑定到它所登录的 {site} 账号，"
        "以后用微信扫码就能登录那个账号。\n"
        "浏览器：{browser}\n地点：{place}\n"
        "不是您本人的账号？请在 {undo_minutes} 分钟内回复 {undo_word}，立即解除绑定。"
    ),
    Answer.CHOOSE: (
        "您正在登录 {site}。\n浏览器：{browser}\n地点：{place}\n"
        "如果网页就在您面前，请选择数字 {number}。\n"
        "不是您本人？请不要把数字告诉任何人，并回复 {refuse_word}，拒绝登录。"
    ),
    Answer.EXPIRED: "二维码已过期。\n请回到网页，刷新二维码后重新扫描。",
    Answer.USED: "这个二维码已经使用过了。\n请回到网页，刷新二维码后重新扫描。",
    Answer.DENIED: "这次登录已被取消。\n请回到网页，刷新二维码后重新扫描。",
    Answer.NOT_ALLOWED: (
        "您不能使用这个二维码。\n它属于 {site} 的另一次登录或另一个账号，"
        "您的微信没有登录，也没有绑定。\n"
        "请只扫您自己网页上的二维码。"
    ),
    Answer.UNDONE: (
        "已撤销 {time} 的登录。\n由它登录的 {site} 网页已经退出；如果它绑定了账号，绑定也已解除。\n"
        "浏览器：{browser}\n地点：{place}\n请不要再扫别人发来的登录二维码。"
    ),
    Answer.REFUSED: (
        "已拒绝 {time} 的扫码，没有网页凭它登录 {site}。\n"
        "浏览器：{browser}\n地点：{place}\n请不要再扫别人发来的登录二维码。"
    ),
    Answer.NOTHING: "没有可以撤销的登录。\n如果有疑问，请到 {site} 修改密码。",
}
EN = {
    Answer.SIGNED_IN: (
        "Signed in.\nYou are signed in to {site}; go on in your browser.\n"
        "Browser: {browser}\nPlace: {place}\nTime: {time}\n"
        "Not you? Reply {undo_word} within {undo_minutes} minutes to sign that browser out at once."
    ),
    Answer.BIND: (
        "Scanned.\nYour WeChat has no account of {site} yet. "
        "Enter your user name and password on the page to link it.\n"
        "Browser: {browser}\nPlace: {place}\n"
        "Not you? Reply {undo_word}, and this scan counts for nothing."
    ),
    Answer.LINK: (
        "Scanned.\nThe page links your WeChat to the account of {site} that it is signed in to; "
        "from then on scanning signs you in to that account.\n"
        "Browser: {browser}\nPlace: {place}\n"
        "Not your account? Reply {undo_word} within {undo_minutes} minutes to unlink it at once."
    ),
    Answer.CHOOSE: (
        "You are signing in to {site}.\nBrowser: {browser}\nPlace: {place}\n"
        "If the page is in front of you, pick the number {number} there.\n"
        "Not you? Tell nobody the number, and reply {refuse_word} to refuse."
    ),
    Answer.EXPIRED: "This code has expired.\nRefresh the code on the page and scan again.",
    Answer.USED: "This code was used already.\nRefresh the code on the page and scan again.",
    Answer.DENIED: "This sign-in was cancelled.\nRefresh the code on the page and scan again.",
    Answer.NOT_ALLOWED: (
        "You may not use this code.\nIt belongs to another sign-in or another account of {site}; "
        "your WeChat signed nothing in and was not linked.\nScan only the code on your own page."
    ),
    Answer.UNDONE: (
        "The sign-in of {time} is taken back.\n"
        "What it signed in to {site} is signed out, and what it linked is unlinked.\n"
        "Browser: {browser}\nPlace: {place}\nScan no more codes that somebody sends you."
    ),
    Answer.REFUSED: (
        "The scan of {time} is refused: no page is signed in to {site} by it.\n"
        "Browser: {browser}\nPlace: {place}\nScan no more codes that somebody sends you."
    ),
    Answer.NOTHING: "There is no sign-in to take back.\nIn doubt, change your password at {site}.",
}
TEXTS = {"zh": ZH, "en": EN}
LAST = 253_402_214_400
"""9999-12-31, Unix seconds: a push may name a later second, a calendar has none."""
MINUTES = len("2026-01-31 12:30")
ON = {"zh": "{1} 上的 {0}", "en": "{0} on {1}"}


class Replies:
    """All that the phone is told. *texts* replaces texts of the *language* by name."""

    def __init__(
        self,
        *,
        site: str,
        language: str,
        time_zone: str,
        texts: Mapping[str, str],
        undo_word: str,
        refuse_word: str,
        rules: Rules,
    ) -> None:
        self.undo_word = undo_word
        self.refuse_word = refuse_word
        self._rules = rules
        self._site = site
        self._language = language
        self._time_zone = ZoneInfo(time_zone)
        replaced = {Answer(name): text for name, text in texts.items()}
        self._lines = {
            answer: [(line, _holes(line)) for line in text.split("\n")]
            for answer, text in (TEXTS[language] | replaced).items()
        }

    def text(self, answer: str, visit: Visit = NOWHERE, at: int = 0) -> str:
        """Return the text for *answer*, which a number may follow after a colon.

        *visit* is where the page was opened, *at* when the code was scanned (Unix seconds).
        """
        name, _, number = answer.partition(":")
        known = {
            "site": self._site,
            "browser": self._browser(visit.device),
            "place": visit.place,
            "time": datetime.fromtimestamp(min(at, LAST), self._time_zone).isoformat(" ")[:MINUTES],
            "number": number,
            "undo_word": self.undo_word,
            "undo_minutes": int(self._rules.undo_seconds // 60),
            "refuse_word": self.refuse_word,
        }
        missing = {each for each in ("browser", "place") if not known[each]}
        lines = self._lines[Answer(name)]
        kept = [line for line, holes in lines if missing.isdisjoint(holes)]
        return "\n".join(kept).format(**known).strip()

    def _browser(self, device: str) -> str:
        browser, _, system = device.partition("/")
        return ON[self._language].format(browser, system) if browser and system else device


def _holes(line: str) -> set[str | None]:
    return {name for _, name, _, _ in Formatter().parse(line)}
