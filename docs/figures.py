"""scikit-learn's digits -> the figures of docs/concepts.md, drawn when the site is built."""
from pathlib import Path
ON_EITHER = {}
def tutorial_style(gallery_conf, script):
    import matplotlib as mpl
    mpl.rcParams.update(ON_EITHER)
def draw(folder: Path) -> None:
    folder.mkdir(exist_ok=True)
