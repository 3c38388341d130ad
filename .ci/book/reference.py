"""The reference: what each module exports, with signatures, the comments behind the parameters, and links to the
source. Modules are read, not imported."""
import ast
import re
import tokenize
from io import StringIO
from pathlib import Path

FENCE = "`" * 4


def comments_of(text: str) -> dict[int, str]:
    "The comment at the end of each line."
    tokens = tokenize.generate_tokens(StringIO(text).readline)
    return {t.start[0]: t.string.lstrip("# ").strip() for t in tokens if t.type == tokenize.COMMENT}


def first_line(node) -> str:
    return ast.get_docstring(node) or ""


def plain(node) -> str:
    "A default or an annotation, short enough for a signature."
    text = ast.unparse(node)
    return text if len(text) <= 60 else "..."


def signature(node: ast.FunctionDef, method: bool = False) -> str:
    "The parameters and what comes back, in parentheses and behind an arrow."
    a = node.args
    positional = [*a.posonlyargs, *a.args]
    defaults = [None] * (len(positional) - len(a.defaults)) + a.defaults
    shown = []
    for i, (arg, default) in enumerate(zip(positional, defaults)):
        if not (method and i == 0):
            shown.append(parameter(arg, default))
        if a.posonlyargs and i == len(a.posonlyargs) - 1:
            shown.append("/")
    if a.vararg:
        shown.append("*" + parameter(a.vararg, None))
    elif a.kwonlyargs:
        shown.append("*")
    shown += [parameter(arg, default) for arg, default in zip(a.kwonlyargs, a.kw_defaults)]
    if a.kwarg:
        shown.append("**" + parameter(a.kwarg, None))
    back = f" -> {plain(node.returns)}" if node.returns else ""
    return f"({', '.join(shown)}){back}"


def parameter(arg: ast.arg, default) -> str:
    text = arg.arg + (f": {plain(arg.annotation)}" if arg.annotation else "")
    if default is None:
        return text
    return text + (" = " if arg.annotation else "=") + plain(default)


def fields(node: ast.FunctionDef, comments: dict[int, str]) -> list[str]:
    "What is said about parameters and about what comes back."
    a = node.args
    args = [*a.posonlyargs, *a.args, *([a.vararg] if a.vararg else []), *a.kwonlyargs, *([a.kwarg] if a.kwarg else [])]
    ends = [arg.end_lineno for arg in args]
    lines = []
    for arg in args:
        defaults = [d.end_lineno for d in [*a.defaults, *a.kw_defaults] if d and d.lineno >= arg.lineno]
        last = max([arg.end_lineno, *[d for d in defaults if arg.end_lineno <= d < next_line(ends, arg.end_lineno)]])
        said = comments.get(last)
        if said and arg.lineno > node.lineno and ends.count(arg.end_lineno) == 1:
            lines.append(f":param {arg.arg}: {said}")
    if node.returns and node.returns.end_lineno > node.lineno and node.returns.end_lineno in comments:
        lines.append(f":returns: {comments[node.returns.end_lineno]}")
    return lines


def next_line(ends: list[int], line: int) -> int:
    return min((end for end in ends if end > line), default=10**9)


def directive(kind: str, head: str, body: list[str], options: tuple[str, ...] = (), fence: str = FENCE) -> list[str]:
    return [f"{fence}{{py:{kind}}} {head}", *options, "", *body, fence, ""]


def decorators(node) -> set[str]:
    found = set()
    for d in node.decorator_list:
        d = d.func if isinstance(d, ast.Call) else d
        found.add(d.id if isinstance(d, ast.Name) else d.attr)
    return found


def function(node: ast.FunctionDef, comments: dict, kind: str = "function", fence: str = FENCE) -> list[str]:
    marks, options = decorators(node), []
    method = kind == "method"
    if method and "property" in marks:
        options = [f":type: {plain(node.returns)}"] if node.returns else []
        return directive("property", node.name, [first_line(node)], tuple(options), fence)
    if method and marks & {"classmethod", "staticmethod"}:
        options = [":classmethod:" if "classmethod" in marks else ":staticmethod:"]
    head = node.name + signature(node, method and "staticmethod" not in marks)
    return directive(kind, head, [first_line(node), "", *fields(node, comments)], tuple(options), fence)


def attribute(node: ast.AnnAssign, comments: dict, kind: str = "attribute", fence: str = FENCE) -> list[str]:
    options = [f":type: {plain(node.annotation)}"]
    if node.value is not None:
        options.append(f":value: {plain(node.value)}")
    return directive(kind, node.target.id, [comments.get(node.end_lineno, "")], tuple(options), fence)


def a_class(node: ast.ClassDef, comments: dict, others: dict[str, ast.ClassDef]) -> list[str]:
    "A class with its fields and methods, those of hidden bases too. What begins with an underscore stays inside."
    bases = ", ".join(f"`{ast.unparse(b)}`" for b in node.bases if not ast.unparse(b).startswith("_"))
    inherited = [part for b in node.bases if ast.unparse(b).startswith("_") for part in others[ast.unparse(b)].body]
    own = {part.name for part in node.body if isinstance(part, ast.FunctionDef)}
    parts = [p for p in inherited if getattr(p, "name", "") not in own] + node.body
    init = next((n for n in parts if isinstance(n, ast.FunctionDef) and n.name == "__init__"), None)
    head = node.name + (signature(init, True) if init else "")
    body = [first_line(node), "", *(fields(init, comments) if init else []), ""]
    if bases:
        body += [f"A kind of {bases}.", ""]
    for part in parts:
        if isinstance(part, ast.AnnAssign) and not part.target.id.startswith("_"):
            body += attribute(part, comments, fence="```")
        elif isinstance(part, ast.FunctionDef) and not part.name.startswith("_"):
            body += function(part, comments, "method", "```")
    return directive("class", head, body)


def constants(node: ast.Assign, public: set[str], comments: dict) -> list[str]:
    lines, [target] = [], node.targets
    pairs = [(target, node.value)]
    if isinstance(target, ast.Tuple):
        values = node.value.elts if isinstance(node.value, ast.Tuple) else [None] * len(target.elts)
        pairs = list(zip(target.elts, values))
    for name, value in pairs:
        if isinstance(name, ast.Name) and name.id in public:
            options = (":no-contents-entry:", *((f":value: {plain(value)}",) if value is not None else ()))
            lines += directive("data", name.id, [comments.get(node.end_lineno, "")], options)
    return lines


def exported(tree: ast.Module) -> set[str]:
    "What `__all__` names."
    for node in tree.body:
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "__all__":
            return set(ast.literal_eval(node.value))
    return set()


def names_of(package: Path) -> dict[str, str]:
    "Names that one module alone exports, and that are no ordinary words, with the module's."
    found = {}
    for path in package.glob("*.py"):
        for name in exported(ast.parse(path.read_text(encoding="utf-8"))):
            found.setdefault(name, []).append(f"restorecolor.{path.stem}")
    telling = [name for name, modules in found.items() if len(modules) == 1 and ("_" in name or name[0].isupper())]
    return {name: found[name][0] for name in telling}


def module_page(path: Path) -> str:
    "A module's page, in MyST's Markdown."
    text = path.read_text(encoding="utf-8")
    tree, comments = ast.parse(text), comments_of(text)
    notebook = re.search(r"File to edit: \.\./nbs/(\S+\.ipynb)", text)[1]
    public = exported(tree)
    name = f"restorecolor.{path.stem}"
    lines = [f"# {path.stem}", "", f"{FENCE}{{py:module}} {name}", FENCE, "", first_line(tree), "",
             f"Explained, made and tested in [{Path(notebook).stem}](../{notebook}).", ""]
    values, classes = [], {n.name: n for n in tree.body if isinstance(n, ast.ClassDef)}
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and node.name in public:
            lines += function(node, comments)
        elif isinstance(node, ast.ClassDef) and node.name in public:
            lines += a_class(node, comments, classes)
        elif isinstance(node, ast.Assign):
            values += constants(node, public, comments)
        elif isinstance(node, ast.AnnAssign) and node.target.id in public:
            values += attribute(node, comments, "data")
    if values:
        lines += ["## Values", "", *values]
    return "\n".join(lines) + "\n"


def write_reference(package: Path, folder: Path):
    "A page for each exported module, in the order of the notebooks, and one that lists them."
    folder.mkdir(parents=True, exist_ok=True)
    modules = {}
    for path in sorted(package.glob("*.py")):
        text = path.read_text(encoding="utf-8")
        notebook = re.search(r"File to edit: \.\./nbs/(\S+\.ipynb)", text)
        if notebook:
            modules[path.stem] = (notebook[1], first_line(ast.parse(text)))
            (folder / path.name).with_suffix(".md").write_text(module_page(path), encoding="utf-8")
    order = sorted(modules, key=lambda name: modules[name][0])
    lines = ["# Reference", "",
             "What each module offers, in the order of the notebooks. {ref}`genindex` lists all names.", ""]
    for name in order:
        lines += [f"[{name}]({name}.md)", f": {modules[name][1]}", ""]
    lines += ["```{toctree}", ":hidden:", ":maxdepth: 1", "", *order, "```", ""]
    (folder / "index.md").write_text("\n".join(lines), encoding="utf-8")
