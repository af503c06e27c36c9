"""The command line itself: help, wrong words, and that every mistake ends in one line and exit code 2."""

import subprocess
import sys
from pathlib import Path

import pytest

HEAVY = "torch", "sklearn", "scipy", "openvino", "numpy", "PIL", "pyarrow", "openTSNE", "matplotlib"


def python(*words: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, *map(str, words)], capture_output=True, text=True, check=False)


def test_help_lists_the_commands_and_what_they_do(done):
    for words in ["--help"], ["-h"]:
        out = done(*words).out
        for command in "identify", "evaluate", "report", "demo":
            assert command in out
        assert "A few labelled pictures a class go in" in out


def test_help_of_a_command_explains_every_option(done):
    out = done("identify", "--help").out
    options = (
        *(
            "--output",
            "--details",
            "--report",
            "--recipe",
            "--backbone",
            "--engine",
            "--distractors",
            "--contamination",
        ),
        *("--threshold", "-k", "--image-column", "--label-column", "--separator", "--unknown", "--seed"),
    )
    for option in options:
        assert option in out
    assert "--json" in done("evaluate", "--help").out


def test_the_names_in_the_help_are_those_there_are(done):
    from fieldguide.backbones import backbone_names
    from fieldguide.engines import ENGINES
    from fieldguide.pipelines.recipes import RECIPES, RULES

    out = " ".join(done("identify", "--help").out.replace("│", " ").split())
    for name in (*RECIPES, *RULES, *ENGINES, backbone_names()[0]):
        assert name in out


def test_no_word_at_all_shows_the_help(run):
    outcome = run()
    assert "identify" in outcome.out + outcome.err
    assert "Traceback" not in outcome.err


def test_help_loads_nothing_heavy():
    """Or it would not answer at once."""
    script = (
        "import sys\n"
        "from fieldguide.cli import main\n"
        "sys.argv = ['fieldguide', 'identify', '--help']\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        f"print('loaded:', *({HEAVY!r} & sys.modules.keys()))\n"
    ).replace(repr(HEAVY), repr(set(HEAVY)))
    result = python("-c", script)
    assert "--contamination" in result.stdout
    assert result.stdout.splitlines()[-1].split() == ["loaded:"]


def test_importing_the_package_loads_nothing_heavy_and_still_knows_its_names():
    script = (
        f"import sys, fieldguide\nprint(*({set(HEAVY)!r} & sys.modules.keys()))\n"
        "print(all(name in dir(fieldguide) and getattr(fieldguide, name) for name in fieldguide.__all__))"
    )
    assert python("-c", script).stdout.splitlines() == ["", "True"]


def test_a_name_the_package_does_not_have():
    import fieldguide

    with pytest.raises(AttributeError, match="module 'fieldguide' has no attribute 'nothing'"):
        _ = fieldguide.nothing


def test_version_is_the_one_installed(done):
    from importlib.metadata import version

    assert done("--version").out == f"fieldguide {version('fieldguide')}\n"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["identify", "g", "q", "--bogus"], "No such option: --bogus"),
        (["identify", "g"], "Missing argument"),
        (["identify", "g", "q", "-k", "0"], "-k"),
        (["identify", "g", "q", "-k", "five"], "-k"),
        (["identify", "g", "q", "--contamination", "some"], "--contamination"),
        (["evaluate", "a.csv"], "Missing argument"),
        (["evaluate", "a.csv", "t.csv", "-k", "0"], "-k"),
        (["identfy", "g", "q"], "No such command 'identfy'"),
    ],
)
def test_wrong_words_are_named_and_help_is_offered(words, said, run):
    outcome = run(*words)
    assert outcome.code == 2
    (line,) = outcome.err.splitlines()
    assert line.startswith("fieldguide: ")
    assert said in line
    assert "-h' for help" in line


MISTAKES = {  # options of `identify` on a sound task, and what is said
    "an unknown recipe": (
        ["--recipe", "best"],
        "unknown recipe 'best': choose one of transductive, inductive, cosine, logistic",
    ),
    "an unknown rule": (
        ["--distractors", "svm"],
        "unknown distractor rule 'svm': choose one of probability, none, threshold, dbscan",
    ),
    "contamination without its rule": (
        ["--recipe", "cosine", "--contamination", "0.3"],
        "--contamination has no use with the distractor rule dbscan: add --distractors threshold",
    ),
    "threshold without its rule": (
        ["--threshold", "0.3", "--distractors", "none"],
        "--threshold has no use with the distractor rule none: add --distractors threshold",
    ),
    "both": (
        ["--distractors", "threshold", "--threshold", "0.7", "--contamination", "0.3"],
        "give --contamination or --threshold, not both",
    ),
    "contamination in per cent": (
        ["--distractors", "threshold", "--contamination", "30"],
        "a contamination is a share from 0 to 1, not 30",
    ),
    "contamination below 0": (["--distractors", "threshold", "--contamination", "-0.1"], "a share from 0 to 1"),
    "contamination nan": (["--distractors", "threshold", "--contamination", "nan"], "a share from 0 to 1"),
    "threshold nan": (["--distractors", "threshold", "--threshold", "nan"], "nan"),
    "threshold in per cent": (["--distractors", "threshold", "--threshold", "78"], "78"),
    "probabilities of a recipe without": (
        ["--recipe", "cosine", "--distractors", "probability"],
        "the recipe cosine has no probabilities: choose one of none, threshold",
    ),
    "no separator": (["--separator", ""], "the separator is empty"),
    "no unknown label": (["--unknown", ""], "unknown"),
    "the separator in the unknown label": (
        ["--unknown", "new whale", "--separator", " "],
        "the label 'new whale' holds the separator",
    ),
    "a name's probability in per cent": (["--name-above", "90"], "--name-above is a probability from 0 to 1, not 90"),
    "a name's probability nan": (["--name-above", "nan"], "--name-above is a probability from 0 to 1, not nan"),
    "a name's probability of a recipe without": (
        ["--recipe", "cosine", "--distractors", "none", "--name-above", "0.9"],
        "--name-above goes by probabilities, and the recipe cosine has none: "
        "take transductive, inductive, logistic, xgboost or self-training",
    ),
    "one column for both": (["--label-column", "image"], "the image and label columns are both called 'image'"),
    "a seed below 0": (["--seed", "-1"], "--seed"),
}


@pytest.mark.parametrize("case", MISTAKES)
def test_every_mistake_ends_in_one_line_and_leaves_nothing(case, few, run, tmp_path):
    options, said = MISTAKES[case]
    outcome = run("identify", few.gallery, few.queries, "-o", tmp_path / "answers.csv", *options)
    assert outcome.code == 2, outcome
    assert said in outcome.err
    assert "Traceback" not in outcome.err
    assert list(tmp_path.iterdir()) == []
    assert len(outcome.err.splitlines()) == 1, "found out only after the pictures were embedded"


@pytest.mark.parametrize(
    "words",
    [
        ["identify", "gone/", "gone/"],
        ["evaluate", "gone.csv", "gone.csv"],
        ["identify", "gone.csv", "gone/", "--recipe", "best"],
    ],
)
def test_mistakes_end_the_same_from_the_shell(words, tmp_path):
    result = subprocess.run(
        [sys.executable, "-m", "fieldguide", *words], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert result.returncode == 2
    assert result.stdout == ""
    (line,) = result.stderr.splitlines()
    assert line.startswith("fieldguide: no such file")


def test_the_command_is_on_the_path():
    command = Path(sys.executable).with_name("fieldguide")
    if not command.exists():
        pytest.skip("the package's scripts are installed somewhere else")
    result = subprocess.run([command, "--version"], capture_output=True, text=True, check=False)
    assert result.stdout.startswith("fieldguide ")


def test_the_command_and_the_library_have_the_same_defaults():
    """The command line states them again, so that --help need not import what they belong to."""
    import inspect

    from fieldguide import cli, identify

    library = {name: one.default for name, one in inspect.signature(identify).parameters.items()}
    command = {name: one.default for name, one in inspect.signature(cli.identify).parameters.items()}
    both = library.keys() & command.keys() - {"gallery", "queries"}
    assert len(both) >= 8
    assert {name: library[name] for name in both} == {name: command[name] for name in both}
