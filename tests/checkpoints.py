"""Small checkpoints with random weights, in the true architecture and processor configuration of each family."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

SMALL = {"hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2, "num_attention_heads": 4}
TEXT = SMALL | {"hidden_size": 32, "vocab_size": 99, "bos_token_id": 97, "eos_token_id": 98, "pad_token_id": 0}
CLIP_MEAN, CLIP_STD = [0.48145466, 0.4578275, 0.40821073], [0.26862954, 0.26130258, 0.27577711]
IMAGENET_MEAN, IMAGENET_STD = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]
HALF = [0.5, 0.5, 0.5]


@dataclass(frozen=True)
class Checkpoint:
    """One family.

    Attributes
    ----------
    model : makes the whole network, text tower and all
    processor : what stands in `preprocessor_config.json` on the hub, for pictures of 64 or 56 pixels instead of 224
    read : the embedding out of the whole network's output, as the family's documentation says
    dim : numbers in it
    """

    model: Callable[[], Any]
    processor: dict[str, Any]
    read: Callable[[Any, Any], Any]
    dim: int = 64


def clip() -> Any:
    from transformers import CLIPConfig, CLIPModel

    vision = SMALL | {"image_size": 64, "patch_size": 16}
    return CLIPModel(CLIPConfig(text_config=TEXT, vision_config=vision, projection_dim=48))


def siglip() -> Any:
    from transformers import SiglipConfig, SiglipModel

    return SiglipModel(SiglipConfig(text_config=TEXT, vision_config=SMALL | {"image_size": 64, "patch_size": 16}))


def plain(name: str, **options: Any) -> Callable[[], Any]:
    """A network that is an image tower from the start."""

    def make() -> Any:
        import transformers

        return getattr(transformers, f"{name}Model")(getattr(transformers, f"{name}Config")(**SMALL, **options))

    return make


def class_token(model: Any, pixels: Any) -> Any:
    return model(pixel_values=pixels).last_hidden_state[:, 0]


def image_features(model: Any, pixels: Any) -> Any:
    return model.get_image_features(pixel_values=pixels).pooler_output


DINOV2 = {
    **{"crop_size": {"height": 56, "width": 56}, "do_center_crop": True, "do_convert_rgb": True, "do_normalize": True},
    **{"do_rescale": True, "do_resize": True, "image_mean": IMAGENET_MEAN, "image_std": IMAGENET_STD, "resample": 3},
    **{"image_processor_type": "BitImageProcessor", "rescale_factor": 1 / 255, "size": {"shortest_edge": 64}},
}
CHECKPOINTS = {
    "clip": Checkpoint(  # openai/clip-vit-base-patch32
        clip,
        {
            **{"crop_size": 64, "do_center_crop": True, "do_normalize": True, "do_resize": True, "resample": 3},
            **{"feature_extractor_type": "CLIPFeatureExtractor", "image_mean": CLIP_MEAN, "image_std": CLIP_STD},
            **{"size": 64},
        },
        image_features,
        48,
    ),
    "clip-new": Checkpoint(  # openai/clip-vit-large-patch14-336 and those saved since
        clip,
        {
            **{"crop_size": {"height": 64, "width": 64}, "do_center_crop": True, "do_convert_rgb": True},
            **{
                "do_normalize": True,
                "do_rescale": True,
                "do_resize": True,
                "image_processor_type": "CLIPImageProcessor",
            },
            **{"image_mean": CLIP_MEAN, "image_std": CLIP_STD, "resample": 3, "rescale_factor": 1 / 255},
            **{"size": {"shortest_edge": 70}},
        },
        image_features,
        48,
    ),
    "siglip": Checkpoint(  # google/siglip-base-patch16-224
        siglip,
        {
            **{"do_normalize": True, "do_rescale": True, "do_resize": True, "image_mean": HALF, "image_std": HALF},
            **{"image_processor_type": "SiglipImageProcessor", "processor_class": "SiglipProcessor", "resample": 3},
            **{"rescale_factor": 1 / 255, "size": {"height": 64, "width": 64}},
        },
        image_features,
    ),
    "siglip2": Checkpoint(  # google/siglip2-base-patch16-224: the architecture of SigLIP, another filter
        siglip,
        {
            **{"do_convert_rgb": None, "do_normalize": True, "do_rescale": True, "do_resize": True, "resample": 2},
            **{"image_mean": HALF, "image_processor_type": "SiglipImageProcessor", "image_std": HALF},
            **{"processor_class": "SiglipProcessor", "rescale_factor": 1 / 255, "size": {"height": 64, "width": 64}},
        },
        image_features,
    ),
    "dinov2": Checkpoint(plain("Dinov2", image_size=98, patch_size=14), DINOV2, class_token),  # facebook/dinov2-base
    "dinov2-registers": Checkpoint(
        plain("Dinov2WithRegisters", image_size=98, patch_size=14, num_register_tokens=4), DINOV2, class_token
    ),
    "dinov3": Checkpoint(  # facebook/dinov3-vits16-pretrain-lvd1689m
        plain("DINOv3ViT", image_size=64, patch_size=16, num_register_tokens=4),
        {
            **{"crop_size": None, "data_format": "channels_first", "default_to_square": True, "device": None},
            **{"do_center_crop": None, "do_convert_rgb": None, "do_normalize": True, "do_rescale": True},
            **{"do_resize": True, "image_mean": IMAGENET_MEAN, "image_processor_type": "DINOv3ViTImageProcessorFast"},
            **{"image_std": IMAGENET_STD, "resample": 2, "rescale_factor": 1 / 255},
            **{"size": {"height": 64, "width": 64}},
        },
        class_token,
    ),
    "vit": Checkpoint(  # google/vit-base-patch16-224, which leaves most unsaid
        plain("ViT", image_size=64, patch_size=16),
        {"do_normalize": True, "do_resize": True, "image_mean": HALF, "image_std": HALF, "size": 64},
        class_token,
    ),
    "deit": Checkpoint(  # facebook/deit-base-distilled-patch16-224
        plain("DeiT", image_size=56, patch_size=14),
        {
            **{"crop_size": 56, "do_center_crop": True, "do_normalize": True, "do_resize": True, "resample": 3},
            **{"feature_extractor_type": "DeiTFeatureExtractor", "image_mean": IMAGENET_MEAN},
            **{"image_std": IMAGENET_STD, "size": 64},
        },
        class_token,
    ),
}


def save(family: str, folder: Path, spread: float = 3) -> Path:
    """Write a checkpoint as `save_pretrained` does, with the processor configuration that is on the hub.

    With the weights as drawn for training, a `spread` of 1, all pictures come out nearly alike, and no step would show.
    """
    import torch
    from transformers.utils import logging

    logging.disable_progress_bar()
    torch.manual_seed(0)
    model = CHECKPOINTS[family].model().eval()
    with torch.no_grad():
        for weights in model.parameters():
            if weights.ndim > 1:
                weights.mul_(spread)
    model.save_pretrained(folder)
    (folder / "preprocessor_config.json").write_text(json.dumps(CHECKPOINTS[family].processor))
    return folder


def embed_by_transformers(family: str, folder: Path, pictures: list[Image.Image]) -> np.ndarray:
    """What transformers' own processor and whole network make of RGB pictures: (n, dim)."""
    import torch
    from transformers import AutoModel

    model = AutoModel.from_pretrained(folder).eval()
    with torch.inference_mode():
        rows = [CHECKPOINTS[family].read(model, _pixels(family, folder, picture)) for picture in pictures]
    return np.vstack([row.numpy() for row in rows])


def _pixels(family: str, folder: Path, picture: Image.Image) -> Any:
    import torch
    from transformers import AutoImageProcessor

    if family != "dinov3":
        return AutoImageProcessor.from_pretrained(folder, backend="pil")(picture, return_tensors="pt")["pixel_values"]
    # Its only processor needs torchvision, whose resizing of tensors is this function of PyTorch's
    pixels = torch.from_numpy(np.array(picture)).permute(2, 0, 1)[None].float() / 255
    pixels = torch.nn.functional.interpolate(pixels, (64, 64), mode="bilinear", antialias=True, align_corners=False)
    return (pixels - torch.tensor(IMAGENET_MEAN).view(3, 1, 1)) / torch.tensor(IMAGENET_STD).view(3, 1, 1)
