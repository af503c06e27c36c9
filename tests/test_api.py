"""What Python users call, with whatever they have: paths, tables, data frames, pictures in memory, embeddings."""

import base64
import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

import fieldguide
from drawing import draw
from fieldguide import Embedder, EmbeddingTable, FieldguideError, ImageTable, Preprocessing
from fieldguide.backbones import fingerprint, load_backbone
from fieldguide.backbones.module import ModuleBackbone

STEPS = Preprocessing(size=64, shorter_side=64, mean=(127.0,) * 3, scale=(128.0,) * 3)
FORMS = {
    "paths": lambda path: path,
    "text": str,
    "bytes": Path.read_bytes,
    "pictures": Image.open,
    "arrays": lambda path: np.asarray(Image.open(path)),
}


@pytest.fixture(scope="module")
def shots(few):
    return sorted(few.gallery.rglob("*.png"))


@pytest.fixture(scope="module")
def asked(few):
    return sorted(few.queries.rglob("*.png"))


@pytest.fixture(scope="module")
def labels(shots):
    return [path.parent.name for path in shots]


@pytest.fixture(scope="module")
def result(few):
    return fieldguide.identify(few.gallery, few.queries, show=False)


def answers(result):
    return [answer.labels for answer in result]


# --- identify --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", FORMS)
def test_pictures_are_identified_whatever_they_are_given_as(form, result, shots, asked, labels):
    gallery, queries = ([FORMS[form](path) for path in paths] for paths in (shots, asked))
    # no cache, so that they are decoded, each form on its own way
    same = fieldguide.identify(gallery, queries, labels=labels, show=False, cache=False)
    assert answers(same) == answers(result)
    assert (same.queries.matrix == result.queries.matrix).all()
    in_files = form in ("paths", "text")
    assert same.ranking.names == ([str(path) for path in asked] if in_files else [str(n) for n in range(len(asked))])


def test_tables_data_frames_and_embeddings_are_taken(result, few, shots, asked, labels):
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame({"file": shots, "class": labels})
    columns = {"image_column": "file", "label_column": "class", "show": False}
    queries = pd.DataFrame({"file": [np.asarray(Image.open(path)) for path in asked]})
    assert answers(fieldguide.identify(frame, queries, **columns)) == answers(result)

    table = ImageTable.from_images([Image.open(path) for path in shots], labels)
    assert answers(fieldguide.identify(table, fieldguide.read_queries(few.queries), show=False)) == answers(result)

    embedder = Embedder(show=False)
    gallery = embedder.embed(few.gallery, labelled=True)
    assert gallery.labels == labels
    assert answers(fieldguide.identify(gallery, embedder.embed(asked), show=False)) == answers(result)
    assert answers(fieldguide.identify(embedder.embed(shots, labels=labels), asked, show=False)) == answers(result)


def test_grey_arrays_and_turned_pictures_are_seen_as_their_files_are(tmp_path):
    grey = np.asarray(draw("stripes").convert("L"))
    clear = draw("dots").convert("RGBA")
    clear.putalpha(120)
    turned = Image.Exif()
    turned[0x0112] = 6
    Image.fromarray(grey).save(tmp_path / "grey.png")
    clear.save(tmp_path / "clear.png")
    draw("rings").save(tmp_path / "turned.png", exif=turned)
    names = ["clear.png", "grey.png", "turned.png"]
    embedder = Embedder(show=False, cache=False)
    pictures = [clear, grey, Image.open(tmp_path / "turned.png")]
    assert (embedder.embed(tmp_path).matrix == embedder.embed(pictures).matrix).all()
    assert list(embedder.embed(tmp_path).names) == names


def test_a_result_has_its_ways_out(result, shots, asked, labels, answers_of, tmp_path, few):
    pytest.importorskip("pandas")
    same = fieldguide.identify([Image.open(path) for path in shots], asked, labels=labels, show=False)
    assert same.contamination == same.ranking.contamination
    low, high = same.contamination_interval
    assert low <= same.contamination <= high
    assert same.unreadable == []
    assert list(same.to_pandas(wide=True)["label_1"]) == list(same.ranking.top1())
    assert len(same.to_pandas()) == sum(map(len, answers(same)))
    same.write_answers(tmp_path / "answers.csv")
    assert list(answers_of(tmp_path / "answers.csv").values()) == answers(same)
    result.write_details(tmp_path / "answers.parquet")
    figures = fieldguide.write_report(
        tmp_path / "answers.parquet", few.gallery, few.queries, tmp_path / "page.html", truth=few.truth_file, show=False
    )
    assert figures == []
    assert "<html" in (tmp_path / "page.html").read_text()


def test_a_report_shows_pictures_that_were_in_memory(shots, asked, labels, tmp_path, monkeypatch):
    shutil.copy(asked[0], tmp_path / "0")  # of another picture than the one called so
    monkeypatch.chdir(tmp_path)
    pictures = [np.asarray(Image.open(path)) for path in shots]
    fieldguide.identify(pictures, asked, labels=labels, show=False).report("page.html", show=False)
    page = Path("page.html").read_text()
    links = json.loads(re.search(r'"gallery":\{"names":\[[^]]*\],"links":(\[[^]]*\])', page)[1])
    assert links == [""] * len(shots)
    thumbnails = re.findall(r"(?<![\w+/,])UklGR[\w+/=]+", page)  # WebP in base64; figures have a comma before it
    assert len(thumbnails) == len(shots) + len(asked)
    assert all(base64.b64decode(line)[8:12] == b"WEBP" for line in thumbnails)


def test_what_cannot_be_read_in_memory_is_said(few, asked):
    queries = [b"", b"no picture", np.zeros((0, 5, 3), np.uint8), asked[0].read_bytes()[:60], asked[0]]
    result = fieldguide.identify(few.gallery, queries, show=False)
    reasons = {picture.image: picture.reason for picture in result.unreadable}
    assert reasons["0"] == "an empty file"
    assert reasons["1"] == "not a picture in a known format"
    assert reasons["2"] == "it has no pixels"
    assert "3" in reasons
    assert result["0"].labels == ["-1"]
    assert result[str(asked[0])].labels != ["-1"]


NOT_TAKEN = {
    "a number": (7, "the queries: not int, but a path to a folder, a table or a file of embeddings, an ImageTable"),
    "a mapping": ({"a": 1}, "the queries: not dict, but a path"),
    "bytes": (b"abc", "the queries: not bytes, but a path"),
    "one picture": (np.zeros((5, 5, 3), np.uint8), "put one picture in a list"),
    "embeddings": (np.zeros((5, 9), np.float32), "EmbeddingTable.from_arrays takes embeddings"),
    "numbers": ([1, 2], "picture 0 is a int: pictures are paths, bytes, PIL images or uint8 arrays"),
    "floats": ([np.zeros((5, 5, 3))], "picture 0 is an array of float64 of shape (5, 5, 3): pictures are paths"),
    "four channels": ([np.zeros((5, 5, 4), np.uint8)], "picture 0 is an array of uint8 of shape (5, 5, 4)"),
}


@pytest.mark.parametrize("case", NOT_TAKEN)
def test_what_is_no_picture_is_refused_by_its_type(case, few):
    given, said = NOT_TAKEN[case]
    with pytest.raises(TypeError, match=re.escape(said)):
        fieldguide.identify(few.gallery, given, show=False)


BAD_LABELS = {
    "none": (
        None,
        FieldguideError,
        "the gallery has no labels, which it needs: give one for each picture with labels=",
    ),
    "too few": (["a"], ValueError, "there are 1 labels for 2 pictures of the gallery: each has one"),
    "a gap": (["a", None], ValueError, "picture 1 has no label"),
    "not a number": (["a", float("nan")], ValueError, "picture 1 has no label"),
    "a share": ([0.5, "a"], TypeError, "the label of picture 0 is 0.5: a label is text or a whole number"),
    "one text": ("ab", TypeError, "labels are a str: a sequence of text or whole numbers was expected"),
    "unknown alone": (["-1", "-1"], FieldguideError, "all 2 pictures have the unknown label '-1'"),
}


@pytest.mark.parametrize("case", BAD_LABELS)
def test_a_gallery_has_one_label_for_each_picture(case, shots, asked):
    labels, error, said = BAD_LABELS[case]
    with pytest.raises(error, match=re.escape(said)):
        fieldguide.identify(shots[:2], asked, labels=labels, show=False)


def test_whole_numbers_are_labels_and_labels_of_a_path_are_its_own(few, shots, asked):
    result = fieldguide.identify(shots, asked, labels=[row // 2 for row in range(8)], recipe="cosine", show=False)
    assert list(result.ranking.classes) == ["0", "1", "2", "3"]
    with pytest.raises(ValueError, match="labels= are for the gallery as a sequence of pictures"):
        fieldguide.identify(few.gallery, asked, labels=["a"], show=False)
    with pytest.raises(FieldguideError, match=r"the gallery: .* is listed twice"):
        fieldguide.identify([shots[0]] * 2, asked, labels=["a", "a"], show=False)
    with pytest.raises(FieldguideError, match="the queries: there are no pictures"):
        fieldguide.identify(few.gallery, [], show=False)


def test_a_data_frame_without_the_column_says_which_it_has(few, shots):
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame({"image": shots, "species": "a"})
    with pytest.raises(FieldguideError, match="no column 'label'; it has image, species"):
        fieldguide.identify(frame, few.queries, show=False)
    frame = pd.DataFrame({"image": shots, "label": [1.0, *[float("nan")] * 7]})
    with pytest.raises(ValueError, match="picture 1 has no label"):
        fieldguide.identify(frame, few.queries, show=False)


def test_pictures_in_memory_have_names(shots):
    table = ImageTable.from_images([Image.open(path) for path in shots[:2]], names=["a", "b"])
    assert list(Embedder(show=False).embed(table).names) == ["a", "b"]
    assert table.take([1]).sources == [table.in_memory[1]]
    with pytest.raises(ValueError, match="the name a stands twice"):
        ImageTable.from_images(shots[:2], names=["a", "a"])
    with pytest.raises(ValueError, match="there are 1 names for 2 pictures"):
        ImageTable.from_images(shots[:2], names=["a"])


def test_labelled_distractors_of_an_embedding_table_stay_apart_from_what_cannot_be_read(few, shots, asked, labels):
    marked = ["-1" if label == "dots" else label for label in labels]
    pictures = [b"broken", *shots]
    table = Embedder(show=False).embed(pictures, labels=["rings", *marked])
    result = fieldguide.identify(table, few.queries, show=False)
    direct = fieldguide.identify(pictures, few.queries, labels=["rings", *marked], show=False)
    assert answers(result) == answers(direct)
    assert result.unreadable == direct.unreadable
    assert [picture.image for picture in result.unreadable] == ["0"]


# --- embedding -------------------------------------------------------------------------------------------------------


def test_pictures_in_memory_are_known_by_what_is_in_them(asked, monkeypatch, tmp_path):
    from fieldguide.engines.pytorch import TorchEngine

    pictures = [np.asarray(Image.open(path)) + np.uint8(1) for path in asked]
    first = Embedder(engine="torch", show=False).embed(pictures)
    pictures[0].tofile(tmp_path / "0")

    def refuse(engine, pixels):
        raise AssertionError("embedded again")

    monkeypatch.setattr(TorchEngine, "__call__", refuse)
    monkeypatch.chdir(tmp_path)
    again = Embedder(engine="torch", show=False).embed([Image.fromarray(picture) for picture in pictures])
    assert (again.matrix == first.matrix).all()


def test_a_bare_module_embeds_as_the_same_network_by_name(asked):
    lite = load_backbone("efficientnet-lite0")
    bare = Embedder(lite.network(), preprocessing=lite.preprocessing, show=False, cache=False).embed(asked)
    named = Embedder("efficientnet-lite0", "torch", show=False, cache=False).embed(asked)
    assert (bare.matrix == named.matrix).all()
    assert bare.made_by.backbone == "Pooled"


class Network(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.body = nn.Sequential(nn.Conv2d(3, 6, 5, 3), nn.BatchNorm2d(6), nn.AdaptiveAvgPool2d(2), nn.Flatten())

    def forward(self, pictures):
        return self.body(pictures)


class Doubled(Network):
    def forward(self, pictures):
        return 2 * self.body(pictures)


def test_a_module_is_known_by_its_weights_its_layers_and_its_code():
    first = ModuleBackbone(Network(), STEPS)
    assert (first.name, first.dim) == ("Network", 24)
    assert fingerprint(ModuleBackbone(Network(), STEPS)) == fingerprint(first)
    changed = Network()
    with torch.no_grad():
        changed.body[0].bias += 1
    others = [ModuleBackbone(one, STEPS) for one in (changed, Doubled())]
    others.append(ModuleBackbone(Network(), Preprocessing(64, 80, (127.0,) * 3, (128.0,) * 3)))
    pooled = Network()
    pooled.body[2] = nn.AdaptiveMaxPool2d(2)
    others.append(ModuleBackbone(pooled, STEPS))
    assert len({fingerprint(one) for one in [first, *others]}) == 5


def test_a_module_is_left_as_it_was(asked):
    network = Network().train()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    table = Embedder(network, preprocessing=STEPS, show=False, cache=False).embed(asked)
    assert table.matrix.shape == (len(asked), 24)
    assert network.training
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())


def test_what_is_no_backbone_is_refused():
    with pytest.raises(TypeError, match="needs to know how a picture becomes its input: give it preprocessing="):
        Embedder(Network())
    with pytest.raises(TypeError, match=r"is for a torch\.nn\.Module"):
        Embedder("efficientnet-lite0", preprocessing=STEPS)
    with pytest.raises(TypeError, match="backbone: not int, but the name of a backbone"):
        Embedder(7)
    with pytest.raises(FieldguideError, match=r"Conv2d gives shape \(3, 62, 62\)|Conv2d gives shape \(1, 3, 62, 62\)"):
        Embedder(nn.Conv2d(3, 3, 3), preprocessing=STEPS)
    with pytest.raises(FieldguideError, match=r"Linear cannot be run on pictures of shape \(1, 3, 64, 64\)"):
        Embedder(nn.Linear(9, 2), preprocessing=STEPS)


# --- EmbeddingTable --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["table.parquet", "table.npz"])
@pytest.mark.parametrize("labels", [None, ["007", "ü", "a b"]])
def test_an_embedding_table_comes_back_from_a_file(name, labels, tmp_path):
    matrix = np.random.default_rng(0).normal(size=(3, 5))
    table = EmbeddingTable.from_arrays(matrix, ["a.png", "b/c.png", "d.png"], labels)
    table.write(tmp_path / name)
    back = EmbeddingTable.read(tmp_path / name)
    assert (back.matrix == matrix.astype(np.float32)).all()
    assert list(back.names) == ["a.png", "b/c.png", "d.png"]
    assert back.labels == labels
    assert len(back) == 3


def test_an_embedding_table_becomes_a_data_frame():
    pytest.importorskip("pandas")
    table = EmbeddingTable.from_arrays(np.eye(3), labels=["a", "b", "a"])
    frame = table.to_pandas()
    assert list(frame.columns) == ["image", "label", "e0", "e1", "e2"]
    assert frame["image"].tolist() == ["0", "1", "2"]
    assert (frame[["e0", "e1", "e2"]].to_numpy() == np.eye(3)).all()
    assert "label" not in EmbeddingTable.from_arrays(np.eye(3)).to_pandas().columns


BAD_ARRAYS = {
    "one row": (([1.0, 2.0],), {}, "embeddings are a matrix (n_pictures, dim), not an array of 1 dimensions"),
    "NaN": (([[1.0], [np.nan]],), {}, "row 1 has a number that is none"),
    "names": ((np.eye(2),), {"names": ["a"]}, "1 names for 2 embeddings"),
    "labels": ((np.eye(2),), {"labels": ["a"]}, "1 labels for 2 embeddings"),
    "twice": ((np.eye(2),), {"names": ["a", "a"]}, "the name a stands twice"),
}


@pytest.mark.parametrize("case", BAD_ARRAYS)
def test_arrays_that_are_no_embeddings_are_refused(case):
    arrays, options, said = BAD_ARRAYS[case]
    with pytest.raises(ValueError, match=re.escape(said)):
        EmbeddingTable.from_arrays(*arrays, **options)


def test_an_unlabelled_embedding_table_is_no_gallery():
    table = EmbeddingTable.from_arrays(np.eye(3))
    with pytest.raises(FieldguideError, match="the gallery has no labels, which a gallery needs: EmbeddingTable"):
        fieldguide.identify(table, table, show=False)


# --- evaluate --------------------------------------------------------------------------------------------------------


def test_answers_and_truth_are_scored_whatever_they_are_given_as(result, few, tmp_path):
    pd = pytest.importorskip("pandas")
    result.write_answers(tmp_path / "answers.csv")
    result.write_details(tmp_path / "answers.parquet")
    expected = fieldguide.evaluate(result, few.truth)
    in_order = [few.truth[name] for name in result.ranking.names]
    classes = [str(label) for label in result.ranking.classes]
    by_name = dict(result)
    for answers, truth in [
        (result.ranking, pd.Series(few.truth)),
        (result, few.truth_file),
        (result, pd.Series(in_order)),
        (result, in_order),
        (tmp_path / "answers.parquet", few.truth),
    ]:
        assert list(fieldguide.evaluate(answers, truth)) == list(expected)
    plain = list(expected)[:-2]  # the others are of the distractor scores, which these do not have
    for answers, truth in [
        (by_name, few.truth),
        (str(tmp_path / "answers.csv"), str(few.truth_file)),
        (list(by_name.values()), in_order),
        ([tuple(labels) for labels in by_name.values()], np.array(in_order)),
    ]:
        assert list(fieldguide.evaluate(answers, truth, classes)) == plain
    assert list(expected.to_pandas().index) == [score.name for score in expected]


def test_true_labels_that_the_gallery_does_not_have_are_distractors_and_it_is_said(result, few):
    foreign = {name: "a zebra" if label == "-1" else label for name, label in few.truth.items()}
    known, unknown = fieldguide.evaluate(result, few.truth), fieldguide.evaluate(result, foreign)
    assert list(known) == list(unknown)
    assert list(unknown.known_classes) == list(result.ranking.classes)
    assert unknown.compared == "compared 7 answers with their true labels; 3 of distractors; 4 known classes"
    told = fieldguide.evaluate(dict(result), foreign, result.ranking.classes)
    assert told["mAP@5"] == known["mAP@5"]
    untold = fieldguide.evaluate(dict(result), foreign)
    assert untold.known_classes is None
    assert untold.compared.endswith("0 of distractors; 5 known classes, all but '-1' taken as known")
    assert repr(untold).splitlines()[0] == untold.compared
    with pytest.raises(KeyError):
        untold["mAP@7"]


def test_a_true_label_without_an_answer_is_named(result, few):
    with pytest.raises(FieldguideError, match=r"1 of 8 pictures in the truth are not answered, z\.png among them"):
        fieldguide.evaluate(dict(result), few.truth | {"z.png": "dots"})
    with pytest.raises(FieldguideError, match="the truth has no labels"):
        fieldguide.evaluate(result, {})


# --- the other commands ----------------------------------------------------------------------------------------------


def test_commands_are_calls(few, tmp_path):
    (scores,) = fieldguide.compare(few.gallery, few.queries, few.truth_file, recipes=["cosine"], show=False)
    assert 0 <= scores.scores["mAP@5"][0] <= 1
    with pytest.raises(FieldguideError, match="unknown training 'nothing'"):
        fieldguide.train("nothing", few.gallery, tmp_path / "trained")
    with pytest.raises(FieldguideError, match=r"nothing\.parquet"):
        fieldguide.write_report(tmp_path / "nothing.parquet", few.gallery, few.queries, tmp_path / "page.html")
