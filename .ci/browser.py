"""Use the page as people do, in a real browser, with the network cut off to everything but this machine.

.ci/browser.py [FOLDER [TEST ...]]: screenshots go to FOLDER; only the tests that are named."""
import io
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import zipfile
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path

import cv2
import numpy as np
import psutil
from chromium import launch
from PIL import Image
from playwright.sync_api import expect, sync_playwright

from restorecolor.bits import read_deep, write_deep
from restorecolor.command import main
from restorecolor.masks import random_damage
from restorecolor.photos import luma, read_mask, sample_photos, write_png

root = Path(__file__).resolve().parent.parent
work = Path(tempfile.mkdtemp())
shots = Path(sys.argv[1]) if len(sys.argv) > 1 else work / "shots"
shots.mkdir(parents=True, exist_ok=True)
WAIT = 40_000  # ms
expect.set_options(timeout=WAIT)
SERVE = """
import socket, sys
connect = socket.socket.connect
def here(self, address):
    local = ("127.0.0.1", "localhost", "::1")
    assert not isinstance(address, tuple) or address[0] in local, f"a connection to {address}"
    return connect(self, address)
socket.socket.connect = here
from restorecolor.app import launch
launch(port=int(sys.argv[1]), out=sys.argv[2])
"""


def start(port: int, out) -> tuple[subprocess.Popen, str, list]:
    "The page on a port; its process, address and what it has said."
    log = work / f"page-{time.monotonic_ns()}.log"
    interruptible = lambda: signal.signal(signal.SIGINT, signal.default_int_handler)
    with open(log, "w") as file:
        process = subprocess.Popen([sys.executable, "-c", SERVE, str(port), str(out)], stdout=file, text=True,
                                   stderr=subprocess.STDOUT, cwd=work, start_new_session=True, preexec_fn=interruptible)
    for _ in range(1800):
        said = log.read_text()
        address = re.search(r"the page is open at (\S+)", said)
        if address:
            return process, address[1], log
        assert process.poll() is None, said
        time.sleep(0.1)
    raise AssertionError(f"the page did not open within three minutes: {said}")


def stop(process, log: Path) -> str:
    "Ctrl-C; what the page has said."
    os.killpg(process.pid, signal.SIGINT)
    assert process.wait(30) == 0, log.read_text()
    return log.read_text()


@contextmanager
def tab(browser, address, held=False, **options):
    """A page in a window of its own. No request may leave this machine, no script may fail.

    `held`: the first thing that it asks of the server waits until `page.release()`."""
    context = browser.new_context(**({"viewport": {"width": 1280, "height": 900}, "locale": "en-US"} | options))
    elsewhere, failed, waiting = [], [], []

    def check(route):
        if held and not waiting and "/queue/join" in route.request.url:
            return waiting.append(route)
        if re.match(r"(http://(127\.0\.0\.1|localhost)[:/]|data:|blob:)", route.request.url):
            return route.continue_()
        elsewhere.append(route.request.url)
        route.abort()

    context.route("**/*", check)
    page = context.new_page()
    page.set_default_timeout(WAIT)
    page.on("pageerror", lambda error: failed.append(str(error)))
    page.goto(address)
    page.locator("#drop input[type=file]").wait_for(state="attached")
    if held:
        page.release = lambda: waiting[0].continue_()
    else:
        expect(page.locator("#example")).not_to_be_empty()
    yield page
    assert not elsewhere, f"requests to other machines: {elsewhere}"
    assert not failed, f"scripts that failed: {failed}"
    context.close()


def drop(page, *files):
    page.locator("#drop input[type=file]").set_input_files([str(file) for file in files])


def picture(page, name: str, full: bool = False):
    page.wait_for_timeout(400)
    page.screenshot(path=str(shots / f"{name}.jpg"), type="jpeg", quality=60, full_page=full)


def painted(page):
    "Wait until a photograph is in the painter."
    expect(page.locator("#painter .view")).to_be_visible()
    page.wait_for_function("document.querySelector('#painter .share').textContent.length > 0")
    page.wait_for_timeout(300)


def share(page) -> float:
    return float(re.search(r"[\d.]+", page.locator("#painter .share").inner_text())[0])


def taken(page, selector: str = "#take") -> bytes:
    "What a click on a download button brings."
    with page.expect_download() as download:
        page.locator(selector).click()
    return Path(download.value.path()).read_bytes()


def restored(page) -> np.ndarray:
    return np.array(Image.open(io.BytesIO(taken(page))))


def go(page):
    "Press the button, and wait for the result."
    before = shown(page)
    page.locator("#go").click()
    wait_for_new(page, before)


def shown(page) -> str:
    "The address of the result that is shown."
    return page.evaluate("[...document.querySelectorAll('#slider img')].at(-1)?.src || ''")


def wait_for_new(page, before: str):
    "Wait until another result is shown."
    page.wait_for_function(
        "(before) => ([...document.querySelectorAll('#slider img')].at(-1)?.src || before) != before", arg=before)
    expect(page.locator("#take")).to_be_visible()
    page.wait_for_timeout(300)


def command_says(*arguments) -> bytes:
    "The file that `restorecolor restore` writes."
    out = work / f"command-{time.monotonic_ns()}"
    with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
        assert main(["restore", *map(str, arguments), "--out", str(out)]) == 0
    return next(out.glob("*.png")).read_bytes()


gray, hole = random_damage(luma(sample_photos()["coffee"]), np.random.default_rng(5))
write_png(work / "coffee.png", gray)


def test_restore(browser, address):
    "Upload, the damage that was found, a stroke, the slider, the download."
    with tab(browser, address) as page:
        picture(page, "1_open")
        drop(page, work / "coffee.png")
        painted(page)
        assert abs(share(page) - 100 * hole.mean()) < 0.02, "the mask that is shown is not the one that was found"
        expect(page.get_by_text("hole × 1")).to_be_visible()
        picture(page, "2_found")
        go(page)
        page.locator("#slider").scroll_into_view_if_needed()
        first = taken(page)
        assert first == command_says(work / "coffee.png"), "the download is not what restorecolor restore writes"

        view = page.locator("#painter .view")
        view.scroll_into_view_if_needed()
        box = page.locator("#painter .marks").bounding_box()
        at = lambda x, y: (box["x"] + x * box["width"], box["y"] + y * box["height"])
        page.mouse.move(*at(0.6, 0.8)), page.mouse.down(), page.mouse.move(*at(0.8, 0.8), steps=8), page.mouse.up()
        assert share(page) > 100 * hole.mean() + 0.5, "the stroke is not in the mask"
        picture(page, "3_stroke")
        go(page)
        one, two = (np.array(Image.open(io.BytesIO(data))).astype(int) for data in (first, taken(page)))
        changed = np.abs(luma(one.astype(np.uint8)).astype(int) - luma(two.astype(np.uint8))) > 3
        ys, xs = np.nonzero(changed)
        assert len(ys) > 300 and ys.min() > 0.72 * 400 and ys.max() < 0.88 * 400 \
            and xs.min() > 0.55 * 600 and xs.max() < 0.85 * 600, \
            f"the stroke should change what is under it and nothing else; {len(ys)} pixels changed"

        with page.expect_download() as download:
            page.locator("#mask_save").click()
        mask = work / "masks" / "coffee.png"
        mask.parent.mkdir(exist_ok=True)
        shutil.copy(download.value.path(), mask)
        assert read_mask(mask).mean() > hole.mean()
        again = command_says(work / "coffee.png", "--mask", mask)
        assert taken(page) == again, "the saved mask does not give the same result"

        for button in ("eraser", "brush"):
            page.locator(f"#painter [data-tool={button}]").click()
        page.locator("#painter [data-do=found]").click()
        assert abs(share(page) - 100 * hole.mean()) < 0.02
        go(page)
        assert taken(page) == first, "a mask that is as it was found should give what was given for it"


def test_slider_and_wishes(browser, address):
    "The line between before and after moves; a changed choice changes the result."
    with tab(browser, address) as page:
        drop(page, work / "coffee.png")
        painted(page)
        go(page)
        slider = page.locator("#slider")
        slider.scroll_into_view_if_needed()
        box = slider.bounding_box()
        picture(page, "4_slider")
        before = slider.screenshot()
        middle = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        page.mouse.move(*middle), page.mouse.down()
        page.mouse.move(middle[0] + box["width"] / 4, middle[1], steps=5), page.mouse.up()
        assert slider.screenshot() != before, "the slider did not move"
        seen = shown(page)
        page.get_by_label("stays gray").check()
        wait_for_new(page, seen)
        assert taken(page) == command_says(work / "coffee.png", "--gray")
        for choice in ("in colour", "expected: "):
            seen = shown(page)
            page.get_by_label(choice).check()
            wait_for_new(page, seen)
        seen = shown(page)
        page.locator("#saturation input[type=number]").fill("1.5")
        page.locator("#saturation input[type=number]").blur()
        wait_for_new(page, seen)
        assert taken(page) == command_says(work / "coffee.png", "--saturation", "1.5", "--fill", "expected")


def test_refused_and_many(browser, address):
    "An odd file is refused in a sentence, others go on; many go home in one zip; a page that is loaded again has them."
    (work / "odd.jpg").write_bytes(b"this is no photograph")
    small = gray[150:350, :300]
    for name in ("one", "two"):
        write_png(work / f"{name}.png", small)
    with tab(browser, address, color_scheme="dark") as page:
        drop(page, work / "odd.jpg")
        expect(page.locator("#messages .refused")).to_contain_text("not an image, it begins with")
        expect(page.locator("#painter .view")).to_be_hidden()
        picture(page, "5_refused")
        drop(page, work / "one.png", work / "two.png")
        painted(page)
        expect(page.locator("#go")).to_have_text("Restore all 2")
        page.locator("#go").click()
        expect(page.locator("#take")).to_contain_text("Download all 2 (zip)")
        expect(page.locator("#results img")).to_have_count(2)
        with zipfile.ZipFile(io.BytesIO(taken(page))) as packed:
            assert packed.namelist() == ["one.png", "two.png"]
            assert packed.read("two.png") == command_says(work / "two.png")
        paper = page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert max(map(int, re.findall(r"\d+", paper)[:3])) < 60, f"dark mode has a background of {paper}"
        page.locator("#results").scroll_into_view_if_needed()
        picture(page, "6_many_dark")
        page.reload()
        expect(page.locator("#results img")).to_have_count(2)
        expect(page.locator("#take")).to_contain_text("Download all 2 (zip)")
        page.locator("#results button").nth(1).click()
        page.wait_for_function("document.querySelector('#which input').value.includes('two.png')")


def test_keyboard(browser, address):
    "Everything with the keyboard: choosing, painting, restoring, the slider, the download."
    with tab(browser, address) as page:
        key = page.keyboard.press

        def reach(selector, limit=60):
            passed = []
            for _ in range(limit):
                if page.evaluate("(query) => !!document.activeElement.closest(query)", selector):
                    return
                passed.append(page.evaluate("document.activeElement.outerHTML.slice(0, 60)"))
                key("Tab")
            raise AssertionError(f"{selector} cannot be reached with the Tab key, only {passed}")

        chosen = []
        page.on("filechooser", lambda chooser: chosen.append(chooser))
        reach("#drop")
        key("Enter")
        for _ in range(100):
            if chosen:
                break
            page.wait_for_timeout(100)
        assert chosen, "Enter does not let one choose a file"
        chosen[0].set_files(str(work / "coffee.png"))
        painted(page)
        reach("#painter .view")
        page.keyboard.down(" ")
        for _ in range(8):
            key("ArrowRight")
        page.keyboard.up(" ")
        assert share(page) > 100 * hole.mean() + 0.2, "the keys painted nothing"
        key("Control+z")
        assert abs(share(page) - 100 * hole.mean()) < 0.02, "Ctrl-Z took nothing back"
        reach("#go")
        picture(page, "keyboard_go")
        key("Enter")
        expect(page.locator("#take")).to_be_visible()
        reach("#slider")
        for _ in range(4):
            key("ArrowLeft")
        assert page.locator("#slider").get_attribute("aria-valuenow") == "30"
        picture(page, "7_keyboard")
        key("Shift+Tab")
        reach("#take")
        with page.expect_download() as download:
            key("Enter")
        assert Path(download.value.path()).read_bytes() == command_says(work / "coffee.png")


def test_phone_in_korean(browser, address):
    "A phone: one column, nothing beyond the edge, a finger paints; in Korean."
    phone = {"viewport": {"width": 390, "height": 844}, "device_scale_factor": 2, "has_touch": True, "is_mobile": True}
    with tab(browser, address, locale="ko-KR", **phone) as page:
        expect(page.get_by_role("heading", name="사진 복원")).to_be_visible()
        drop(page, work / "coffee.png")
        painted(page)
        page.locator("#painter [data-tool=brush]").tap()
        page.locator("#painter .view").scroll_into_view_if_needed()
        box = page.locator("#painter .marks").bounding_box()
        page.touchscreen.tap(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        page.wait_for_timeout(200)
        assert share(page) > 100 * hole.mean() + 0.05, "the finger painted nothing"
        picture(page, "8_phone_korean")
        page.locator("#go").tap()
        expect(page.locator("#take")).to_be_visible()
        page.wait_for_timeout(1000)
        wide, room = page.evaluate("[document.documentElement.scrollWidth, window.innerWidth]")
        assert wide <= room, f"the page is {wide} px wide on a screen of {room}"
        outside = page.evaluate("""[...document.querySelectorAll('button, input, img, label')]
          .filter((e) => e.offsetHeight && getComputedStyle(e).position !== 'absolute')
          .filter((e) => e.getBoundingClientRect().right > innerWidth + 1 && !e.closest('.stage, #slider'))
          .map((e) => e.outerHTML.slice(0, 80))""")
        assert not outside, f"beyond the edge of a phone: {outside}"
        expect(page.locator("#go")).to_have_text("복원하기")
        picture(page, "9_phone_result")


def test_closed_tab(browser, address):
    "A tab that is closed in the middle of its work is in nobody's way."
    with tab(browser, address) as page:
        drop(page, work / "one.png", work / "two.png", work / "coffee.png")
        painted(page)
        page.locator("#go").click()
        page.wait_for_timeout(300)
    with tab(browser, address) as page:
        page.locator("#example").click()
        painted(page)
        go(page)
        assert restored(page).shape == (*gray.shape, 3)


def scratched() -> np.ndarray:
    "A portrait with scratches down the print, light and dark."
    print_ = luma(sample_photos()["astronaut"]).copy()
    for number, (x, width) in enumerate([(120, 2), (260, 2), (300, 3), (420, 2)]):
        ys = np.arange(0, len(print_), 8)
        points = np.stack([x + (8 * np.sin(ys / 60 + number)).astype(int), ys], axis=1).astype(np.int32)
        cv2.polylines(print_, [points], False, (20, 245)[number % 2], width, cv2.LINE_AA)
    return print_


def test_scratches(browser, address):
    "What the network found is corrected: a scratch that is erased stays in the picture, the others go."
    worn = scratched()
    write_png(work / "worn.png", worn)
    with tab(browser, address) as page:
        drop(page, work / "worn.png")
        painted(page)
        expect(page.get_by_text("scratch × ")).to_be_visible()
        found = share(page)
        assert found > 0.5, f"only {found} % were found"
        picture(page, "10_scratches")
        page.locator("#painter [data-tool=eraser]").click()
        page.locator("#painter [data-do=size]").fill("60")
        page.locator("#painter .view").scroll_into_view_if_needed()
        box = page.locator("#painter .marks").bounding_box()
        at = lambda x, y: (box["x"] + x * box["width"] / 512, box["y"] + y * box["height"] / 512)
        page.mouse.move(*at(120, 150)), page.mouse.down(), page.mouse.move(*at(120, 300), steps=12), page.mouse.up()
        assert share(page) < found, "the eraser erased nothing"
        go(page)
        result = luma(restored(page))
        kept = result[160:290, 105:136] == worn[160:290, 105:136]
        assert kept.all(), f"{np.mean(~kept):.1%} of what was erased from the mask changed"
        assert (result[160:290, 405:436] != worn[160:290, 405:436]).any(), "the other scratches should be filled"
        with page.expect_download() as download:
            page.locator("#mask_save").click()
        (work / "erased").mkdir()
        shutil.copy(download.value.path(), work / "erased" / "worn.png")
        assert taken(page) == command_says(work / "worn.png", "--mask", work / "erased")


def test_two_people(browser, address):
    "Two people at the same time: each gets the result of their own photograph."
    write_png(work / "first.png", gray[:, :300])
    write_png(work / "second.png", gray[:, 300:])
    with tab(browser, address) as one, tab(browser, address) as two:
        people = {"first.png": one, "second.png": two}
        for name, page in people.items():
            drop(page, work / name)
        for page in people.values():
            painted(page)
        for page in people.values():
            page.locator("#go").click()
        for name, page in people.items():
            expect(page.locator("#take")).to_be_visible()
            assert taken(page) == command_says(work / name), f"{name} came out otherwise"


def test_tab_without_a_name(browser, address):
    "Photographs that are dropped before the page has told its name lie on no other person's desk."
    write_png(work / "early.png", gray[150:350, :300])
    with tab(browser, address, held=True) as one, tab(browser, address, held=True) as two:
        drop(one, work / "early.png")
        painted(one)
        drop(two, work / "coffee.png")
        painted(two)
        one.release(), two.release()
        for page in (one, two):
            page.locator("#go").click()
            expect(page.locator("#take")).to_be_visible()
        assert taken(one) == command_says(work / "early.png")
        assert taken(two) == command_says(work / "coffee.png")


def test_stop(browser, address):
    "Stop, in the middle of many: what is finished can be taken home, and the page works on."
    many = [work / f"wide{number}.png" for number in range(5)]
    for number, file in enumerate(many):
        write_png(file, np.roll(gray, 40 * number, axis=1))
    with tab(browser, address) as page:
        drop(page, *many)
        painted(page)
        page.locator("#go").click()
        expect(page.locator("#results img").first).to_be_visible()
        page.locator("#stop").click()
        expect(page.locator("#take")).to_contain_text("Download all")
        expect(page.locator("#stop")).to_be_hidden()
        with zipfile.ZipFile(io.BytesIO(taken(page))) as packed:
            names = packed.namelist()
            assert 1 <= len(names) < 5, names
            assert packed.read(names[0]) == command_says(many[0])
        page.locator("#go").click()
        expect(page.locator("#take")).to_contain_text("Download all 5 (zip)")


def test_two_hundred(browser, address):
    "Two hundred photographs at once, one of them with 16 bits: all come home, in memory that does not grow with them."
    many = [work / "many" / f"{number:03d}.png" for number in range(200)]
    for number, file in enumerate(many):
        write_png(file, np.roll(gray, 3 * number, axis=1)[100:164, 200:264])
    write_deep(many[7], np.stack([gray[100:164, 200:264].astype(np.uint16) * 256 + 77] * 3, axis=-1))
    with tab(browser, address) as page:
        drop(page, *many)
        painted(page)
        before = memory()
        page.locator("#go").click()
        expect(page.locator("#take")).to_contain_text("Download all 200 (zip)", timeout=300_000)
        more = memory() - before
        assert more < 250, f"the page took {more:.0f} MB more"
        with zipfile.ZipFile(io.BytesIO(taken(page))) as packed:
            assert packed.namelist() == [file.name for file in many]
            assert packed.read("199.png") == command_says(many[199])
            (work / "deep.png").write_bytes(packed.read("007.png"))
        assert read_deep(work / "deep.png") is not None, "16 bits became 8"
        assert (work / "deep.png").read_bytes() == command_says(many[7])


def memory() -> float:
    "What the pages that run here hold, in MB."
    pages = [p for p in psutil.Process().children(recursive=True) if "restorecolor.app" in " ".join(p.cmdline())]
    return sum(p.memory_info().rss for p in pages) / 2**20


def test_doors(browser, address):
    "No file of this machine is handed out, or taken for one that was uploaded."
    import urllib.error
    import urllib.request

    secret = work / "secret.txt"
    secret.write_text("a secret")
    for path in (secret, "/etc/hostname", root / "settings.ini", "../../settings.ini"):
        try:
            said = urllib.request.urlopen(f"{address}gradio_api/file={path}").read()
        except urllib.error.HTTPError as error:
            said = error.code
        assert said in (403, 404), f"{path} was handed out: {said}"


ONLY = sys.argv[2:]
TESTS = [
    test_restore, test_slider_and_wishes, test_refused_and_many, test_keyboard, test_phone_in_korean, test_closed_tab,
    test_scratches, test_two_people, test_tab_without_a_name, test_stop, test_two_hundred, test_doors]


def folders() -> set:
    return {path for path in Path(tempfile.gettempdir()).glob("restorecolor-page-*")}


if __name__ == "__main__":
    began, before = time.monotonic(), folders()
    process, address, log = start(7860, work / "kept")
    try:
        with sync_playwright() as playwright:
            browser = launch(playwright)
            for test in [t for t in TESTS if not ONLY or t.__name__ in ONLY]:
                since = time.monotonic()
                test(browser, address)
                print(f"{test.__doc__} ({time.monotonic() - since:.0f} s)", flush=True)
            browser.close()
        other, there, second = start(int(address.rstrip("/").rsplit(":", 1)[1]), work / "kept")
        assert there != address and "is in use; the next free one is" in stop(other, second)
    except BaseException:
        print(log.read_text(), flush=True)
        raise
    finally:
        said = stop(process, log)
    assert "Traceback" not in said, said
    assert not folders() - before, f"left behind: {folders() - before}"
    kept = sorted(path.name for path in (work / "kept").iterdir())
    coffees = [name for name in kept if name.startswith("coffee")]
    assert ONLY or {"coffee.png", "coffee (2).png", "coffee (10).png"} <= set(coffees), coffees
    shutil.rmtree(work)
    print(f"the page, in a browser: {time.monotonic() - began:.0f} s")
