"""Write README.md from nbs/index.ipynb: prose, code and outputs; pictures go to nbs/readme_files/."""
import re
import shutil
from pathlib import Path

import nbformat
from nbconvert import MarkdownExporter
from traitlets.config import Config

root = Path(__file__).resolve().parent.parent
pictures = root / "nbs" / "readme_files"

notebook = nbformat.read(root / "nbs" / "index.ipynb", as_version=4)
notebook.cells = [c for c in notebook.cells if not c.source.startswith("#| hide")]  # tests and style
for cell in notebook.cells:
    if cell.cell_type == "code":  # progress bars are for those who wait
        cell.outputs = [o for o in cell.outputs if o.get("name") != "stderr" and o.get("text", "x").strip()]

config = Config()
config.ExtractOutputPreprocessor.output_filename_template = "{cell_index}_{index}{extension}"
text, resources = MarkdownExporter(config=config).from_notebook_node(notebook)

text = re.sub(r"^```\n(?=(import|from) )", "```python\n", text, flags=re.M)
text = re.sub(r"<style.*?</style>", "", text, flags=re.S)
text = re.sub(r"!\[.*?\]\((\d+_\d+\.\w+)\)", r"![restored photographs](nbs/readme_files/\1)", text)
text = text.replace("](../", "](")  # links above its folder
text = re.sub(r"\]\((?!http|nbs/|#)([\w/]+\.ipynb)\)", r"](nbs/\1)", text)  # links to its neighbours
text = re.sub(r"[ \t]+\n", "\n", text)
text = re.sub(r"\n{3,}", "\n\n", text).strip() + "\n"

shutil.rmtree(pictures, ignore_errors=True)
pictures.mkdir()
for name, data in resources["outputs"].items():
    (pictures / name).write_bytes(data)
(root / "README.md").write_text(text, encoding="utf-8")
