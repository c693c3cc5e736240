"""The page in a browser, as people use it: by pointer, by keys alone, at two widths."""

import io
import shutil
import time

import numpy as np
import pytest
from PIL import Image

from sklearn_spx.datasets import make_dead_leaves
from sklearn_spx.view.document import UNKNOWN

from .serving import Client, serving

FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--window-size=1280,900",
)
SHAPE = (120, 180)


@pytest.fixture(autouse=True)
def with_browser():
    """Skip test by test, so that each is named among those that want the package."""
    pytest.importorskip("selenium")
    if not (shutil.which("chromium") and shutil.which("chromedriver")):
        pytest.skip("there are no chromium and chromedriver")


@pytest.fixture(scope="module")
def driver(tmp_path_factory):
    pytest.importorskip("selenium")
    if not (shutil.which("chromium") and shutil.which("chromedriver")):
        pytest.skip("there are no chromium and chromedriver")
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    for flag in (*FLAGS, f"--user-data-dir={tmp_path_factory.mktemp('browser')}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    options.binary_location = shutil.which("chromium")
    found = webdriver.Chrome(options=options, service=Service(shutil.which("chromedriver")))
    yield found
    found.quit()


@pytest.fixture(scope="module")
def out(tmp_path_factory):
    return tmp_path_factory.mktemp("out")


@pytest.fixture(scope="module")
def server(tmp_path_factory, out):
    folder = tmp_path_factory.mktemp("images")
    for k, image in enumerate(make_dead_leaves(2, SHAPE, random_state=0).images):
        Image.fromarray(image).save(folder / f"{k}.png")
    with serving([folder], out) as found:
        yield found


@pytest.fixture
def page(driver, server):
    """The page as it is opened, its first image cut into 60 superpixels without classes."""
    client = Client(server)
    body = {"method": "slic", "parameters": {"n_segments": 60}}
    client.finish(client.post("images/0/segment", body))
    version = client.get("images/0")["version"]
    if (client.layer(0, "classes") != UNKNOWN).any():
        path = [[x, y] for y in range(0, 120, 3) for x in (0, 180)]
        erase = {"version": version, "tool": "label", "path": path, "radius": 5, "class": UNKNOWN}
        client.post("images/0/edit", erase)
    return Page(driver, server, client)


class Page:
    """What tests do with the page."""

    def __init__(self, driver, server, client):
        self.driver, self.server, self.client = driver, server, client
        self.open()

    def open(self):
        self.driver.get(self.server.address)
        self.wait(lambda: self.run("return document.body.dataset.ready") == "yes")

    def run(self, script, *arguments):
        return self.driver.execute_script(script, *arguments)

    def wait(self, condition, seconds=120):
        end = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < end, self.said() or self.error()
            time.sleep(0.03)

    def text(self, name):
        return self.run("return document.getElementById(arguments[0]).textContent", name)

    def said(self):
        return self.text("status")

    def error(self):
        return self.text("error")

    def says(self, words):
        self.wait(lambda: words in self.said() or self.error())
        assert not self.error()
        assert words in self.said()

    def click(self, name):
        self.run("document.getElementById('status').textContent = ''")
        self.run("document.getElementById(arguments[0]).click()", name)

    def keys(self, *keys, held=None):
        from selenium.webdriver.common.action_chains import ActionChains

        actions = ActionChains(self.driver)
        if held:
            actions.key_down(held)
        for key in keys:
            actions.send_keys(key)
        if held:
            actions.key_up(held)
        actions.perform()

    def draw(self, *points):
        """Draw a line with the pointer, along pixels of the image, which is shown whole."""
        from selenium.webdriver.common.action_chains import ActionChains
        from selenium.webdriver.common.by import By

        canvas = self.driver.find_element(By.ID, "canvas")
        width, height = self.run(
            "const c = document.getElementById('canvas'); return [c.clientWidth, c.clientHeight]"
        )
        scale = min(width / SHAPE[1], height / SHAPE[0])
        places = [
            (round((x - SHAPE[1] / 2) * scale), round((y - SHAPE[0] / 2) * scale))
            for x, y in points
        ]
        actions = ActionChains(self.driver, duration=10)
        actions.move_to_element_with_offset(canvas, *places[0]).click_and_hold()
        for place in [*places[1:], places[-1]]:
            actions.move_to_element_with_offset(canvas, *place)
        self.run("document.getElementById('status').textContent = ''")
        actions.release().perform()

    def state(self):
        return self.client.get("images/0")

    def classes(self):
        return self.client.layer(0, "classes")


def severe(driver):
    return [entry for entry in driver.get_log("browser") if entry["level"] == "SEVERE"]


def test_segment_and_move_the_threshold(page, driver):
    severe(driver)
    page.run(
        "const field = document.querySelector('#parameters [name=n_segments]');"
        "field.value = 80; field.dispatchEvent(new Event('input', {bubbles: true}));"
    )
    page.says("80 regions in")  # without a click: the slider rests
    page.run(
        "const count = document.getElementById('count');"
        "count.value = 7; count.dispatchEvent(new Event('change'));"
    )
    assert "7 regions" in page.text("facts")  # at once: the browser cuts the tree
    page.wait(lambda: page.state()["regions"] == 7)
    page.run(
        "const cut = document.getElementById('cut');"
        "cut.value = 1000; cut.dispatchEvent(new Event('input'));"
    )
    page.says("1 region")
    page.wait(lambda: page.state()["regions"] == 1)
    assert severe(driver) == []  # neither a fault nor what the policy forbids


def test_borders_are_drawn(page):
    count = (
        "const c = document.getElementById('canvas');"
        "const d = c.getContext('2d').getImageData(0, 0, c.width, c.height).data; let n = 0;"
        "for (let i = 0; i < d.length; i += 4)"
        "  n += d[i] == 240 && d[i + 1] == 228 && d[i + 2] == 66;"
        "return n"
    )
    page.wait(lambda: page.run(count) > 1000)
    page.click("show-borders")
    page.wait(lambda: page.run(count) < 100)


def test_label_by_pointer_undo_and_reload(page):
    page.keys("b")
    page.keys("2")
    page.draw((40, 30), (90, 30))
    page.says("label, done")
    labelled = page.classes() == 1
    assert labelled[30, 40:91].all()
    page.open()  # a reload loses nothing
    assert (page.classes() == 1).sum() == labelled.sum()
    page.keys("z", held="\ue009")
    page.says("undo of label")
    assert (page.classes() == UNKNOWN).all()
    page.keys("y", held="\ue009")
    page.says("redo of label")
    page.keys("e")
    page.draw((40, 30), (90, 30))
    page.says("label, done")
    assert (page.classes() == UNKNOWN).all()


def test_join_cut_and_split(page):
    page.keys("j")
    page.draw((30, 20), (90, 20), (90, 90))
    page.says("join: ")
    joined = page.state()["regions"]
    assert joined < 60
    page.keys("c")
    page.draw((60, -4), (60, 60))
    page.says("cut: ")
    assert page.state()["regions"] > joined
    before = page.state()["regions"]
    page.keys("s")
    page.draw((30, 20))
    page.says("split: ")
    assert page.state()["regions"] == before + 3
    page.keys("j")
    page.draw((30, 20))
    page.wait(lambda: "lies in one region" in page.error())


def test_by_keys_alone(page):
    down, enter, right = "\ue015", "\ue007", "\ue014"
    page.run("document.querySelector('.skip').focus()")
    page.keys(enter)
    page.wait(lambda: page.run("return document.activeElement.id") == "canvas")
    page.keys("b", "1", right)
    page.says("region ")
    page.keys(enter)
    page.says("label, done")
    assert (page.classes()[60, 90:100] == 0).any()
    page.says("label, done")
    page.keys(down)
    page.says("row ")
    page.keys("j", enter)
    page.says("The line begins here")
    page.keys(*[right] * 6, enter)
    page.says("join: ")
    page.keys("?")
    assert page.run("return document.getElementById('keys').open")
    page.keys(enter)
    assert not page.run("return document.getElementById('keys').open")


def test_train_accept_and_save(page, out):
    page.keys("b", "1")
    page.draw((10, 10), (50, 10))
    page.says("label, done")
    page.keys("2")
    page.draw((120, 100), (170, 100))
    page.says("label, done")
    page.click("train")
    page.says("Learned 2 classes")
    assert page.state()["predicted"]
    page.click("accept")
    page.says("accept, done")
    assert set(np.unique(page.classes())) == {0, 1}
    page.run("document.getElementById('kind').value = 'classes'")
    page.run("document.querySelector('#save button').click()")
    page.says("Saved ")
    found = np.asarray(Image.open(out / "0_classes.png"))
    assert (found == page.classes() + 1).all()


def test_open_a_file(page, tmp_path):
    from selenium.webdriver.common.by import By

    Image.new("RGB", (50, 40), "red").save(tmp_path / "mine.png")
    (tmp_path / "text.png").write_text("no image")
    field = page.driver.find_element(By.ID, "upload")
    field.send_keys(str(tmp_path / "mine.png"))
    page.says("mine.png, 50 × 40 pixels")
    field.send_keys(str(tmp_path / "text.png"))
    page.wait(lambda: page.error().startswith("text.png: cannot be identified"))
    page.run("sessionStorage.clear()")


def test_another_site_changes_nothing(page):
    before = page.client.get("state")["classes"]
    address = page.server.address
    page.driver.get("data:text/html,<title>other</title>")
    script = """
        const done = arguments[arguments.length - 1], address = arguments[0];
        const body = JSON.stringify({name: 'stolen', color: '#000000'});
        const asked = [
          fetch(address + 'api/state').then((a) => a.text()),
          fetch(address + 'api/classes/0', {method: 'POST', body,
            headers: {'Content-Type': 'application/json'}}).then((a) => a.text()),
          fetch(address + 'api/classes/0', {method: 'POST', body, mode: 'no-cors'})
            .then((a) => a.text()),
        ];
        Promise.allSettled(asked).then((all) => done(all.map((one) => one.value || '')));
    """
    assert page.driver.execute_async_script(script, address) == ["", "", ""]
    assert page.client.get("state")["classes"] == before


@pytest.mark.parametrize("width", [1280, 400])
def test_names_and_widths(page, width):
    size = {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": False}
    page.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    try:
        page.open()
        assert page.run("return document.documentElement.scrollWidth") <= width
        nameless = page.run(
            "return [...document.querySelectorAll('button, input, select, canvas')].filter((e) =>"
            "  !(e.getAttribute('aria-label') || e.textContent.trim() && e.tagName == 'BUTTON' ||"
            "    [...(e.labels ?? [])].some((l) => l.textContent.trim()))).map((e) => e.outerHTML)"
        )
        assert nameless == []
        hidden = page.run(
            "return [...document.querySelectorAll('button, select')].filter((e) =>"
            "  e.checkVisibility() && e.getBoundingClientRect().right > innerWidth + 1 &&"
            "  !e.closest('#images')).map((e) => e.outerHTML)"
        )
        assert hidden == []
    finally:
        page.driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


@pytest.mark.slow
def test_a_large_photograph(page, tmp_path):
    """24 megapixels: tiles of what is seen, and a segmentation at a third of the size."""
    image = make_dead_leaves(1, (500, 750), random_state=0).images[0]
    file = io.BytesIO()
    Image.fromarray(image).resize((6000, 4000)).save(file, "JPEG", quality=60)
    (tmp_path / "large.jpg").write_bytes(file.getvalue())
    from selenium.webdriver.common.by import By

    page.driver.find_element(By.ID, "upload").send_keys(str(tmp_path / "large.jpg"))
    page.says("large.jpg, 6000 × 4000 pixels")
    assert "1/3, 2000 × 1334" in page.text("factor")
    page.click("segment-one")
    page.says("500 regions in")
    assert "segmented at 2000 × 1334 (1/3)" in page.text("facts")
    for _ in range(12):
        page.keys("+")
    page.draw((90, 60))  # a Move of nothing
    assert not page.error()
    page.run("sessionStorage.clear()")
