import contextlib
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from miners.drivers import Misread
from miners.drivers.cgminer_api import active_pool, bracket_fields, parse_answer

VERSION_TEXT = (
    b"STATUS=S,When=17,Code=22,Msg=CGMiner versions,Description=cgminer 4.11.1|"
    b"VERSION,CGMiner=4.11.1,API=3.7,PROD=Avalon Mini3,MODEL=Mini3|\0"
)


def test_a_text_reply_is_taken_apart():
    answer = parse_answer(VERSION_TEXT)
    assert answer.is_text
    assert not answer.is_refusal
    assert answer.first("VERSION") == {
        "CGMiner": "4.11.1",
        "API": "3.7",
        "PROD": "Avalon Mini3",
        "MODEL": "Mini3",
    }


def test_numbered_sections_of_text_have_the_names_of_json():
    answer = parse_answer(b"STATUS=S,Msg=2 Pool(s)|POOL=0,URL=a.example|POOL=1,URL=b.example|")
    assert [pool["URL"] for pool in answer.rows("POOLS")] == ["a.example", "b.example"]


def test_commas_and_escapes_inside_text_values_stay():
    answer = parse_answer(
        rb"STATUS=S|STATS=0,MM ID0=Ver[Q-1] SYSTEMSTATU[Work: In Work, Board: 1],User=a\,b\|c\=d|"
    )
    assert answer.first("STATS") == {
        "STATS": "0",
        "MM ID0": "Ver[Q-1] SYSTEMSTATU[Work: In Work, Board: 1]",
        "User": "a,b|c=d",
    }


def test_values_that_a_lost_comma_has_joined_are_left_out_and_noted():
    noted: list[str] = []
    reply = b"STATUS=S,Msg=Summary|SUMMARY,Elapsed=9,Accepted=71Rejected=2,User=aliceStratum Active=true,MHS 5s=5.5|"
    answer = parse_answer(reply, noted)
    assert answer.first("SUMMARY") == {"Elapsed": "9", "MHS 5s": "5.5"}
    assert noted == [
        "Accepted left out: a comma is missing after it",
        "User left out: a comma is missing after it",
    ]


def test_a_comma_too_many_is_no_part_of_a_value():
    noted: list[str] = []
    answer = parse_answer(b"STATUS=S|SUMMARY,,Elapsed=9,,Accepted=71|", noted)
    assert answer.first("SUMMARY") == {"Elapsed": "9", "Accepted": "71"}
    assert noted == ["the answer was mended: it has a comma too many"]


def test_bracket_text_with_commas_of_its_own_survives_a_lost_one():
    text = b"Ver[1346-1] SYSTEMSTATU[Work: In Work, Hash Board: 3] PS[0 1 2] WORKMODE[0]MM Count=1"
    (row,) = parse_answer(b"STATUS=S|STATS=0,MM ID0=" + text + b",Nonce Mask=25|").rows("STATS")
    assert bracket_fields(row["MM ID0"]) == {
        "Ver": "1346-1",
        "SYSTEMSTATU": "Work: In Work, Hash Board: 3",
        "PS": "0 1 2",
    }


def test_text_that_is_not_utf8_is_noted():
    noted: list[str] = []
    answer = parse_answer(b"STATUS=S|POOL=0,User=m\xe9,Status=Alive|", noted)
    assert answer.first("POOLS")["User"] == "m\xe9"
    assert noted == ["the answer is not UTF-8 and was read as Latin-1"]


def test_the_words_of_a_refusal_may_have_an_equals_sign():
    noted: list[str] = []
    assert parse_answer(b"STATUS=E,Msg=set failed Expected=1|", noted).message == "set failed Expected=1"
    assert noted == []


@pytest.mark.parametrize(
    ("reply", "message"),
    [
        (b'{"STATUS":[{"STATUS":"E","Code":14,"Msg":"Invalid command"}],"id":1}\0', "Invalid command"),
        (b'{"STATUS":"E","Code":14,"Msg":"invalid cmd"}', "invalid cmd"),
        (b"STATUS=E,When=1,Code=14,Msg=Invalid command,Description=cgminer 4.11.1|\0", "Invalid command"),
        (b'{"STATUS":[{"STATUS":"F","Msg":"Fatal"}]}', "Fatal"),
    ],
)
def test_a_refusal_is_told_with_its_message(reply, message):
    answer = parse_answer(reply)
    assert answer.is_refusal
    assert answer.message == message
    assert answer.rows("SUMMARY") == []


@pytest.mark.parametrize("status", ["S", "W", "I"])
def test_success_warning_and_information_are_answers(status):
    reply = b'{"STATUS":[{"STATUS":"%s","Msg":"x"}],"SUMMARY":[{"Elapsed":1}]}' % status.encode()
    answer = parse_answer(reply)
    assert (answer.is_refusal, answer.first("SUMMARY")) == (False, {"Elapsed": 1})


def test_a_plain_status_with_an_object_as_message_is_an_answer():
    answer = parse_answer(b'{"STATUS":"S","When":1,"Code":131,"Msg":{"fw_ver":"1.2"},"Description":""}')
    assert (answer.is_refusal, answer.first("MSG")) == (False, {"fw_ver": "1.2"})


def test_what_follows_the_nul_is_ignored():
    assert parse_answer(b'\0{"STATUS":"S","SUMMARY":[{"Elapsed":1}]}\0rest').first("SUMMARY") == {
        "Elapsed": 1
    }


def test_bare_bracket_text_is_stats():
    assert parse_answer(b"Ver[Q-1] TAvg[70]").first("STATS") == {"MM ID0": "Ver[Q-1] TAvg[70]"}


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (b"", "empty answer"),
        (b"\0", "empty answer"),
        (b"<html><body>Error</body></html>", "answers HTML, not the cgminer API"),
        (b'{"STATUS":[{"STATUS":"S"}],"SUMMARY":[{"Elapsed":12,"MHS', "JSON cut off after 56 bytes"),
        (b"STATUS=S,Msg=fine|SUMMARY,Elapsed=12,MHS 5s=88", "answer cut off after 46 bytes"),
        (b"[1, 2]", "another device's shape (not an answer of the cgminer API)"),
        (b'{"hashRate": 500}', "another device's shape (not an answer of the cgminer API)"),
        (b"hello", "answer is not JSON"),
    ],
)
def test_what_is_no_answer_is_refused_with_the_reason(reply, reason):
    with pytest.raises(Misread) as caught:
        parse_answer(reply)
    assert caught.value.reason == reason


@pytest.mark.parametrize(
    ("pools", "url"),
    [
        ([], None),
        ([{"URL": "a", "Status": "Dead"}], None),
        (
            [{"URL": "a", "Status": "Alive", "Priority": 1}, {"URL": "b", "Status": "Alive", "Priority": 0}],
            "b",
        ),
        ([{"URL": "a", "Status": "Alive", "Priority": 0}, {"URL": "b", "Stratum Active": "true"}], "b"),
        ([{"URL": "a", "Status": "Alive", "Priority": "?"}], "a"),
    ],
)
def test_the_pool_mined_for(pools, url):
    assert active_pool(pools).get("URL") == url


names = st.text(string.ascii_letters, min_size=1, max_size=12)
values = st.text(string.digits + " .-%:,", max_size=20).map(str.strip)


@given(st.dictionaries(names, values))
def test_bracket_text_is_read_back(fields):
    assert bracket_fields(" ".join(f"{name}[{value}]" for name, value in fields.items())) == fields


def test_a_bracket_that_is_not_closed_is_no_field():
    assert bracket_fields("TAvg[70] PS[0 1200 4") == {"TAvg": "70"}


def test_a_long_text_without_brackets_takes_no_time():
    assert bracket_fields("a" * 1_000_000) == {}


@given(st.binary(max_size=200), st.sampled_from([b"", b"STATUS=S|", b'{"STATUS":', b"Ver["]))
def test_any_bytes_are_an_answer_or_refused(reply, start):
    with contextlib.suppress(Misread):
        parse_answer(start + reply)
