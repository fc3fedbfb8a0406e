"""Who tells a right password from a wrong one where the site keeps its people: two ways.

The other is a check of the site's own over HTTP (`verifier.py`).
"""

from accounts.passwords import Passwords
from accounts.people import Judge, People, Person


def by_hashes(people: People, passwords: Passwords) -> Judge:
    """Return who compares passwords with the hashes that *people* have.

    A name that nobody has takes as long as one that somebody has.
    """

    async def judge(username: str, password: str) -> Person | None:
        person = await people.by_name(username)
        right = await passwords.verify(person.password_hash if person else None, password)
        return person if right else None

    return judge
