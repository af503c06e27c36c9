"""Words on the command line, a module a command, each one call. Heavy libraries are imported when a command runs."""

import logging
import sys
from contextlib import suppress
from typing import Annotated, Any

import typer

from fieldguide.cli.backbones import backbones
from fieldguide.cli.cache import cache
from fieldguide.cli.compare import compare
from fieldguide.cli.demo import demo
from fieldguide.cli.discover import discover
from fieldguide.cli.embed import embed
from fieldguide.cli.evaluate import evaluate
from fieldguide.cli.explain import explain
from fieldguide.cli.identify import identify
from fieldguide.cli.report import report
from fieldguide.cli.said import SAID
from fieldguide.cli.stopping import Stopped, end, stoppable
from fieldguide.cli.streams import flush_output, prepare_streams, silence_output
from fieldguide.cli.train import train
from fieldguide.core.errors import FieldguideError

USAGE_ERROR: Any = typer.BadParameter.__base__  # it is Click's, which newer versions of Typer carry inside

app = typer.Typer(
    name="fieldguide",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,
    help="A few labelled pictures a class go in; for every other picture its likeliest classes come out, "
    "best first, or *none of these*.",
)

for command in (identify, discover, embed, evaluate, compare, explain, report, train, backbones, demo):
    app.command()(command)
app.add_typer(cache, name="cache")


@app.callback(invoke_without_command=True)
def common(
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    """Set up what all commands share."""
    complaints = logging.StreamHandler(sys.stderr)
    complaints.setLevel(logging.WARNING)
    complaints.setFormatter(logging.Formatter("fieldguide: %(message)s"))
    logging.basicConfig(level=logging.WARNING, handlers=[complaints, SAID])
    SAID.file = None
    logging.getLogger("fieldguide").setLevel(logging.INFO)
    logging.getLogger("matplotlib").setLevel(logging.ERROR)  # of its own cache, where there is no home
    if version:
        from fieldguide import __version__

        print(f"fieldguide {__version__}")
        raise typer.Exit


def main() -> None:
    """Run the command line; what a user can mend ends in one line and exit code 2."""
    prepare_streams()
    try:
        with stoppable():
            code = app(standalone_mode=False)
        flush_output()
        sys.exit(code)
    except Stopped as stopped:
        end(stopped)
    except BrokenPipeError:  # whoever read our output has enough; Typer has its own way of this
        silence_output()
        sys.exit(1)
    except OSError as error:  # what no part of the program foresaw: a disk that fills up, a drive that goes
        silence_output()
        place = f"{error.filename}: " if error.filename else "output cannot be written: "
        message = f"{place}{error.strerror or error}"
    except FieldguideError as error:
        message = str(error)
    except USAGE_ERROR as error:
        message = error.format_message()
        if not message:  # no word at all: the help has been shown
            sys.exit(2)
        message += f" ('{error.ctx.command_path} -h' for help)"
    with suppress(OSError):
        print("fieldguide: " + message.replace("\n", "\\n"), file=sys.stderr, flush=True)
    with suppress(OSError, FieldguideError):
        flush_output()
    sys.exit(2)
