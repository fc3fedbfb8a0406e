"""What happens when somebody unfollows the account: they are forgotten.

WeChat obliges whoever runs an account to delete what it knows of a user who
unfollows it. Source: WeChat, "Receive event pushes", unsubscribe.

The order matters. First the farewell is noted, so that no scan from before it
can be taken further; then what came of such scans is undone, the binding last:
as long as it is there, a repeat of the push finds whose sessions have to end.

A farewell that comes late undoes nothing that is newer: attempts and bindings
are dated by their scans, all by WeChat's clock. Within the same second the
farewell wins.
"""

import logging

from accounts import OF_FOLLOWERS
from login.books import Books
from login.journal import Deed
from login.rules import Rules
from wechat import Push

log = logging.getLogger(__name__)

# For all that keeps an attempt beside the rules, such as a page that comes back.
MARGIN_SECONDS = 86_400.0


class Farewells:
    """Forgets people."""

    def __init__(self, books: Books, rules: Rules) -> None:
        self._attempts = books.attempts
        self._directory = books.directory
        self._sessions = books.sessions
        self._journal = books.journal
        self._rules = rules

    async def said(self, push: Push) -> None:
        """Forget who unfollowed, unless the site keeps them. Safe to repeat.

        Their binding goes, also when it was the last way into the account; the
        account's sessions that rest upon a scan end; a login code or bind token
        of an earlier scan is void.

        Raises:
            StoreUnavailable, AccountsUnavailable: perhaps not all is forgotten;
                WeChat should push again.
        """
        if self._rules.keep_unsubscribed:
            log.info("unsubscribed kept")
            return
        openid, at = push.openid, push.created
        await self._attempts.say_farewell(openid, at, self._keep_seconds())
        account_id = await self._directory.bound_by(openid, at)
        if account_id is not None:
            await self._sessions.end_all(account_id, by=OF_FOLLOWERS)
            await self._directory.forget(openid, at)
            self._journal.note(Deed.UNFOLLOW, account_id)
        log.info("unsubscribed account=%s", account_id or "none")

    def _keep_seconds(self) -> float:
        """Return how long an attempt that was scanned until now may last, at the least."""
        rules = self._rules
        return MARGIN_SECONDS + rules.choose_seconds + rules.code_seconds + rules.bind_seconds
