"""What the phone says after a scan. Chinese: it is WeChat's users who read it."""

from enum import StrEnum

SIGNED_IN = "登录成功！\n您已在 {site} 登录，请回到网页继续。"
BIND = "扫码成功！\n您的微信还没有绑定 {site} 的账号，请在网页上输入账号和密码完成绑定。"
CHOOSE = (
    "您正在登录 {site}。\n请在网页上选择数字 {number}。\n"
    "如果不是您本人操作，请不要选择，稍后会自动取消。"
)
EXPIRED = "二维码已过期。\n请回到网页，刷新二维码后重新扫描。"
USED = "这个二维码已经使用过了。\n请回到网页，刷新二维码后重新扫描。"


class Answer(StrEnum):
    """What a scan is answered with; stored with the attempt, for a repeated push."""

    SIGNED_IN = "signed_in"
    BIND = "bind"
    CHOOSE = "choose"
    EXPIRED = "expired"
    USED = "used"


TEXTS = {
    Answer.SIGNED_IN: SIGNED_IN,
    Answer.BIND: BIND,
    Answer.CHOOSE: CHOOSE,
    Answer.EXPIRED: EXPIRED,
    Answer.USED: USED,
}


def text_of(answer: str, *, site: str) -> str:
    """Return the text for *answer*; a number may follow it after a colon."""
    name, _, number = answer.partition(":")
    return TEXTS[Answer(name)].format(site=site, number=number)
