"""What the page of ``sklearn-spx view`` costs of a large photograph, and its picture for the site.

    python benchmarks/view.py                          # shares of what people wait for, peak memory
    python benchmarks/view.py --picture doc/images/view.png

Both need the extra ``browser``, chromium and chromedriver. Seconds depend on the machine, so they
are printed as ratios to what SLIC alone takes of the photograph at a third of its size.
"""

import argparse
import shutil
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
from PIL import Image
from skimage import data

from sklearn_spx.kernels import slic
from sklearn_spx.view import PageServer

FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--window-size=1280,820",
)


class Page:
    """The page in headless Chromium."""

    def __init__(self, folder, out=None):
        from selenium import webdriver
        from selenium.webdriver.chrome.service import Service

        self.server = PageServer([folder], out)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.profile = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        options = webdriver.ChromeOptions()
        for flag in (*FLAGS, f"--user-data-dir={self.profile.name}"):
            options.add_argument(flag)
        options.binary_location = shutil.which("chromium")
        self.driver = webdriver.Chrome(
            options=options, service=Service(shutil.which("chromedriver"))
        )

    def __enter__(self):
        self.driver.get(self.server.address)
        self.wait("document.body.dataset.ready")
        return self

    def __exit__(self, *error):
        self.driver.quit()
        self.server.shutdown()
        self.server.close()
        self.profile.cleanup()

    def run(self, script):
        return self.driver.execute_script(script)

    def wait(self, condition, seconds=600):
        """Wait for an expression of JavaScript; return how long that took."""
        begin = time.perf_counter()
        while not self.run(f"return Boolean({condition})"):
            if time.perf_counter() - begin > seconds:
                raise TimeoutError(condition)
            time.sleep(0.02)
        return time.perf_counter() - begin

    def click(self, name, words):
        """Click, and wait for what is said; return how long that took."""
        self.run(f"document.getElementById('status').textContent = ''; {_by(name)}.click()")
        said = f"({_by('status')}.textContent + {_by('error')}.textContent)"
        return self.wait(f"{said}.includes('{words}')")


def _by(name):
    return f"document.getElementById('{name}')"


def draw(page, *points):
    """Draw a line, in shares of the canvas."""
    from selenium.webdriver.common.action_chains import ActionChains
    from selenium.webdriver.common.by import By

    canvas = page.driver.find_element(By.ID, "canvas")
    width, height = canvas.rect["width"], canvas.rect["height"]
    places = [(round((x - 0.5) * width), round((y - 0.5) * height)) for x, y in points]
    actions = ActionChains(page.driver, duration=20)
    actions.move_to_element_with_offset(canvas, *places[0]).click_and_hold()
    for place in places[1:]:
        actions.move_to_element_with_offset(canvas, *place)
    page.run("document.getElementById('status').textContent = ''")
    actions.release().perform()


def picture(path):
    """Segment, label two classes, train, and take the picture."""
    with tempfile.TemporaryDirectory() as folder:
        for name in ("coffee", "coins", "cell"):
            Image.fromarray(getattr(data, name)()).save(Path(folder, f"{name}.png"))
        with Page(folder) as page:
            page.run(
                "[...document.querySelectorAll('#images button')]"
                ".find((button) => button.title == 'coffee.png').click()"
            )
            page.wait(f"{_by('title')}.textContent == 'coffee.png'")
            page.click("segment-one", "regions in")
            for number, line in (
                (0, [(0.05, 0.3), (0.1, 0.6), (0.15, 0.85)]),
                (0, [(0.85, 0.3), (0.95, 0.8)]),
                (1, [(0.33, 0.4), (0.45, 0.62), (0.63, 0.45)]),
                (1, [(0.2, 0.55), (0.5, 0.85)]),
            ):
                page.run(
                    f"document.querySelectorAll('#classes input[type=radio]')[{number}].click();"
                    "document.querySelectorAll('#tools input')[1].click()"
                )
                draw(page, *line)
                page.wait(f"{_by('status')}.textContent.includes('label')")
            page.click("train", "Learned")
            time.sleep(0.5)
            shot = Path(folder, "shot.png")
            page.driver.save_screenshot(str(shot))
            image = Image.open(shot).convert("RGB")
            image.quantize(128, dither=Image.Dither.NONE).save(path, optimize=True)


def measure(size):
    """Print how long people wait with a photograph of a size, and what memory the server takes."""
    import resource

    with tempfile.TemporaryDirectory() as folder:
        image = Image.fromarray(data.astronaut()).resize(size, Image.Resampling.BICUBIC)
        image.save(Path(folder, "large.jpg"), quality=90)
        small = np.asarray(image.reduce(3))
        slic(small, 500)  # compiles
        begin = time.perf_counter()
        slic(small, 500)
        unit = time.perf_counter() - begin
        with Page(folder, folder) as page:
            first = page.click("segment-one", "regions in")
            rows = [("segment, 1/3 of the size, the first time", first)]
            rows.append(("segment again", page.click("segment-one", "regions in")))
            page.run(f"const f = {_by('factor')}; f.value = 1")
            rows.append(("segment, full size", page.click("segment-one", "regions in")))
            cut = page.driver.execute_async_script(
                "const done = arguments[0], begin = performance.now();"
                "const cut = document.getElementById('cut'); cut.value = 700;"
                "cut.dispatchEvent(new Event('input'));"
                "const told = () => done((performance.now() - begin) / 1000);"
                "requestAnimationFrame(() => requestAnimationFrame(told))"
            )
            rows.append(("move the threshold, full size", cut))
            page.run("document.querySelectorAll('#tools input')[1].click()")
            begin = time.perf_counter()
            draw(page, (0.4, 0.4), (0.6, 0.6))
            page.wait(f"{_by('status')}.textContent.includes('label')")
            rows.append(("brush, full size", time.perf_counter() - begin))
            rows.append(("undo, full size", page.click("undo", "undo of")))
            page.run("document.querySelector('#save button').id = 'save-button'")
            rows.append(("save regions, full size", page.click("save-button", "Saved")))
        for what, seconds in rows:
            print(f"{what:45s} {seconds / unit:8.1f} x SLIC of 1/3, {seconds:6.2f} s")
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
        child = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 2**20
        print(f"peak memory: server {peak:.2f} GB, the largest other process {child:.2f} GB")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--picture", type=Path, help="file to write the picture to")
    parser.add_argument("--size", type=int, nargs=2, default=(6000, 4000), help="width and height")
    given = parser.parse_args()
    if given.picture:
        picture(given.picture)
    else:
        measure(tuple(given.size))


if __name__ == "__main__":
    main()
