"""Room for so many of one thing in a while, shared by everybody who writes to the record."""

from datetime import UTC, datetime, timedelta

from grants.record.room import Room

NOON = datetime(2026, 1, 5, 12, 0, tzinfo=UTC)
THREE = Room("things", 3, timedelta(minutes=10))


class Keys:
    def __init__(self) -> None:
        self.kept: set[str] = set()

    def first_time(self, key: str, at: datetime) -> bool:
        is_new = key not in self.kept
        self.kept.add(key)
        return is_new


def test_so_many_have_room_and_the_last_one_knows_it() -> None:
    keys = Keys()
    assert [THREE.take(keys, "ann", NOON) for _ in range(5)] == [2, 1, 0, -1, -1]


def test_everybody_has_room_of_their_own() -> None:
    keys = Keys()
    for _ in range(4):
        THREE.take(keys, "ann", NOON)
    assert THREE.take(keys, "bob", NOON) == 2
    assert Room("others", 3, timedelta(minutes=10)).take(keys, "ann", NOON) == 2


def test_there_is_room_again_when_it_was_said() -> None:
    keys, at = Keys(), NOON + timedelta(minutes=3)
    for _ in range(4):
        THREE.take(keys, "ann", at)
    assert THREE.until(at) == NOON + timedelta(minutes=10)
    assert THREE.take(keys, "ann", THREE.until(at) - timedelta(microseconds=1)) == -1
    assert THREE.take(keys, "ann", THREE.until(at)) == 2
