"""A damaged grayscale photograph goes in; the whole photograph, in colour, comes out.

    from restorecolor import Restorer
    restored = Restorer.from_pretrained().restore("old.png")
    restored.image, restored.mask, restored.luma

Restore        Restorer, Restoration, restore_files
Find damage    examine, find_defects, find_damage
Its steps      expected_fill, natural_fill, symmetric_fill,
               predict_chroma, smooth_chroma, colorize
Files          read_rgb, read_gray, read_deep (16 bits), read_mask, read_metadata, luma, sample_photos
               write_photo (PNG, JPEG, TIFF), write_png, write_deep (16 bits)
Try and score  random_damage, contest_score, score_folders, show_restorations, make_contest
A page         launch (in a browser, or in a notebook)
Elsewhere      export_onnx (networks without PyTorch), doctor (what a bug report wants to know)
Errors         PhotoError, WeightsError

Each is loaded when it is first asked for, and so are the modules. help(restorecolor.Restorer.restore) says what its
parameters are.
"""

__version__ = "0.2.0"

from typing import TYPE_CHECKING

from .programs import front_door, help_in_notebooks

if TYPE_CHECKING:  # what editors and type checkers see; the same as programs.OFFERED
    from .app import launch as launch
    from .bits import read_deep as read_deep, write_deep as write_deep
    from .contest import make_contest as make_contest
    from .coloring import predict_chroma as predict_chroma, smooth_chroma as smooth_chroma
    from .defects import examine as examine, find_defects as find_defects
    from .evaluation import score_folders as score_folders
    from .exporting import export_onnx as export_onnx
    from .figures import show_restorations as show_restorations
    from .filling import expected_fill as expected_fill, natural_fill as natural_fill
    from .health import doctor as doctor
    from .masks import find_damage as find_damage, random_damage as random_damage
    from .metrics import contest_score as contest_score
    from .models import WeightsError as WeightsError
    from .photos import (
        PhotoError as PhotoError, luma as luma, read_gray as read_gray, read_mask as read_mask,
        read_metadata as read_metadata, read_rgb as read_rgb, sample_photos as sample_photos,
        write_photo as write_photo, write_png as write_png)
    from .restoring import (
        Restoration as Restoration, Restorer as Restorer, colorize as colorize, restore_files as restore_files)
    from .symmetry import symmetric_fill as symmetric_fill
else:
    __getattr__, __dir__ = front_door(__name__)

help_in_notebooks()
del TYPE_CHECKING, front_door, help_in_notebooks
