"""How far a long job is: a bar on a terminal, plain lines in a log."""

import io
import re

import pytest

from fieldguide import progress as module
from fieldguide.progress import progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_terminal_sees_a_bar_with_rate_and_time_left(monkeypatch):
    screen = Terminal()
    monkeypatch.setattr("sys.stderr", screen)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "120")
    with progress("queries", 20) as advance:
        for _ in range(20):
            advance()
    shown = screen.getvalue()
    assert "queries" in shown
    assert "20/20" in shown
    assert re.search(r"[\d,]+/s", shown)
    assert re.search(r"\d:\d\d", shown)  # time left


def test_a_log_gets_a_line_at_the_end_and_no_more_than_one_in_a_while(capsys):
    with progress("gallery", 1200) as advance:
        for _ in range(1200):
            advance()
    (line,) = capsys.readouterr().err.splitlines()
    assert re.fullmatch(r"gallery: 1,200 of 1,200, [\d,]+/s, 0 s left", line)


def test_a_log_of_a_long_job_tells_rate_and_time_left(capsys, monkeypatch):
    seconds = iter(range(0, 1000, 10))
    monkeypatch.setattr(module.time, "monotonic", lambda: float(next(seconds)))
    with progress("queries", 6) as advance:
        for _ in range(6):
            advance()
    lines = capsys.readouterr().err.splitlines()
    assert [line.split(",")[0] for line in lines] == ["queries: 2 of 6", "queries: 4 of 6", "queries: 6 of 6"]
    assert [line.split(", ")[2] for line in lines] == ["40 s left", "20 s left", "0 s left"]


@pytest.mark.parametrize("terminal", [True, False])
def test_nothing_is_shown_if_nothing_is_wanted(terminal, monkeypatch):
    screen = Terminal() if terminal else io.StringIO()
    monkeypatch.setattr("sys.stderr", screen)
    with progress("queries", 2, show=False) as advance:
        advance()
    assert screen.getvalue() == ""
