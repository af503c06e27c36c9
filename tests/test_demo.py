"""The demo: real photographs in, answers, scores and a picture of them out."""

from PIL import Image


def test_the_demo_makes_a_task_identifies_it_and_tells_where_all_lies(done, answers_of, tmp_path, monkeypatch):
    monkeypatch.setattr("fieldguide.pipelines.demo.QUERIES", 4)  # of each scene: half as many do here
    folder = tmp_path / "demo"
    out = done("demo", folder).out
    for name in "answers.csv", "answers.parquet", "answers.png", "report.html":
        assert str(folder / name) in out
        assert (folder / name).stat().st_size > 0
    with Image.open(folder / "answers.png") as figure:
        assert figure.width > 500

    truth = answers_of(folder / "truth.csv")
    given = answers_of(folder / "answers.csv")
    assert list(given) == sorted(truth)
    right = sum(given[name][0] == label for name, (label,) in truth.items())
    assert right / len(truth) > 0.75
    # what it says it typed, typed again, gives what it said
    (command,) = (line for line in out.splitlines() if line.startswith("fieldguide evaluate "))
    assert done(*command.split()[1:]).out in out


def test_the_demo_overwrites_nothing_of_the_users(refused, tmp_path):
    (tmp_path / "thesis.txt").write_text("years of work")
    assert "holds something else: name a new or empty folder for the demo" in refused("demo", tmp_path)
    assert (tmp_path / "thesis.txt").read_text() == "years of work"


def test_a_file_is_no_folder_for_the_demo(refused, tmp_path):
    (tmp_path / "file").touch()
    assert str(tmp_path / "file") in refused("demo", tmp_path / "file")


def test_what_was_put_into_the_demos_folder_stays(refused, tmp_path):
    (tmp_path / "made-by-fieldguide-demo").touch()
    mine = tmp_path / "gallery" / "cat" / "mine.jpg"
    mine.parent.mkdir(parents=True)
    mine.write_text("a photograph")
    line = refused("demo", tmp_path)
    assert f"{mine} is not of the demo: move it, or name another folder for the demo" in line
    assert mine.read_text() == "a photograph"
