"""Which page of WeChat a visitor's browser can open, by what the browser calls itself."""

from enum import StrEnum


class Way(StrEnum):
    """How a visitor's browser gets to a page of WeChat."""

    NONE = ""
    INSIDE = "inside"
    """Inside WeChat's own browser, by the service account."""
    DESK = "desk"
    """In another browser, on a desk, by a website app."""


def way_for(user_agent: str) -> Way:
    """Return the way that a browser can take."""
    if is_inside_wechat(user_agent):
        return Way.INSIDE
    return Way.NONE if is_phone(user_agent) else Way.DESK


def is_inside_wechat(user_agent: str) -> bool:
    """Tell WeChat's browser from others; WeCom's calls itself by both names."""
    return "MicroMessenger" in user_agent and "wxwork" not in user_agent


def is_phone(user_agent: str) -> bool:
    """Tell whether the browser is on a phone, which cannot scan its own screen."""
    return "Mobile" in user_agent
