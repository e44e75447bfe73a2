"""Every error is one of lakekit and a built-in one, and says what happened and how to go on."""

import copy
import pickle
import re

import pytest

from lakekit import errors
from lakekit.errors import LakekitError, NoFilesFound, UnknownPartitionKey

PROMISED = {
    "NoFilesFound": FileNotFoundError,
    "CorruptFile": ValueError,
    "EncryptedFile": ValueError,
    "TypeConflict": TypeError,
    "PartitionMismatch": ValueError,
    "PartitionTypeConflict": ValueError,
    "UnknownPartitionKey": KeyError,
    "ColumnNameConflict": ValueError,
    "ArchivedFile": PermissionError,
    "AccessDenied": PermissionError,
    "CredentialsExpired": PermissionError,
    "WrongRegion": ValueError,
    "StaleFile": RuntimeError,
}
KINDS = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, LakekitError)]
KINDS.remove(LakekitError)


def test_the_tree_in_the_docstring_is_the_tree():
    drawn = dict(re.findall(r"[├└]── (\w+) \((\w+)\)", errors.__doc__))
    assert drawn == {kind.__name__: kind.__bases__[1].__name__ for kind in KINDS}


@pytest.mark.parametrize(("name", "built_in"), PROMISED.items())
def test_an_error_can_be_caught_as_ours_or_as_the_built_in(name, built_in):
    error = getattr(errors, name)("lake/a.parquet is damaged.")
    assert isinstance(error, LakekitError)
    assert isinstance(error, built_in)


@pytest.mark.parametrize("kind", KINDS)
def test_every_error_says_in_its_docstring_when_it_is_raised(kind):
    assert kind.__doc__ and kind.__doc__ != LakekitError.__doc__


@pytest.mark.parametrize("kind", KINDS)
def test_an_error_says_what_happened_and_then_the_hint(kind):
    error = kind("lake/a.parquet is damaged.", hint='on_bad_file="skip" goes on without it.')
    assert str(error) == 'lake/a.parquet is damaged.\nHint: on_bad_file="skip" goes on without it.'
    assert (error.what, error.hint) == ("lake/a.parquet is damaged.", 'on_bad_file="skip" goes on without it.')


def test_an_error_without_a_hint_ends_with_what_happened():
    assert str(NoFilesFound("No file under lake/.")) == "No file under lake/."


def test_an_unknown_key_is_not_shown_in_quotes_as_key_errors_are():
    assert str(UnknownPartitionKey("There is no key 'mont'.")) == "There is no key 'mont'."


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("copy_error", [copy.copy, lambda error: pickle.loads(pickle.dumps(error))])
def test_an_error_survives_being_copied_and_sent_to_another_process(kind, copy_error):
    error = kind("It is not there.", hint="look elsewhere")
    again = copy_error(error)
    assert type(again) is type(error)
    assert (str(again), again.what, again.hint) == (str(error), error.what, error.hint)


def test_the_cause_is_kept():
    with pytest.raises(NoFilesFound, match="No file") as caught:
        try:
            raise OSError("404")
        except OSError as error:
            raise NoFilesFound("No file under lake/.") from error
    assert str(caught.value.__cause__) == "404"
