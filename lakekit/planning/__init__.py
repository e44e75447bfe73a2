"""Plans before anything is bought or moved: streams, transfers, the choice of a tool, and the rights it needs.

It must not send a request or read a file: numbers go in, answers with their reasons come out.
"""

from lakekit.planning import choose, iam, streams, transfer

__all__ = ["choose", "iam", "streams", "transfer"]
