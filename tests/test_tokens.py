"""Of a transformer whose embedding is one token's, OpenVINO computes that token alone where it can."""

import openvino
import pytest

from checkpoints import CHECKPOINTS, save
from fieldguide.backbones import load_backbone
from fieldguide.engines.openvino import BATCH_OF_TRANSFORMERS, float_network

HIDDEN = 128, 256  # of the perceptron behind each attention, in the small checkpoints; 256 is DINOv2's


@pytest.mark.parametrize("family", CHECKPOINTS)
def test_after_the_last_attention_there_is_one_token(family, tmp_path):
    """That the embeddings are those of all the other engines, `test_backbones` says."""
    backbone = load_backbone(str(save(family, tmp_path / family)))
    model = openvino.Core().read_model(float_network(backbone))
    shapes = [list(node.output(0).get_shape()) for node in model.get_ordered_ops() if node.get_type_name() == "MatMul"]
    tokens = [shape[1] for shape in shapes if len(shape) == 3 and shape[2] in HIDDEN]
    assert model.input(0).shape[0] == BATCH_OF_TRANSFORMERS
    first, second = tokens[:2]  # of two layers
    assert first > 1
    # SigLIP's pooling attends to all tokens of the last layer
    assert second > 1 if family.startswith("siglip") else second == 1


def test_a_network_of_convolutions_is_left_as_it_is():
    model = openvino.Core().read_model(float_network(load_backbone("efficientnet-lite0")))
    assert list(model.input(0).shape) == [1, 224, 224, 3]
