"""Every error that lakekit raises: what happened with values, what is there, and a hint how to go on.

It must not import anything: every other module may raise these.

    LakekitError
    ├── NoFilesFound (FileNotFoundError)      nothing to read at that address
    ├── CorruptFile (ValueError)              a file that is not readable Parquet
    ├── EncryptedFile (ValueError)            a file with an encrypted footer or columns
    ├── TypeConflict (TypeError)              a column whose types cannot become one without changing values
    ├── UnknownTable (KeyError)               a lake has no table of that name
    ├── PartitionMismatch (ValueError)        files that lie under different partition keys
    ├── PartitionTypeConflict (ValueError)    a partition value that is not of the declared type
    ├── UnknownPartitionKey (KeyError)        a key was declared that no path has
    ├── ColumnNameConflict (ValueError)       two columns that an engine cannot tell apart
    ├── ArchivedFile (PermissionError)        an object that must be restored before it can be read
    ├── AccessDenied (PermissionError)        the credentials may not do that
    ├── CredentialsExpired (PermissionError)  the credentials are no longer, or never were, valid
    ├── WrongRegion (ValueError)              the bucket lives in another region
    ├── StaleFile (RuntimeError)              a file changed while it was being read
    ├── RecordsLost (RuntimeError)            a stream no longer holds records that were not stored yet
    ├── IncompleteTable (RuntimeError)        a copy that is not finished, or originals that were retired
    ├── UnsupportedTable (NotImplementedError)  with features that are not read here, or no names for SQL
    ├── RowsDiffer (RuntimeError)             what was compacted does not hold the rows of its originals
    ├── StorageFailed (OSError)               the store did not answer, or not with what was asked
    ├── EngineFailed (RuntimeError)           DuckDB met an error of its own, and its connection is of no use any more
    ├── InvalidArgument (ValueError)          an argument that can mean nothing, such as a glob as an address
    └── MissingPackage (ImportError)          a package of an optional extra is not installed
"""


class LakekitError(Exception):
    """The base of all errors of lakekit.

    Args:
        what: what happened, with values, and what is there instead.
        hint: how to go on; shown as ``Hint: …`` on a line of its own.

    Example:
        >>> print(NoFilesFound("No Parquet file under lake/event/.", hint="folders that exist there: events/"))
        No Parquet file under lake/event/.
        Hint: folders that exist there: events/
    """

    def __init__(self, what: str, *, hint: str = ""):
        self.what = what
        self.hint = hint
        super().__init__(f"{what}\nHint: {hint}" if hint else what)

    def __str__(self) -> str:  # KeyError would show its argument in quotes
        return str(self.args[0])

    def __reduce__(self):
        return _rebuild, (type(self), self.what, self.hint)


def _rebuild(kind: type[LakekitError], what: str, hint: str) -> LakekitError:
    return kind(what, hint=hint)


class NoFilesFound(LakekitError, FileNotFoundError):
    """No data file is at the address: nothing there, only hidden files, or no Parquet among them."""


class CorruptFile(LakekitError, ValueError):
    """A data file is not readable Parquet: truncated, damaged, empty, or something else altogether."""


class EncryptedFile(LakekitError, ValueError):
    """A Parquet file has an encrypted footer or encrypted columns, and lakekit holds no keys."""


class TypeConflict(LakekitError, TypeError):
    """A column's types in different files cannot become one type without changing values."""


class UnknownTable(LakekitError, KeyError):
    """A table was asked for that the lake does not have."""


class PartitionMismatch(LakekitError, ValueError):
    """Files of one table lie under different partition keys, or not where the template says."""


class PartitionTypeConflict(LakekitError, ValueError):
    """A partition value in a path is not a value of the type declared for its key."""


class UnknownPartitionKey(LakekitError, KeyError):
    """A type was declared for a partition key that no path of the table has."""


class ColumnNameConflict(LakekitError, ValueError):
    """Two columns whose names are equal but for case, or the same name twice in one file."""


class ArchivedFile(LakekitError, PermissionError):
    """Objects in an archive class (GLACIER, DEEP_ARCHIVE) must be restored before they can be read."""


class AccessDenied(LakekitError, PermissionError):
    """The credentials in use may not do what was asked; names the action and the resource."""


class CredentialsExpired(LakekitError, PermissionError):
    """No valid credentials: expired, unknown to the service, or none found."""


class WrongRegion(LakekitError, ValueError):
    """The bucket lives in another region than the one asked; names the right one where S3 tells it."""


class StaleFile(LakekitError, RuntimeError):
    """A file changed while it was being read, and changed again after one refresh."""


class RecordsLost(LakekitError, RuntimeError):
    """A stream no longer holds records that come after those that are stored: their retention is over."""


class IncompleteTable(LakekitError, RuntimeError):
    """Files that do not make a whole table: a copy that is not finished and verified, or originals on their way out."""


class UnsupportedTable(LakekitError, NotImplementedError):
    """A Delta or Iceberg table with what lakekit does not read, such as deletion vectors; its rows would be wrong.

    Also a table that DuckDB cannot show: without a column, or with a column or field without a name; and a file whose
    footer is longer than lakekit reads.
    """


class RowsDiffer(LakekitError, RuntimeError):
    """A compacted copy does not hold the same rows as its originals, which are kept."""


class StorageFailed(LakekitError, OSError):
    """The store could not be reached, or answered with an error of its own."""


class EngineFailed(LakekitError, RuntimeError):
    """DuckDB met an error of its own; the connection in which it did answers no more queries."""


class InvalidArgument(LakekitError, ValueError):
    """An argument that can mean nothing: an empty address, a glob, options that exclude each other."""


class MissingPackage(LakekitError, ImportError):
    """A package that only an optional extra installs; the hint names the extra."""
