"""What checkpoints of any age say of pictures: read as transformers reads it, or refused in a line that says why."""

import json

import numpy as np
import pytest
from PIL import Image

from checkpoints import save
from drawing import draw
from fieldguide import FieldguideError
from fieldguide.backbones.processor import read_preprocessing

transformers = pytest.importorskip("transformers")

CLIP, VIT, BIT = "CLIP", "ViT", "Bit"
SQUARE = {"height": 48, "width": 48}
READ = {  # older and odd files: the kind, and what they say
    "a list": (CLIP, {"size": [48, 48], "crop_size": [48, 48]}),
    "a list for a square": (VIT, {"size": [48, 48]}),
    "a number": (CLIP, {"size": 56, "crop_size": 48}),
    "a number for a square": (VIT, {"size": 48}),
    "a number, not a square": (BIT, {"size": 56, "crop_size": 48}),
    "said to be a square": (CLIP, {"size": 48, "crop_size": 48, "default_to_square": True}),
    "a shorter side": (CLIP, {"size": {"shortest_edge": 56}, "crop_size": SQUARE}),
    "height and width": (CLIP, {"size": SQUARE, "crop_size": 48}),
    "nulls beside it": (CLIP, {"size": {"shortest_edge": 56, "longest_edge": None}, "crop_size": 48}),
    "no crop": (VIT, {"size": SQUARE, "crop_size": None, "do_center_crop": None}),
    "one number for the mean": (CLIP, {"size": 48, "crop_size": 48, "image_mean": 0.5, "image_std": 0.25}),
    "whole numbers": (VIT, {"size": SQUARE, "image_mean": [0, 0, 0], "image_std": 1}),
    "switches that are null": (VIT, {"size": SQUARE, "do_normalize": None, "do_pad": None, "do_convert_rgb": None}),
    "not rescaled": (VIT, {"size": SQUARE, "do_rescale": False, "image_mean": 127.5, "image_std": 127.5}),
    "nearest": (VIT, {"size": SQUARE, "resample": 0}),
}


@pytest.mark.parametrize("case", READ)
def test_old_fields_are_read_as_transformers_reads_them(case, tmp_path):
    kind, said = READ[case]
    (tmp_path / "preprocessor_config.json").write_text(json.dumps(said))
    steps = read_preprocessing(tmp_path, kind)
    picture = draw("rings", 0).resize((90, 70), Image.Resampling.BICUBIC)
    ours = (steps(picture).astype(np.float64) - steps.mean) / steps.scale
    processor = getattr(transformers, f"{kind}ImageProcessorPil")(**said)
    (theirs,) = processor(picture, return_tensors="np")["pixel_values"]
    assert np.allclose(ours, np.moveaxis(theirs, 0, -1), atol=1.5 * (1 / min(steps.scale)))  # a level of rounding
    assert abs(ours.mean() - theirs.mean()) < 0.05 / min(steps.scale)


@pytest.mark.parametrize("name", ["bicubic", "BICUBIC", "PIL.Image.BICUBIC", "Resampling.BICUBIC", 3, 3.0])
def test_a_filter_may_be_a_name(name, tmp_path):
    (tmp_path / "preprocessor_config.json").write_text(json.dumps({"resample": name}))
    assert read_preprocessing(tmp_path, VIT).filter == "bicubic"


@pytest.mark.parametrize(
    "said", [{"feature_extractor_type": "CLIPFeatureExtractor"}, {"image_processor_type": None}, {}]
)
def test_the_kind_may_be_said_in_the_old_way_or_not_at_all(said, tmp_path):
    (tmp_path / "preprocessor_config.json").write_text(json.dumps(said))
    assert read_preprocessing(tmp_path, CLIP).size == 224


@pytest.mark.parametrize("within", [None, "CLIPImageProcessor", {"size": SQUARE}])
def test_a_processor_within_others_is_read_if_it_is_one(within, tmp_path):
    (tmp_path / "processor_config.json").write_text(json.dumps({"size": SQUARE, "image_processor": within}))
    assert read_preprocessing(tmp_path, VIT).size == 48


REFUSED = {  # what the file says, and what the line does
    "oblong": ({"size": [48, 64]}, "must become squares, not"),
    "one in a list": ({"size": [48]}, "a side of"),
    "three in a list": ({"size": [3, 48, 48]}, "a side of"),
    "the longer side": ({"size": {"longest_edge": 48}}, "must become squares, not {'longest_edge': 48}"),
    "both sides": ({"size": {"shortest_edge": 48, "longest_edge": 64}}, "must become squares"),
    "no side": ({"size": {}}, "must become squares"),
    "text": ({"size": "48"}, "a side of 48 pixels: a whole number from 1 to 4096 was expected"),
    "true": ({"size": True}, "a side of True pixels"),
    "nothing": ({"size": 0}, "a side of 0 pixels"),
    "less than nothing": ({"size": -3}, "a side of -3 pixels"),
    "a fraction": ({"size": 48.5}, "a side of 48.5 pixels"),
    "no number": ({"size": float("nan")}, "a side of nan pixels"),
    "a huge number": ({"size": 10**9}, "a side of 1000000000 pixels"),
    "text in a side": ({"size": {"height": "48", "width": "48"}}, "a side of 48 pixels"),
    "a shape as a side": ({"size": {"shortest_edge": [48, 48]}}, "a side of"),
    "a crop by its shorter side": (
        {"do_center_crop": True, "crop_size": {"shortest_edge": 48}},
        "a crop must be a square",
    ),
    "a crop of no size": ({"do_center_crop": True}, "a side of None pixels"),
    "not resized": ({"do_resize": False}, "not resized"),
    "not resized, null": ({"do_resize": None}, "not resized"),
    "two means": ({"image_mean": [0.5, 0.5]}, "image_mean is [0.5, 0.5]: one number, or 3, was expected"),
    "a mean in text": ({"image_mean": "0.5"}, "image_mean is 0.5: one number, or 3, was expected"),
    "a mean by name": ({"image_mean": {"r": 0.5}}, "image_mean is"),
    "a null in the mean": ({"image_mean": [0.5, None, 0.5]}, "image_mean is"),
    "no deviation": ({"image_std": 0}, "must be above 0"),
    "a factor in text": ({"rescale_factor": "1/255"}, "rescale_factor is 1/255: one number was expected"),
    "a factor of 0": ({"rescale_factor": 0}, "must be above 0"),
    "no filter": ({"resample": None}, "unknown resample None"),
    "an unknown filter": ({"resample": "best"}, "unknown resample best"),
    "true for a filter": ({"resample": True}, "unknown resample True"),
    "a list of filters": ({"resample": [3]}, "unknown resample [3]"),
    "a list for a kind": ({"image_processor_type": ["ViT"]}, "prepared in a way that fieldguide does not know"),
    "a list": ([], "cannot be read (it holds no object)"),
    "a text": ("ViTImageProcessor", "cannot be read (it holds no object)"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_meant_is_refused_in_a_line(case, tmp_path):
    said, expected = REFUSED[case]
    path = tmp_path / "preprocessor_config.json"
    path.write_text(json.dumps(said))
    with pytest.raises(FieldguideError) as error:
        read_preprocessing(tmp_path, VIT)
    assert expected in str(error.value)
    assert str(path) in str(error.value)
    assert "\n" not in str(error.value)


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    return save("vit", tmp_path_factory.mktemp("vit"))


def test_embed_takes_an_old_checkpoint(checkpoint, few, done, tmp_path):
    said = {"size": [64, 64], "image_mean": 0.5, "image_std": [0.5, 0.5, 0.5], "do_center_crop": None}
    (checkpoint / "preprocessor_config.json").write_text(json.dumps(said))
    outcome = done("embed", few.queries, "--backbone", checkpoint, "-o", tmp_path / "e.parquet")
    assert outcome.complaints == []


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ("[]", "a checkpoint of the kind no object"),
        ('{"model_type": ["vit"]}', "a checkpoint of the kind"),
        ('{"model_type": "vit", "hidden_size": "many"}', "cannot be used"),
        ('{"model_type": "vit", "image_size": 32}', "its network takes 32"),
    ],
)
def test_a_configuration_of_wrong_types_is_one_line(config, said, checkpoint, few, refused, tmp_path):
    (checkpoint / "preprocessor_config.json").write_text(json.dumps({"size": 64}))
    before = (checkpoint / "config.json").read_text()
    (checkpoint / "config.json").write_text(config)
    try:
        line = refused("embed", few.queries, "--backbone", checkpoint, "-o", tmp_path / "e.parquet")
    finally:
        (checkpoint / "config.json").write_text(before)
    assert said in line
