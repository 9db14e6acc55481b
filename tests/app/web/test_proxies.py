import pytest

from app.web.proxies import address_in, is_within, networks


def test_addresses_and_networks_are_trusted() -> None:
    trusted = networks("127.0.0.1, 10.0.0.0/8,fd00::/8")
    assert [is_within(address, trusted) for address in ("127.0.0.1", "10.9.8.7", "fd12::1")] == [True] * 3
    assert [is_within(address, trusted) for address in ("127.0.0.2", "11.0.0.1", "fe80::1", "testclient")] == [
        False
    ] * 4


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("10.0.0.1:4711", "10.0.0.1"),
        ("[fd00::1]:4711", "fd00::1"),
        ("[fd00::1]", "fd00::1"),
        ("::ffff:127.0.0.1", "127.0.0.1"),
        ("fd00::1", "fd00::1"),
    ],
)
def test_a_port_and_the_spelling_make_no_other_address(written: str, meant: str) -> None:
    assert str(address_in(written)) == meant
    assert is_within(written, networks(meant))


def test_what_is_no_address_is_none() -> None:
    assert address_in("unknown") is None
    assert address_in("") is None


def test_nobody_is_trusted_where_none_is_named() -> None:
    assert networks("") == []


def test_a_name_is_no_address() -> None:
    with pytest.raises(ValueError, match="proxy"):
        networks("proxy.example")
