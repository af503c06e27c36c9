"""fieldguide backbones."""


def backbones() -> None:
    """List the backbones: which are here, which would be downloaded, and what each gives.

    Any checkpoint of CLIP, SigLIP, SigLIP 2, DINOv2, DINOv3 or ViT on the Hugging Face hub can be named likewise, and
    so can a folder that holds one: `--backbone OWNER/NAME`, `--backbone FOLDER`.
    """
    from fieldguide.backbones.listing import list_backbones

    rows = [("backbone", "numbers", "pixels", "state")]
    rows += [(one.name, str(one.dim or "?"), str(one.size or "?"), one.state) for one in list_backbones()]
    name, dim, size = (max(len(row[column]) for row in rows) for column in range(3))
    for row in rows:
        print(f"{row[0]:<{name}}  {row[1]:>{dim}}  {row[2]:>{size}}  {row[3]}")
