"""Kinds of files and folders by name: bins and thumbnails, notes beside pictures, pictures that cannot be read."""

import os

FOLDERS = {  # of systems, not of users: bins, thumbnails, what a repair left
    *("@eadir", "@tmp", "@recycle", "@recycler", "@recently-snapshot", "@sharebin", "@__thumb"),
    *("#recycle", "#snapshot", "$recycle.bin", "$extend", "$winreagent", "recycler", "recycled", "lost+found"),
    *("lost.dir", "found.000", "system volume information", "network trash folder", "temporary items"),
    *("thevolumesettingsfolder", "__macosx", "__pycache__"),
}
SYSTEM = {"thumbs.db", "ehthumbs.db", "ehthumbs_vista.db", "desktop.ini", "icon\r", "zbthumbnail.info", "picasa.ini"}
SYSTEM_ENDS = ("@synoeastream", "@synoresource")
NOTES = {"readme", "license", "licence", "copying", "notice", "authors", "contributors", "changelog", "makefile"}
NOTE_SUFFIXES = (  # what lies beside pictures and is none
    ".txt .text .md .rst .rtf .log .nfo .json .jsonl .ndjson .geojson .yaml .yml .toml .ini .cfg .conf .xml .xmp .xsd "
    ".csv .tsv .parquet .pq .feather .arrow .xls .xlsx .xlsm .ods .numbers .html .htm .css .js .py .pyc .ipynb .r .rmd "
    ".m .mat .c .h .cpp .sh .bat .cmd .ps1 .exe .dll .so .lnk .url .webloc .desktop .db .db-wal .db-shm .sqlite "
    ".sqlite3 .npy .npz .pkl .pickle .h5 .hdf5 .pt .pth .onnx .safetensors .bin .dat .lock .md5 .sha1 .sha256 .sha512 "
    ".sfv .sig .asc .torrent .gpx .kml .nmea .shp .dbf .shx .prj .cpg .tfw .jgw .pgw .wld .thm .lrv .aae .dop .pp3 "
    ".cos .comask .cot .lrcat .lrprev .lrtemplate .wav .mp3 .flac .ogg .m4a .srt .icc .icm .ttf .otf"
)
NO_READER = "no reader of this format is installed: convert it to JPEG or PNG"
EXPLANATIONS = {  # and the endings they are of
    "a camera's raw file: export it as JPEG or TIFF": (
        ".3fr .ari .arw .bay .cap .cr2 .cr3 .crw .dcr .dcs .dng .drf .eip .erf .fff .gpr .iiq .k25 .kdc .mdc .mef .mos "
        ".mrw .nef .nrw .orf .ori .pef .ptx .pxn .raf .raw .rw2 .rwl .rwz .sr2 .srf .srw .x3f"
    ),
    NO_READER: (".avif .avifs .jxl .jxr .wdp .hdp .bpg .flif .exr .jp2"),
    "a film: save its frames as pictures": (
        ".mp4 .m4v .mov .qt .avi .mkv .webm .wmv .flv .mts .m2ts .3gp .3g2 .mpg .mpeg .mpe .ogv .vob .insv .braw .r3d"
    ),
    "a document: save its pages or pictures as JPEG or PNG": (
        ".pdf .ps .eps .ai .indd .doc .docx .odt .ppt .pptx .odp .pages .key .djvu .xps .epub"
    ),
    "a drawing of lines: export it as PNG": ".svg .svgz .cdr .wmf .emf .dxf .dwg .odg .vsd .vsdx",
    "the file of a drawing program: export it as PNG": (
        ".psb .xcf .kra .ora .clip .afphoto .afdesign .pxd .pxm .procreate .sketch .fig .pdn .cpt"
    ),
    "an archive: unpack it": ".zip .tar .gz .tgz .bz2 .tbz .xz .txz .zst .7z .rar .lz4 .cab .iso .dmg .kmz .cbz .cbr",
    "a download that was broken off: download it again": ".part .partial .crdownload .download .opdownload",
}
NOTE_ENDINGS = frozenset(NOTE_SUFFIXES.split())
EXPLANATION_OF = {ending: reason for reason, endings in EXPLANATIONS.items() for ending in endings.split()}


def is_system_folder(name: str) -> bool:
    """Whether a folder is hidden, or one that a NAS, a file system or an archiver made."""
    return name.startswith(".") or name.lower() in FOLDERS


def is_system_file(name: str) -> bool:
    """Whether a file is hidden, or one that a NAS or a desktop made."""
    return name.startswith(".") or name.lower() in SYSTEM or name.lower().endswith(SYSTEM_ENDS)


def is_note(name: str) -> bool:
    """Whether a file is what people keep beside pictures: notes, tables, programs."""
    stem, ending = os.path.splitext(name.lower())  # noqa: PTH122  a Path for each of a million names is slow
    return ending in NOTE_ENDINGS or (not ending and stem in NOTES)


def explain_ending(name: str) -> str | None:
    """Say what kind of file an ending means that is no picture, and what to do; None for an unknown ending."""
    return EXPLANATION_OF.get(os.path.splitext(name)[1].lower())  # noqa: PTH122
