"""What speaks with WeChat, as the settings have it."""

import logging

import metrics
from handlers import networks
from login import Way
from serving.rules import code_limits
from settings import WECHAT_ADDRESSES, Mode, Settings
from store import Clock, Store
from wechat import App, Budget, Client, OAuth, Pushes, Senders, service_account, website_app

log = logging.getLogger("saoma")


def client_of(settings: Settings, store: Store) -> Client:
    """Return what calls WeChat."""
    wechat = settings.wechat
    return Client(
        store=store,
        budget=Budget(store, code_limits(settings)),
        appid=wechat.appid,
        secret=wechat.secret,
        api_base_url=wechat.api_base_url,
        mp_base_url=wechat.mp_base_url,
        timeout_seconds=wechat.timeout_seconds,
        on_call=metrics.wechat_call,
        token_url=wechat.token_url,
        token_url_secret=wechat.token_url_secret,
        proxy_url=wechat.proxy_url,
        on_circuit=metrics.wechat_circuit,
    )


def oauth_of(settings: Settings, store: Store) -> OAuth:
    """Return what exchanges the codes of web login."""
    wechat = settings.wechat
    return OAuth(
        store=store,
        api_base_url=wechat.api_base_url,
        open_base_url=wechat.open_base_url,
        proxy_url=wechat.proxy_url,
        timeout_seconds=wechat.timeout_seconds,
        on_call=metrics.wechat_call,
        on_circuit=metrics.wechat_circuit,
    )


def web_apps(settings: Settings) -> dict[Way, App]:
    """Return the apps that web login is open through."""
    wechat = settings.wechat
    apps = {}
    if wechat.web_login or wechat.mode is Mode.SANDBOX:
        apps[Way.INSIDE] = service_account(wechat.appid, wechat.secret)
    if wechat.open_appid:
        apps[Way.DESK] = website_app(wechat.open_appid, wechat.open_secret)
    return apps


def pushes_of(settings: Settings, clock: Clock) -> Pushes:
    """Return what proves and reads pushes."""
    wechat = settings.wechat
    if wechat.mode is Mode.OFFICIAL and not wechat.encoding_aes_key:
        log.warning("pushes are signed, but not what they say: set wechat.encoding_aes_key")
    return Pushes(
        token=wechat.token,
        appid=wechat.appid,
        encoding_aes_key=wechat.encoding_aes_key,
        previous_encoding_aes_key=wechat.previous_encoding_aes_key,
        window_seconds=wechat.push_window_seconds,
        clock=clock,
    )


def senders_of(settings: Settings, client: Client) -> Senders:
    """Return whom pushes are taken from."""
    allowed = settings.wechat.push_allow
    own = networks([text for text in allowed if text != WECHAT_ADDRESSES])
    return Senders(own, client.callback_addresses if WECHAT_ADDRESSES in allowed else None)
