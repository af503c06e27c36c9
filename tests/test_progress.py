"""How far a long job is: a bar on a terminal and in a notebook, plain lines in a log."""

import builtins
import io
import re
import sys
import threading
from contextlib import nullcontext
from types import ModuleType

import pytest

from fieldguide.core import progress as module
from fieldguide.core.progress import progress, working


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


class ZMQInteractiveShell:
    """By this name rich knows a notebook."""


class Output(nullcontext):
    def clear_output(self, wait: bool) -> None:
        pass


@pytest.mark.parametrize("widgets", [True, False])
def test_a_notebook_sees_a_bar_if_it_has_widgets(widgets, monkeypatch, capsys):
    pytest.importorskip("IPython")
    displayed = []
    ipywidgets = ModuleType("ipywidgets")
    ipywidgets.Output = Output
    monkeypatch.setitem(sys.modules, "ipywidgets", ipywidgets)
    monkeypatch.setitem(sys.modules, "ipykernel", ModuleType("ipykernel"))
    monkeypatch.setattr(module, "installed", lambda library: widgets)
    monkeypatch.setattr(builtins, "get_ipython", ZMQInteractiveShell, raising=False)
    monkeypatch.setattr("IPython.display.display", displayed.append)
    with progress("queries", 20) as advance:
        for _ in range(20):
            advance()
    bars = [str(getattr(one, "text", "")) for one in displayed]
    assert any("queries" in bar and "20/20" in bar for bar in bars) == widgets
    assert ("queries: 20 of 20" in capsys.readouterr().err) != widgets


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


def test_what_was_there_already_does_not_count_in_the_rate(capsys, monkeypatch):
    seconds = iter([0.0, 1.0, 2.0, 5.0])
    monkeypatch.setattr(module.time, "monotonic", lambda: next(seconds))
    monkeypatch.setattr(module, "SECONDS_BETWEEN_LINES", 100)
    with progress("queries", 3) as advance:
        advance()
        advance(False)
        advance(False)
    assert capsys.readouterr().err == "queries: 3 of 3, 0/s, 0 s left\n"


def test_the_rate_on_a_terminal_is_of_what_was_done(monkeypatch):
    screen = Terminal()
    monkeypatch.setattr("sys.stderr", screen)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "120")
    with progress("queries", 20) as advance:
        for _ in range(20):
            advance(False)
    assert "20/20" in screen.getvalue()
    assert not re.search(r"\d/s", screen.getvalue())


def test_a_long_work_says_what_it_is_and_how_long_it_takes(capsys, monkeypatch):
    monkeypatch.setattr(module, "SECONDS_UNSEEN", 0.0)
    printed = threading.Event()

    class Log(io.StringIO):
        def flush(self) -> None:
            if self.getvalue().endswith("so far\n"):
                printed.set()

    log = Log()
    monkeypatch.setattr("sys.stderr", log)
    with working("recognising"):
        assert printed.wait(60)
    assert re.fullmatch(r"recognising: \d+ s so far\n", log.getvalue())


def test_a_terminal_has_a_clock_beside_long_work(monkeypatch):
    monkeypatch.setattr(module, "SECONDS_UNSEEN", 0.0)
    shown = threading.Event()

    class Watched(Terminal):
        def write(self, text: str) -> int:
            if "recognising" in text:
                shown.set()
            return super().write(text)

    monkeypatch.setattr("sys.stderr", Watched())
    monkeypatch.setenv("TERM", "xterm")
    with working("recognising"):
        assert shown.wait(60)


def test_short_work_and_work_that_is_not_to_be_shown_say_nothing(capsys):
    with working("recognising"):
        pass
    with working("recognising", show=False):
        pass
    assert capsys.readouterr().err == ""
