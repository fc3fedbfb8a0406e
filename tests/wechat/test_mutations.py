"""Every recorded push, and whatever can become of it on the way: a push, or refused."""

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.wechat.mutations import mutate
from tests.wechat.pushing import BODIES, KEY, PLAIN, SAFE, as_json, posted, pushes, read
from wechat import BadPush, BadSignature, Form, Push
from wechat.pushes import OPENID

MODES = ("plain", "compatible", "safe")
XML = list(BODIES.values())
TEXTS = {Form.XML: XML, Form.JSON: [as_json(body).encode() for body in XML]}
WITH_KEY = {"plain": PLAIN, "compatible": SAFE, "safe": SAFE}
randoms = st.randoms(use_true_random=False)


def meaning(push: Push) -> list[object]:
    """Return what a push says, without how it came."""
    names = set(push.__struct_fields__) - {"form", "letter"}
    return [getattr(push, name) for name in sorted(names)]


@pytest.mark.parametrize("form", Form)
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", BODIES)
def test_recorded_push_says_the_same_in_every_mode(name: str, mode: str, form: Form):
    """
    Plain, compatible or safe, XML or JSON: what is read is the same.
    """
    body = TEXTS[form][list(BODIES).index(name)]
    expected = meaning(read(pushes(), *posted("plain", Form.XML, BODIES[name], account=PLAIN)))

    arrived = posted(mode, form, body, account=SAFE, around=body)

    assert expected == meaning(read(pushes(WITH_KEY[mode]), *arrived))


@pytest.mark.parametrize("form", Form)
@pytest.mark.parametrize("name", BODIES)
def test_push_of_compatible_mode_is_read_without_a_key(name: str, form: Form):
    """
    A console that is in compatible mode already does no harm to a server without a key.
    """
    body = TEXTS[form][list(BODIES).index(name)]

    query, both = posted("compatible", form, body, account=SAFE, around=body)

    assert meaning(read(pushes(), query, body)) == meaning(read(pushes(), query, both))


@given(random=randoms, body=st.sampled_from(range(len(XML))))
@pytest.mark.parametrize("form", Form)
@pytest.mark.parametrize("mode", MODES)
@settings(max_examples=150)
def test_mutated_push_is_a_push_or_refused(mode: str, form: Form, random: Random, body: int):
    """
    Signed and sealed as WeChat does it, but bent inside: there is no third way.
    """
    text = TEXTS[form][body]
    arrived = posted(mode, form, mutate(random, text), account=SAFE, around=text)

    try:
        push = read(pushes(WITH_KEY[mode]), *arrived)
    except BadPush:
        return

    assert OPENID.fullmatch(push.openid)
    assert OPENID.fullmatch(push.account)
    assert 0 <= push.created < 10**12
    assert all(text.encode() is not None for text in (push.ticket, push.scene, push.text))
    assert "\n" not in push.name


@given(random=randoms, body=st.sampled_from(range(len(XML))))
@pytest.mark.parametrize("form", Form)
@pytest.mark.parametrize("mode", ["compatible", "safe"])
@settings(max_examples=150)
def test_mutated_envelope_says_what_was_sealed_or_is_refused(
    mode: str, form: Form, random: Random, body: int
):
    """
    Whatever happens to what is around the seal changes nothing about what is inside.
    """
    text = TEXTS[form][body]
    query, envelope = posted(mode, form, text, account=SAFE, around=text)

    try:
        push = read(pushes(SAFE), query, mutate(random, envelope))
    except (BadPush, BadSignature):
        return

    assert meaning(read(pushes(SAFE), query, envelope)) == meaning(push)


@given(random=randoms, body=st.sampled_from(range(len(XML))))
@pytest.mark.parametrize("form", Form)
@pytest.mark.parametrize("mode", MODES)
@settings(max_examples=50)
def test_mutated_push_of_somebody_else_is_never_believed(
    mode: str, form: Form, random: Random, body: int
):
    """
    Without the token nothing is read, however it is bent.
    """
    text = TEXTS[form][body]
    forger = type(SAFE)(token="anotherToken", encoding_aes_key=KEY)
    arrived = posted(mode, form, mutate(random, text), account=forger, around=text)

    with pytest.raises(BadSignature):
        pushes(WITH_KEY[mode]).prove(*arrived)
