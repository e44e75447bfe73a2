"""The command ``lakekit``: what the functions do, from a terminal or from cron.

It must not compute: each command is a call of functions that notebooks call too, printed as text or as JSON.

Exit codes: 0 done; 1 an error, as a message with a hint on stderr; 2 the command was not understood; 3 ingested, but
some rows went to the quarantine; 130 interrupted.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from lakekit.display import hide_controls
from lakekit.errors import LakekitError

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command, and give its exit code.

    Args:
        arguments: what stands behind ``lakekit``; those of this process if not given.

    Example:
        >>> main(["sql", "data/sample/lake", "SELECT count(*) AS planes FROM planes", "--json"])
        [{"planes": 3322}]
        0
    """
    from lakekit.cli.arguments import build_parser

    chosen = build_parser().parse_args(arguments)
    code = 0
    try:
        code = chosen.run(chosen) or 0
        sys.stdout.flush()
    except LakekitError as error:
        return _fail(str(error))
    except KeyboardInterrupt:
        return _stop()
    except BrokenPipeError:  # whoever read has seen enough, as `head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except Exception as error:
        import duckdb

        if isinstance(error, duckdb.InterruptException) or str(error) == "Query interrupted":  # Ctrl-C, to DuckDB
            return _stop()
        if not isinstance(error, duckdb.Error):
            raise
        return _fail(str(error))
    return code


def _fail(message: str) -> int:
    print(hide_controls(message), file=sys.stderr)
    return 1


def _stop() -> int:
    print("Interrupted.", file=sys.stderr)
    return 130
