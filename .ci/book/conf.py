"""How Sphinx makes the book. Its pages are written by make.py; nothing of it asks another host for anything."""
import configparser
import sys
from pathlib import Path

from docutils import nodes
from latex2mathml.converter import convert
from sphinx.addnodes import pending_xref
from sphinx.pycode import ModuleAnalyzer

here = Path(__file__).resolve().parent
root = here.parent.parent
sys.path.insert(0, str(here))

from reference import names_of  # noqa: E402

settings = configparser.ConfigParser(delimiters=["="], inline_comment_prefixes=None)
settings.read(root / "settings.ini", encoding="utf-8")
settings = settings["DEFAULT"]

project, author, release = settings["lib_name"], settings["author"], settings["version"]
copyright = settings["copyright"]
extensions = ["myst_nb", "sphinx.ext.viewcode"]
exclude_patterns = ["files"]

nb_execution_mode = "off"
nb_merge_streams = True
myst_enable_extensions = ["dollarmath", "amsmath", "fieldlist", "deflist"]
myst_heading_anchors = 3
html_math_renderer = "mathml"

python_maximum_signature_line_length = 80
toc_object_entries_show_parents = "hide"
viewcode_line_numbers = True
viewcode_follow_imported_members = False  # nothing is imported

html_theme = "pydata_sphinx_theme"
html_title = "restorecolor"
html_static_path = ["static"]
html_css_files = ["book.css"]
html_copy_source = html_show_sourcelink = False
html_sidebars = {"index": [], "index.ko": []}
html_theme_options = {
    "icon_links": [{"name": "Source", "url": settings["git_url"], "icon": "fa-brands fa-github"}],
    "navbar_align": "left",
    "navigation_with_keys": True,
    "show_toc_level": 2,
    "footer_start": ["copyright"],
    "footer_end": [],
}


def math_inline(writer, node):
    "A formula as MathML, which browsers draw themselves."
    writer.body.append(convert(node.astext(), display="inline"))
    raise nodes.SkipNode


def math_block(writer, node):
    writer.body.append(f'<div class="math">{convert(node.astext(), display="block")}</div>\n')
    raise nodes.SkipNode


def find_source(app, module: str):
    "A module's code and where its parts are, without importing it."
    path = root / Path(*module.split(".")).with_suffix(".py")
    if not path.is_file():
        return None
    analyzer = ModuleAnalyzer.for_file(str(path), module)
    analyzer.find_tags()
    return analyzer.code, analyzer.tags


names = names_of(root / "restorecolor")


def link_names(app, doctree):
    "Names of the package in the prose lead to the reference."
    for node in list(doctree.findall(nodes.literal)):
        name = node.astext().removesuffix("()")
        if name in names and not isinstance(node.parent, (nodes.title, nodes.reference, pending_xref)):
            link = pending_xref("", node.deepcopy(), refdomain="py", reftype="obj", refexplicit=True, refwarn=True,
                                reftarget=f"{names[name]}.{name}", refdoc=app.env.docname)
            node.replace_self(link)


def setup(app):
    app.connect("doctree-read", link_names)
    app.add_html_math_renderer("mathml", (math_inline, None), (math_block, None))
    app.connect("viewcode-find-source", find_source)
