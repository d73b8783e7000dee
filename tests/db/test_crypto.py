from base64 import b64encode, urlsafe_b64encode

import pytest

from bot.db.crypto import BLOCK, NONCE_BYTES, Keyring, KeyringError, SealError, new_key

SECRET = bytes(range(224, 256))  # has both characters in which the two base64 alphabets differ
OLD, NEW = new_key(), new_key()
PLACE = {"label": "answer.choices", "row": b"r" * 16}


def _key(key_id, secret=SECRET):
    return f"{key_id}:{b64encode(secret).decode()}"


def test_what_is_sealed_opens():
    ring = Keyring.parse(NEW)
    for plain in (b"", b"yes", b"\x80", b"\x80\0\0", bytes(1000)):
        assert ring.open(ring.seal(plain, **PLACE), **PLACE) == plain


def test_the_layout_is_key_id_nonce_ciphertext():
    sealed = Keyring.parse(_key("k7")).seal(b"yes", **PLACE)
    assert sealed[:3] == b"\x02k7"
    assert len(sealed) == 3 + NONCE_BYTES + BLOCK + 16
    assert b"yes" not in sealed


def test_the_same_text_never_looks_the_same():
    ring = Keyring.parse(NEW)
    assert len({ring.seal(b"yes", **PLACE) for _ in range(50)}) == 50


def test_length_says_little():
    ring = Keyring.parse(NEW)
    assert len({len(ring.seal(bytes(n), **PLACE)) for n in range(BLOCK)}) == 1
    assert len(ring.seal(bytes(BLOCK), **PLACE)) > len(ring.seal(b"", **PLACE))


@pytest.mark.parametrize("moved", [{"label": "alert.choices"}, {"label": "answer.rules"}, {"row": b"s" * 16}])
def test_a_value_opens_only_where_it_stood(moved):
    ring = Keyring.parse(NEW)
    sealed = ring.seal(b"yes", **PLACE)
    with pytest.raises(SealError, match="changed or moved"):
        ring.open(sealed, **PLACE | moved)


def test_a_changed_byte_anywhere_is_noticed():
    ring = Keyring.parse(NEW)
    sealed = ring.seal(b"yes", **PLACE)
    for n in range(len(sealed)):
        with pytest.raises((SealError, KeyringError)):
            ring.open(sealed[:n] + bytes((sealed[n] ^ 1,)) + sealed[n + 1 :], **PLACE)
        with pytest.raises((SealError, KeyringError)):
            ring.open(sealed[:n], **PLACE)


def test_a_new_key_in_front_writes_and_the_old_ones_read():
    before, after = Keyring.parse(OLD), Keyring.parse(f"{NEW}, {OLD}")
    assert after.open(before.seal(b"old", **PLACE), **PLACE) == b"old"
    written = after.seal(b"new", **PLACE)
    assert after.open(written, **PLACE) == b"new"
    with pytest.raises(KeyringError, match="KEYS lacks"):
        before.open(written, **PLACE)


def test_hashes_and_derived_keys_outlive_a_rotation():
    before, after, other = Keyring.parse(OLD), Keyring.parse(f"{NEW},{OLD}"), Keyring.parse(NEW)
    assert before.lookup("chat", 5) == after.lookup("chat", 5)
    assert before.derive("buttons") == after.derive("buttons")
    assert other.lookup("chat", 5) != before.lookup("chat", 5)
    assert other.derive("buttons") != before.derive("buttons")


def test_purposes_are_kept_apart():
    ring = Keyring.parse(OLD)
    assert len({ring.derive("buttons"), ring.derive("webhook"), ring.derive("look-up")}) == 3
    assert len({ring.lookup("chat", 5), ring.lookup("chat", 6), ring.lookup("token", 5)}) == 3
    assert len(ring.derive("buttons")) == 32
    assert len(ring.lookup("chat", 5)) == 16


def test_a_key_of_the_same_id_but_other_bytes_is_named():
    sealed = Keyring.parse(_key("k1")).seal(b"yes", **PLACE)
    with pytest.raises(SealError, match="the key with that id is a different one"):
        Keyring.parse(_key("k1", bytes(32))).open(sealed, **PLACE)


@pytest.mark.parametrize("junk", [b"", b"\0", b"\x05ab", b"\x02\xff\xff" + bytes(200), b"\x02k7" + bytes(60)])
def test_what_was_never_sealed_is_refused(junk):
    with pytest.raises(SealError, match="no sealed value"):
        Keyring.parse(OLD).open(junk, **PLACE)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "empty"),
        (" , ", "empty"),
        ("nocolon", "entry 1 .* id:base64"),
        (f"{_key('a')},b:%%%", r"entry 2 of KEYS \(b\) is not base64"),
        (_key("a", b"short"), r"entry 1 of KEYS \(a\) has 5 bytes, it must have 32"),
        (_key("a b"), "a key id has"),
        (_key(""), "a key id has"),
        (f"{_key('a')},{_key('a', bytes(32))}", "twice"),
    ],
)
def test_unusable_keys_are_refused_with_the_place_and_what_to_do(text, says):
    with pytest.raises(KeyringError, match=says) as caught:
        Keyring.parse(text)
    assert b64encode(SECRET).decode() not in str(caught.value)


def test_either_base64_alphabet_will_do():
    one, other = Keyring.parse(_key("a")), Keyring.parse(f"a:{urlsafe_b64encode(SECRET).decode()}")
    assert one.derive("x") == other.derive("x")


def test_no_key_is_shown():
    key = new_key()
    assert repr(Keyring.parse(key)) == f"Keyring({key.partition(':')[0]})"
    assert new_key() != new_key()
