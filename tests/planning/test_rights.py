"""The small reader of IAM policies agrees with IAM on what lakekit writes, and refuses what it does not know."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakekit.errors import InvalidArgument
from lakekit.planning.rights import ACTION_OF_CALL, escape_pattern, is_allowed, matches

ARN = "arn:aws:s3:::lake/a"


def make(*statements):
    return {"Version": "2012-10-17", "Statement": list(statements)}


def allow(action="s3:*", resource="*", **more):
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


def test_nothing_is_allowed_that_no_statement_allows():
    assert not is_allowed(make(), "s3:GetObject", ARN)
    assert not is_allowed(make(allow("s3:PutObject")), "s3:GetObject", ARN)


def test_a_denial_wins_over_any_allowance():
    deny = allow("s3:GetObject", ARN) | {"Effect": "Deny"}
    assert not is_allowed(make(allow(), deny), "s3:GetObject", ARN)
    assert is_allowed(make(allow(), deny), "s3:GetObject", ARN + "b")


def test_actions_match_whatever_their_case_and_resources_do_not():
    assert is_allowed(make(allow("S3:getobject", ARN)), "s3:GetObject", ARN)
    assert not is_allowed(make(allow("s3:GetObject", ARN)), "s3:GetObject", ARN.upper())


def test_a_condition_on_something_that_the_request_does_not_tell_does_not_hold():
    statement = allow(Condition={"StringLike": {"s3:prefix": "a/*"}})
    assert not is_allowed(make(statement), "s3:ListBucket", ARN)
    assert is_allowed(make(statement), "s3:ListBucket", ARN, context={"s3:prefix": "a/"})


def test_all_conditions_must_hold_and_one_of_the_values_of_each():
    statement = allow(Condition={"StringLike": {"s3:prefix": ["a/*", "b/*"]}, "Bool": {"aws:SecureTransport": "true"}})
    context = {"s3:prefix": "b/x", "aws:SecureTransport": "true"}
    assert is_allowed(make(statement), "s3:ListBucket", ARN, context=context)
    assert not is_allowed(make(statement), "s3:ListBucket", ARN, context=context | {"aws:SecureTransport": "false"})


def test_one_statement_need_not_stand_in_a_list():
    assert is_allowed({"Statement": allow()}, "s3:GetObject", ARN)


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ({"Effect": "Allow", "NotAction": "s3:*", "Resource": "*", "Action": "s3:*"}, "NotAction"),
        (allow(Condition={"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}), "IpAddress"),
    ],
)
def test_a_part_of_the_language_that_is_not_read_is_refused(statement, message):
    with pytest.raises(InvalidArgument, match=message):
        is_allowed(make(statement), "s3:GetObject", ARN)


@given(st.text(alphabet="ab/*?${}.\n", max_size=12), st.text(alphabet="ab/*?${}.\n", max_size=12))
def test_an_escaped_text_matches_itself_and_nothing_else(text, other):
    assert matches(escape_pattern(text), text)
    assert matches(escape_pattern(text), other) is (text == other)


def test_every_action_names_a_service_and_what_it_does():
    assert all(action.count(":") == 1 for action in ACTION_OF_CALL.values())
