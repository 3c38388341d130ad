"""The book: its links, and how it reads in a browser that reaches no other host.

.ci/book.py [BOOK [FOLDER]]: a book that is there already instead of building one; screenshots go to FOLDER."""
import functools
import http.server
import json
import re
import subprocess
import sys
import tempfile
import threading
import time
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

from chromium import launch
from playwright.sync_api import expect, sync_playwright

root = Path(__file__).resolve().parent.parent
nbs = root / "nbs"
READ = ["README.md", "README.ko.md", "CONTRIBUTING.md", "CHANGELOG.md", "restorecolor/weights/RIGHTS.md"]


# ---- the links of the notebooks, before any book is made

def prose(path: Path) -> list[str]:
    "The Markdown of a file, cell by cell, without code."
    text = path.read_text(encoding="utf-8")
    cells = [text]
    if path.suffix == ".ipynb":
        cells = ["".join(c["source"]) for c in json.loads(text)["cells"] if c["cell_type"] == "markdown"]
    return [re.sub(r"^```.*?^```", "", cell, flags=re.M | re.S) for cell in cells]


def links(text: str) -> list[str]:
    found = re.findall(r"\]\(([^)\s]+)\)", text) + re.findall(r"""(?:href|src)=["']([^"']+)""", text)
    return [link for link in found if not re.match(r"[a-z]+:", link)]


def anchors(path: Path) -> set[str]:
    "What headings can be linked to, named as GitHub names them; Jupyter keeps capitals."
    titles = re.findall(r"^#+ +(.+)$", "\n".join(prose(path)), re.M)
    return {re.sub(r"[^\w\- ]", "", title.strip().lower()).replace(" ", "-") for title in titles}


def check_sources() -> list[str]:
    "Dead links; notebooks that nothing leads to; notebooks that do not lead on and back."
    notebooks = [p for p in sorted(nbs.rglob("*.ipynb")) if ".ipynb_checkpoints" not in p.parts]
    problems, reached = [], {nbs / "index.ipynb"}
    for path in [*notebooks, *(root / name for name in READ if (root / name).is_file())]:
        name = path.relative_to(root).as_posix()
        for link in links("\n".join(prose(path))):
            target, _, anchor = link.partition("#")
            file = (path.parent / unquote(target)).resolve() if target else path
            if not file.exists():
                problems.append(f"{name} links to {link}, which is not there")
            elif anchor and file.suffix in (".md", ".ipynb") and unquote(anchor).lower() not in anchors(file):
                problems.append(f"{name} links to {link}; there is no such heading")
            elif file != path and path.suffix == ".ipynb":
                reached.add(file)
    problems += [f"nothing leads to {p.relative_to(root).as_posix()}" for p in notebooks if p not in reached]
    chain = [p for p in notebooks if re.match(r"\d\d_", p.name)] + [nbs / "model_card.ipynb"]
    for before, after in zip(chain, chain[1:]):
        if not re.search(rf"\*\*Next:\*\* \[[^]]+\]\({after.name}\)", prose(before)[-1]):
            problems.append(f"{before.name} does not end with its next, {after.name}")
        if not any(re.search(rf"before this: \[[^]]+\]\({before.name}\)", cell) for cell in prose(after)[:3]):
            problems.append(f"{after.name} does not begin with what is before it, {before.name}")
    for path in [*chain, *(nbs / "studies").glob("*.ipynb")]:
        if not any((path.parent / link).resolve() == nbs / "index.ipynb" for link in links("\n".join(prose(path)))):
            problems.append(f"{path.relative_to(root).as_posix()} does not lead back to the book")
    return problems


# ---- the pages, as files

LOADED = {"script", "img", "iframe", "source", "video", "audio", "embed"}
LINKED = {"stylesheet", "icon", "shortcut", "preload", "prefetch", "preconnect", "dns-prefetch", "manifest"}

NEIGHBOURS = {"left-prev": "before", "right-next": "next"}  # the theme's classes


class Page(HTMLParser):
    "A page's links, what it loads, and what can be linked to in it."

    def __init__(self, text: str):
        super().__init__()
        self.links, self.loads, self.names, self.neighbours = [], [], {"", "top"}, set()
        self.feed(text)

    def handle_starttag(self, tag, pairs):
        said = {name: value or "" for name, value in pairs}
        self.names |= {said[key] for key in ("id", "name") if key in said}
        if tag == "a" and "href" in said:
            self.links.append(said["href"])
            classes = said.get("class", "").split()
            self.neighbours |= {NEIGHBOURS[name] for name in classes if name in NEIGHBOURS}
        if tag == "link" and LINKED & set(said.get("rel", "").split()):
            self.loads.append(said["href"])
        elif tag == "link" and "href" in said:
            self.links.append(said["href"])
        if tag in LOADED and "src" in said:
            self.loads.append(said["src"])


def check_pages(book: Path) -> list[str]:
    "Dead links in the book, and what pages and styles load from elsewhere."
    problems = []
    pages = {path: Page(path.read_text(encoding="utf-8")) for path in sorted(book.rglob("*.html"))
             if "_static" not in path.parts}
    for path, page in pages.items():
        name = path.relative_to(book).as_posix()
        for link in page.links + page.loads:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                if link in page.loads and parts.scheme != "data":
                    problems.append(f"{name} loads {link} from another host")
                continue
            file = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            if not file.is_file():
                problems.append(f"{name} links to {link}, which is not there")
            elif file in pages and unquote(parts.fragment) not in pages[file].names:
                problems.append(f"{name} links to {link}; there is no such place")
        lonely = {"before", "next"} - page.neighbours
        if re.match(r"(\d\d_|model_card|runs/|studies/|reference/)", name) and lonely:
            problems.append(f"{name} has no link to the page {' and '.join(sorted(lonely))}")
    for path in sorted(book.rglob("*.css")):
        found = re.findall(r"""(?:url\(|@import )\s*["']?((?:https?:)?//[^"')\s]+)""", path.read_text(encoding="utf-8"))
        problems += [f"{path.relative_to(book).as_posix()} loads {link}" for link in found]
    for path in nbs.rglob("*.ipynb"):
        if ".ipynb_checkpoints" not in path.parts and book / path.relative_to(nbs).with_suffix(".html") not in pages:
            problems.append(f"{path.relative_to(nbs).as_posix()} is not in the book")
    return problems


# ---- the pages, in a browser

WALK = ["index.html", "index.ko.html", "components.html", "03_masks.html", "05_metrics.html", "10_models.html",
        "16_restoring.html", "20_app.html", "22_command.html", "model_card.html", "runs/train.html",
        "studies/ablation.html", "studies/faults.html", "reference/masks.html", "reference/restoring.html",
        "_modules/restorecolor/masks.html", "about/contributing.html"]
SCREEN, PHONE = {"width": 1366, "height": 900}, {"width": 390, "height": 844}
DEAD = "[...document.images].filter((i) => i.complete && !i.naturalWidth).map((i) => i.src)"
PAPER = "getComputedStyle(document.body).backgroundColor"
FAINT = """() => {  // words that are hard to tell from what is behind them
  const parse = (c) => { const v = c.match(/[\\d.]+/g).map(Number); return v.length < 4 ? [...v, 1] : v; };
  const linear = (x) => x <= .03928 * 255 ? x / 255 / 12.92 : ((x / 255 + .055) / 1.055) ** 2.4;
  const light = ([r, g, b]) => .2126 * linear(r) + .7152 * linear(g) + .0722 * linear(b);
  const behind = (e) => { for (; e; e = e.parentElement) { const c = parse(getComputedStyle(e).backgroundColor);
    if (c[3] > .5) return c; } return [255, 255, 255, 1]; };
  const found = {};
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const text = walker.currentNode.textContent.trim(), e = walker.currentNode.parentElement;
    if (!text || e.closest('script, style, noscript, annotation')) continue;
    if (!e.checkVisibility({visibilityProperty: true})) continue;
    const words = parse(getComputedStyle(e).color), paper = behind(e);
    const [a, b] = [light(words), light(paper)].sort((x, y) => y - x), ratio = (a + .05) / (b + .05);
    const key = [words, paper].join(' ');
    if (ratio < 3 && !(key in found)) found[key] = `${ratio.toFixed(1)} ${text.slice(0, 40)}`;
  }
  return Object.entries(found).map(([k, v]) => `${v} (${k})`);
}"""


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


def walk(book: Path, shots: Path | None = None) -> list[str]:
    "Pages in light and dark, on a screen and on a phone; the search, from a server and from the disk."
    expect.set_options(timeout=40_000)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(book)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address, problems = f"http://127.0.0.1:{server.server_port}/", []
    with sync_playwright() as playwright:
        browser = launch(playwright)

        def picture(page, name):
            if shots:
                page.screenshot(path=str(shots / f"{name.replace('/', '_')}.png"))

        def window(**options):
            context = browser.new_context(**options)
            page = context.new_page()
            page.set_default_timeout(40_000)

            def check(route):
                if route.request.url.startswith((address, "data:", "file:")):
                    return route.continue_()
                problems.append(f"{page.url} asks for {route.request.url}")
                route.abort()

            def failed(error):
                if not (page.url.startswith("file:") and "Failed to fetch" in str(error)):  # no excerpts there
                    problems.append(f"{page.url}: {error}")

            context.route("**/*", check)
            page.on("pageerror", failed)
            page.on("response", lambda r: r.status >= 400 and problems.append(f"{page.url}: {r.status} for {r.url}"))
            return page

        page = window(viewport=SCREEN)
        for name in WALK:
            page.goto(address + name)
            page.add_style_tag(content="* { transition: none !important; }")
            for scheme in ("light", "dark"):
                page.emulate_media(color_scheme=scheme)
                expect(page.locator(f"html[data-theme={scheme}]")).to_be_attached()
                problems += [f"{name} in {scheme}: contrast {faint}" for faint in page.evaluate(FAINT)]
                light = max(map(int, re.findall(r"\d+", page.evaluate(PAPER))[:3]))
                if (light < 60) != (scheme == "dark"):
                    problems.append(f"{name} in {scheme} has paper as light as {light}")
                picture(page, f"{name}_{scheme}")
            problems += [f"{name} has a dead picture: {source}" for source in page.evaluate(DEAD)]
            page.set_viewport_size(PHONE)
            wide = page.evaluate("document.documentElement.scrollWidth")
            if wide > PHONE["width"]:
                problems.append(f"{name} is {wide} px wide on a phone of {PHONE['width']}")
            picture(page, f"{name}_phone")
            page.set_viewport_size(SCREEN)
        for start in (address, book.as_uri() + "/"):
            page = window(viewport=SCREEN)
            page.goto(start + "search.html?q=find_damage")
            hit = page.locator("#search-results a[href*='masks.html#restorecolor.masks.find_damage']").first
            expect(hit).to_be_visible()
            picture(page, "search")
            hit.click()
            expect(page.locator("[id='restorecolor.masks.find_damage']")).to_be_in_viewport()
        browser.close()
    server.shutdown()
    return problems


if __name__ == "__main__":
    began, problems = time.monotonic(), check_sources()
    with tempfile.TemporaryDirectory() as folder:
        book = Path(sys.argv[1]).resolve() if len(sys.argv) > 1 else Path(folder) / "book"
        shots = Path(sys.argv[2]) if len(sys.argv) > 2 else None
        if shots:
            shots.mkdir(parents=True, exist_ok=True)
        if len(sys.argv) < 2:
            subprocess.run([sys.executable, str(root / ".ci/book/make.py"), str(book)], check=True)
            print(f"built in {time.monotonic() - began:.0f} s", flush=True)
        problems += check_pages(book)
        problems += walk(book, shots)
    print(*problems, f"{len(problems)} problems, {time.monotonic() - began:.0f} s", sep="\n")
    sys.exit(bool(problems))
