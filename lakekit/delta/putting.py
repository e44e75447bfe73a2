"""One more commit of a log, put only where no other has its number; and a look at who made one.

It must not decide what is in a commit.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from lakekit.delta.writing import decode_commit, encode_commit, name_commit
from lakekit.storage import open_store
from lakekit.units import GIB

if TYPE_CHECKING:
    from lakekit.storage import Address, Storage, Writer

OWN = "lakekit"  # in a commit's own record: a number drawn for this one attempt


def put_commit(writer: Writer, number: int, about: Mapping[str, Any], actions: Sequence[Mapping[str, Any]]) -> bool:
    """Whether the commit of that number is this one; False where another came first, and nothing was written.

    Where the put arrived and its answer did not, the client asks again and is told that the name is taken: by this
    very commit, as the number drawn for it tells.

    Args:
        writer: of the table.
        number: of the commit: one more than the last.
        about: of the commit itself: its time, operation and so on.
        actions: what it does.

    Raises:
        AccessDenied, CredentialsExpired, StorageFailed, …: the store refuses.
    """
    own = secrets.token_hex(8)
    content = encode_commit([{"commitInfo": {**about, OWN: own}}, *actions])
    if writer.put_new(name_commit(number), content):
        return True
    found = read_commit(writer.address, writer.storage, number)
    return (found[0].get("commitInfo") or {}).get(OWN) == own


def read_commit(address: Address, storage: Storage, number: int) -> list[dict[str, Any]]:
    """The actions of one commit; the first tells who made it.

    Raises:
        CorruptFile: it is no JSON.
    """
    path = name_commit(number)
    actions = decode_commit(bytes(open_store(address, storage).read_range(path, 0, GIB)), path)
    return sorted(actions, key=lambda action: "commitInfo" not in action) or [{"commitInfo": {}}]
