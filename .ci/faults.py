"""Damaged files, kills and full disks, by the hundred and with a fixed seed: for .ci/run (a part) and
nbs/studies/faults.ipynb (all)."""
import contextlib
import io
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import zipfile
from collections import Counter
from pathlib import Path

import numpy as np
from PIL import Image
from PIL.PngImagePlugin import PngInfo

# ---- files that are spoilt

def spoil(data: bytes, rng: random.Random) -> bytes:
    "A file with some of its bytes changed, lost, doubled or put elsewhere."
    data, length = bytearray(data), len(data)
    for _ in range(rng.choice((1, 1, 2, 5))):
        at, count = rng.randrange(max(1, min(length, rng.choice((64, 1024, length))))), rng.choice((1, 2, 4, 16, 300))
        kind = rng.randrange(7)
        if kind == 0:
            data[at : at + 1] = bytes([rng.randrange(256)])
        elif kind == 1:
            data[at : at + 4] = rng.choice((b"\xff" * 4, b"\x00" * 4, b"\x7f\xff\xff\xff", b"\x80\x00\x00\x00"))
        elif kind == 2:
            del data[rng.randrange(length) :]
        elif kind == 3:
            del data[at : at + count]
        elif kind == 4:
            data[at:at] = bytes(rng.randrange(256) for _ in range(count))
        elif kind == 5:
            data[at:at] = data[at : at + count]
        else:
            data[at : at + count] = bytes(len(data[at : at + count]))
    return bytes(data)


def sound_photos() -> dict[str, bytes]:
    "{name with its ending: bytes}: every format and mode that is read, with what cameras and scanners write beside it."
    from restorecolor.photos import FORMATS, luma, sample_photos

    rgb = np.ascontiguousarray(sample_photos()["cat"][:120, :160])
    image, gray = Image.fromarray(rgb), Image.fromarray(luma(rgb))
    exif = Image.Exif()
    exif[0x010F], exif[0x0112] = "Camera", 6
    text = PngInfo()
    text.add_text("Comment", "a long comment " * 500, zip=True)
    about = dict(exif=exif, dpi=(300, 300))
    wanted = {
        "a.jpg": (image, "JPEG", dict(quality=80, **about)), "gray.jpg": (gray, "JPEG", {}),
        "cmyk.jpg": (image.convert("CMYK"), "JPEG", {}),
        "progressive.jfif": (image, "JPEG", dict(progressive=True)),
        "a.png": (image, "PNG", dict(pnginfo=text, **about)),
        "palette.png": (image.quantize(32), "PNG", dict(transparency=3)),
        "alpha.png": (image.convert("RGBA"), "PNG", {}),
        "gray_alpha.png": (gray.convert("LA"), "PNG", {}), "bit.png": (gray.convert("1"), "PNG", {}),
        "16bit.png": (Image.fromarray(luma(rgb).astype(np.uint16) * 257), "PNG", {}), "a.webp": (image, "WEBP", about),
        "a.bmp": (image, "BMP", {}), "a.tif": (image, "TIFF", about),
        "lzw.tif": (gray, "TIFF", dict(compression="tiff_lzw")),
        "float.tif": (Image.fromarray(luma(rgb).astype(np.float32)), "TIFF", {}),
        "jpeg.tif": (image, "TIFF", dict(compression="jpeg")),
        "pages.tif": (image, "TIFF", dict(save_all=True, append_images=[gray.convert("RGB")])),
        "a.gif": (image.quantize(64), "GIF", {}), "a.ppm": (image, "PPM", {}), "a.jp2": (image, "JPEG2000", {}),
        "a.avif": (image, "AVIF", {}),
    }
    files = {}
    for name, (picture, kind, options) in wanted.items():
        if kind in FORMATS:
            buffer = io.BytesIO()
            picture.save(buffer, kind, **options)
            files[name] = buffer.getvalue()
    return files


class Hung(Exception):
    "A file took too long."


def _alarm(*_):
    raise Hung


@contextlib.contextmanager
def overheard():
    "What libraries write past Python, to the error output itself: a list that gets it in the end."
    words, kept = [], os.dup(2)
    with tempfile.TemporaryFile() as file:
        os.dup2(file.fileno(), 2)
        try:
            yield words
        finally:
            os.dup2(kept, 2)
            os.close(kept)
            file.seek(0)
            words += file.read().decode(errors="replace").splitlines()


def outcomes(cases, attempt, expected) -> Counter:
    "What became of each case: `read`, `refused` by an expected error, or the name of one that would be a traceback."
    with overheard() as words:
        counts = _outcomes(cases, attempt, expected)
    return counts + Counter({f"said past us: {words[0]}": len(words)} if words else {})


def _outcomes(cases, attempt, expected) -> Counter:
    counts = Counter()
    signal.signal(signal.SIGALRM, _alarm)
    for case in cases:
        signal.alarm(30)
        try:
            said = io.StringIO()
            with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
                counts[attempt(case) or "read"] += 1
        except expected as error:
            sentence = str(error) and "\n" not in str(error).strip()[:80]
            counts["refused" if sentence else "refused without a sentence"] += 1
        except Exception as error:
            counts[f"{type(error).__name__}: {str(error)[:60]}"] += 1
        finally:
            signal.alarm(0)
    return counts


def fuzz_photos(count: int, seed: int = 0) -> Counter:
    from restorecolor.photos import PhotoError, pages_of, read_erased, read_gray, read_metadata

    rng, files, folder = random.Random(seed), sound_photos(), Path(tempfile.mkdtemp())
    names = [rng.choice(list(files)) for _ in range(count)]

    def attempt(name):
        path = folder / name
        path.write_bytes(spoil(files[name], rng))
        read_metadata(path)
        gray = read_gray(path)
        assert gray.dtype == np.uint8 and gray.ndim == 2
        read_erased(path)
        for page in pages_of(path):
            read_metadata(page)
            read_gray(page)
    return outcomes(names, attempt, PhotoError)


def fuzz_masks(count: int, seed: int = 0) -> Counter:
    from restorecolor.photos import PhotoError, read_mask, sample_photos

    rng, folder = random.Random(seed), Path(tempfile.mkdtemp())
    rgb = np.ascontiguousarray(sample_photos()["cat"][:120, :160])
    strokes = np.zeros((120, 160), bool)
    strokes[20:90, 30:36] = strokes[60:66, 10:150] = True
    over = lambda ground: np.where(strokes[..., None], np.array([255, 0, 0], np.uint8), ground)
    pictures = [strokes, strokes.astype(np.uint8), strokes * np.uint8(255), over(rgb), over(np.zeros_like(rgb)),
                np.dstack([over(np.zeros_like(rgb)), strokes * np.uint8(255)]),
                np.dstack([rgb, ~strokes * np.uint8(255)]),
                strokes.astype(np.uint16) * 65535]
    files = []
    for picture in pictures:
        buffer = io.BytesIO()
        Image.fromarray(picture).save(buffer, "PNG", compress_level=0)
        files.append(buffer.getvalue())

    def attempt(i):
        (folder / "mask.png").write_bytes(spoil(files[i], rng) if i % 2 else respelt(files[i], rng))
        mask = read_mask(folder / "mask.png", rgb if rng.random() < 0.7 else None)
        assert mask.dtype == bool and mask.any()
    return outcomes([rng.randrange(len(files)) for _ in range(count)], attempt, PhotoError)


def respelt(png: bytes, rng: random.Random) -> bytes:
    "The same picture in another mode or format, with other values."
    image = Image.open(io.BytesIO(png))
    buffer = io.BytesIO()
    mode, kind = rng.choice((("L", "PNG"), ("RGB", "JPEG"), ("P", "PNG"), ("RGBA", "PNG"), ("1", "PNG"), ("I", "TIFF"),
                             ("F", "TIFF"), ("LA", "PNG")))
    with contextlib.suppress(ValueError):
        image = image.convert("RGB").convert(mode) if mode not in ("I", "F") else image.convert("L").convert(mode)
    image.save(buffer, kind)
    return buffer.getvalue()


def fuzz_weights(count: int, seed: int = 0) -> Counter:
    "Files of both makes, small ones that are read where nothing is spoilt."
    from safetensors import safe_open
    from safetensors.torch import load, save

    from restorecolor.filling import FillNet, load_fill, save_fill
    from restorecolor.models import RestorationNet, WeightsError, load_net, save_net

    rng, folder = random.Random(seed), Path(tempfile.mkdtemp())
    sound, readers = {}, {"net": load_net, "fill": load_fill}
    save_net(RestorationNet(weights=None), folder / "net.safetensors", size=64)
    save_fill(FillNet((16, 24), 1), folder / "fill.safetensors")
    for make, read in readers.items():
        path = folder / f"{make}.safetensors"
        read(path)
        with safe_open(path, framework="pt") as file:
            sound[make] = path.read_bytes(), file.metadata()
    values = ["", "null", "[]", "{}", '{"design": 1}', '{"design": "rgb", "encoder": "tu-hf-hub:a/b"}',
              '{"encoder": "tu-local-dir:/"}', '{"design": "chroma", "encoder": []}', '{"widths": []}',
              '{"widths": [16, 24], "depth": 1000000}', '{"widths": [1e9]}',
              "9" * 5000, "[" * 3000, '{"size": -1}', "\x00"]

    def attempt(case):
        make, kind = case
        data, meta = sound[make]
        if kind == "header":
            data = save(load(data), meta | {rng.choice(list(meta)): rng.choice(values)})
        elif kind == "bytes":
            data = spoil(data, rng)
        path = folder / f"{make}.safetensors"
        path.write_bytes(data)
        readers[make](path)
    kinds = ("header", "header", "bytes", "sound")
    cases = [(rng.choice(("fill", "fill", "fill", "net")), rng.choice(kinds)) for _ in range(count)]
    return outcomes(cases, attempt, WeightsError)


def command(*words) -> str:
    "`read` or `refused`, as the exit code says. Whatever escapes is a traceback."
    from restorecolor.command import main

    code = main([str(w) for w in words])
    assert code in (0, 1), f"exit code {code}"
    return "refused" if code else "read"


def small_contest(folder: Path):
    from restorecolor.contest import make_contest
    from restorecolor.photos import sample_photos

    return make_contest(dict(list(sample_photos().items())[:4]), folder / "raw", size=64, test=2, progress=False)


def fuzz_zips(count: int, seed: int = 0) -> Counter:
    rng, folder = random.Random(seed), Path(tempfile.mkdtemp())
    contest = small_contest(folder)
    for method in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        with zipfile.ZipFile(folder / f"{method}.zip", "w", method) as archive:
            for path in map(Path, contest.test.input):
                archive.write(contest.test_original(path.name), path.name)
    whole = [(folder / f"{m}.zip").read_bytes() for m in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)]

    def attempt(i):
        (folder / "x.zip").write_bytes(spoil(whole[i], rng))
        return command("check", folder / "x.zip", "--data", contest.root)
    return outcomes([rng.randrange(2) for _ in range(count)], attempt, ())


def fuzz_tables(count: int, seed: int = 0) -> Counter:
    from restorecolor.contest import ContestError, ContestFolder, pair_problems

    rng, folder = random.Random(seed), Path(tempfile.mkdtemp())
    root = small_contest(folder).root
    whole = {name: (root / name).read_bytes() for name in ("train.csv", "test.csv", "sources.csv")}

    def attempt(name):
        for other, data in whole.items():
            (root / other).write_bytes(data if other != name else spoil(data, rng))
        pair_problems(ContestFolder(root).train)
    return outcomes([rng.choice(list(whole)) for _ in range(count)], attempt, ContestError)


def fuzz_profiles(count: int, seed: int = 0) -> Counter:
    import papermill  # noqa: F401 - the time its import takes is no file's fault

    from restorecolor.workbook import PROFILES, RunError, _checked_values, _stages, project_root, read_profile

    rng, path, root = random.Random(seed), Path(tempfile.mkdtemp()) / "p.yaml", project_root()
    profiles = [p.read_bytes() for p in PROFILES.glob("*.yaml")]
    values = ["1", "-1", "1.5", ".nan", ".inf", "true", "null", "'text'", "[0]", "'[0]'", "[[1]]", "{}", "{l1: x}",
              "{l1: -1}", "2024-13-45", "!!python/name:os.system", "&a [*a]", "1e999", "0x10", "~"]

    def valued(line):
        other = rng.random() < 0.2 and b":" in line
        return line.split(b":")[0] + b": " + rng.choice(values).encode() if other else line

    def attempt(kind):
        text = spoil(rng.choice(profiles), rng)
        if kind:
            text = b"\n".join(map(valued, rng.choice(profiles).splitlines()))
        path.write_bytes(text)
        profile = read_profile(path)
        _checked_values(path, profile, _stages(profile, root), root)
    return outcomes([rng.randrange(2) for _ in range(count)], attempt, RunError)


FUZZ = {"photographs": fuzz_photos, "masks": fuzz_masks, "weights": fuzz_weights, "zips": fuzz_zips,
        "tables": fuzz_tables, "profiles": fuzz_profiles}


def fuzz(counts: dict, seed: int = 0) -> dict[str, Counter]:
    return {kind: FUZZ[kind](count, seed) for kind, count in counts.items()}


# ---- training that is killed

TRAIN = """
import json, os, signal, sys, threading, time, traceback, warnings
from dataclasses import replace as replace_values
import pandas as pd
import torch
import restorecolor.training as t
from restorecolor.recipe import TrainConfig
warnings.simplefilter("ignore")
torch.set_num_threads(1)
config = TrainConfig.from_dict(dict(size=64, batch_size=2, epochs=3, lr=1e-3, workers=0, encoder_weights=None,
                                    accelerator="cpu", precision="32-true"))

def train(folder, table, how, number):  # in a process of its own
    own_trainer, own_write, own_replace, saves = t._trainer, t.Path.write_bytes, os.replace, [0]
    def dies(): os.kill(os.getpid(), signal.SIGKILL)
    class Dies(t.L.Callback):
        def on_train_batch_end(self, trainer, *_):
            if trainer.current_epoch == number: dies()
    told = replace_values(config, lr=1e-12) if how == "epoch" else config  # scores that do not improve
    def trainer(config, folder):
        made = own_trainer(config, folder)
        if how == "epoch": made.callbacks.append(Dies())
        else: next(c for c in made.callbacks if isinstance(c, t.Keeper)).seconds = 0  # a checkpoint after every batch
        return made
    def write_bytes(path, data):
        saves[0] += path.suffix == ".ckpt"
        if how == "half" and saves[0] == number:
            own_write(path, bytes(data)[: len(data) // 2]); dies()
        return own_write(path, data)
    def replace(a, b):
        own_replace(a, b)
        if how == "between" and str(b).endswith("previous.ckpt") and saves[0] >= number: dies()
    def later(): time.sleep(number); dies()
    t._trainer, t.Path.write_bytes, os.replace = trainer, write_bytes, replace
    if how == "time": threading.Thread(target=later, daemon=True).start()
    t.fit_fold(told, pd.read_csv(table), 0, folder)

for line in sys.stdin:
    folder, table, how, number, log = json.loads(line)
    start, child = time.time(), os.fork()
    if not child:
        out = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND); os.dup2(out, 1); os.dup2(out, 2)
        code = 0
        try: train(folder, table, how, number)
        except BaseException: traceback.print_exc(); code = 1
        sys.stdout.flush(); os._exit(code)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    print(json.dumps([code, time.time() - start]), flush=True)
"""


def tiny_table(folder: Path) -> Path:
    import pandas as pd

    contest = small_contest(folder)
    table = pd.DataFrame(dict(path=[*contest.train.original] * 5, fold=[0, 1, 1, 1, 1, 1, 1, 0, 1, 1]))
    table.to_csv(folder / "photos.csv", index=False)
    return folder / "photos.csv"


class Trainings:
    "A process that starts trainings, each in a process of its own that can be killed; libraries are loaded once."

    def __init__(self, table: Path):
        env = dict(os.environ, OMP_NUM_THREADS="1", OMP_WAIT_POLICY="PASSIVE")
        self.table, self.log = table, table.with_name("log.txt")
        line = [sys.executable, "-W", "ignore", "-c", TRAIN]
        self.server = subprocess.Popen(line, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=env)

    def __call__(self, folder: Path, how: str = "never", number: float = 0) -> tuple[int, float]:
        "The exit code (minus the signal), and seconds."
        words = [str(folder), str(self.table), how, number, str(self.log)]
        print(json.dumps(words), file=self.server.stdin, flush=True)
        return tuple(json.loads(self.server.stdout.readline()))


def weights_of(folder: Path) -> dict:
    from restorecolor.models import load_net

    return load_net(folder / "net.safetensors")[0].state_dict()


def differ(a: dict, b: dict) -> float:
    "Largest difference between two networks' weights."
    return max(float((a[k].double() - b[k].double()).abs().max()) for k in a)


def kills(at_random: int, at_checkpoints: int, where: str | None = None, seed: int = 0, each: int = 5) -> dict:
    "Kill trainings; start each again until it is through; compare with the undisturbed one."
    rng, base = random.Random(seed), Path(tempfile.mkdtemp(dir=where))
    train = Trainings(tiny_table(base))
    code, seconds = train(base / "whole")
    assert code == 0, train.log.read_text()[-2000:]
    whole, killed, results = weights_of(base / "whole"), 0, []
    plans = [("time", round(rng.uniform(0.02, 0.5) * seconds, 2)) for _ in range(at_random)]
    plans += [(("half", "between")[i % 2], rng.randrange(1, 4)) for i in range(at_checkpoints)]
    rng.shuffle(plans)
    for first in range(0, len(plans), each):
        folder = base / f"run{first}"
        killed += sum(train(folder, how, number)[0] == -signal.SIGKILL for how, number in plans[first : first + each])
        code, _ = train(folder)
        results.append(differ(whole, weights_of(folder)) if code == 0 else float("inf"))
        assert not list(folder.rglob(".restorecolor-*"))
    train.server.stdin.close()
    train.server.wait()
    tracebacks = train.log.read_text().count("Traceback")
    shutil.rmtree(base)
    return dict(killed=killed, runs=len(results), tracebacks=tracebacks, largest_difference=max(results))


# ---- a disk that is full

@contextlib.contextmanager
def small_disk(kilobytes: int):
    "A folder on a disk of its own, and a function that gives it another size. Needs to be root; else it is `None`."
    folder = tempfile.mkdtemp()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={kilobytes}k", "tmpfs", folder]
    try:
        subprocess.run(mount, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        yield None
        return
    try:
        yield Path(folder), lambda kb: subprocess.run(["mount", "-o", f"remount,size={kb}k", folder], check=True)
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


RUN = "import sys; from restorecolor.command import main; sys.exit(main())"


def full_disk(kilobytes: int, *words) -> dict | None:
    "A command on a disk that fills up; then there is room, and it comes again. OUT in its words is the disk's folder."
    with small_disk(kilobytes) as disk:
        if disk is None:
            return None
        folder, resize = disk
        words = [str(w).replace("OUT", str(folder / "out")) for w in words]
        return dict(stage=words[0]) | _full_then_not(folder, resize, words)


def _full_then_not(folder: Path, resize, words: list[str]) -> dict:
    line = [sys.executable, "-c", RUN, *words]
    first = subprocess.run(line, capture_output=True, text=True)
    half = [p for p in folder.rglob("*.png") if not whole_png(p)]
    resize(4_000_000)
    second = subprocess.run(line, capture_output=True, text=True)
    _, ours, said = first.stderr.rpartition("restorecolor: ")  # it may follow a bar
    said = said.strip() if ours else "nothing"
    tracebacks = sum("Traceback" in s for s in (first.stderr, second.stderr))
    return dict(first=first.returncode, said=said.replace(str(folder), "…")[:200], tracebacks=tracebacks,
                half_pictures=len(half), again=second.returncode)


def full_disk_in_stages(spare: dict[str, int]) -> list[dict] | None:
    "A finished smoke run; then, stage by stage from the last: what it made is removed, and so many kilobytes are left."
    from restorecolor.workbook import LEFT

    with small_disk(4_000_000) as disk:
        if disk is None:
            return None
        (folder, resize), rows = disk, []
        words, out = ["run", "smoke", "--out", str(folder / "out")], folder / "out"
        subprocess.run([sys.executable, "-c", RUN, *words], check=True, capture_output=True)
        for stage, kilobytes in spare.items():
            made = [p for pattern in LEFT[stage] for p in out.glob(pattern)]
            for path in [out / "stages" / f"{stage}.json", out / f"{stage}.ipynb", *made]:
                path.unlink(missing_ok=True)
            if stage == "train":
                shutil.rmtree(out / "train")
            about = os.statvfs(folder)
            resize((about.f_blocks - about.f_bfree) * about.f_frsize // 1024 + kilobytes)
            rows.append(dict(stage=f"run: {stage}") | _full_then_not(folder, resize, words))
        return rows


def whole_png(path: Path) -> bool:
    return path.name.startswith(".restorecolor-") or path.read_bytes()[-8:-4] == b"IEND"


if __name__ == "__main__":  # the part that runs with the tests: under two minutes
    start, bad = time.time(), 0
    wanted = dict(photographs=400, masks=60, weights=60, zips=60, tables=60, profiles=60)
    for kind, counts in fuzz(wanted, seed=int(os.environ.get("SEED", 1))).items():
        print(f"{kind}: {dict(counts)}", flush=True)
        bad += sum(counts.values()) - counts["read"] - counts["refused"]
    result = kills(at_random=2, at_checkpoints=2, each=4)
    print(f"kills: {result}")
    bad += result["tracebacks"] + (result["largest_difference"] > 1e-6) + (result["killed"] < 3)
    print(f"{time.time() - start:.0f} s, {bad} faults")
    sys.exit(bool(bad))
