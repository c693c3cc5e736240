"""From an image to what is saved, by the requests that the page makes."""

import io
import json
import threading
import zipfile

import numpy as np
import pytest
from PIL import Image

from sklearn_spx.datasets import make_dead_leaves
from sklearn_spx.io import read_labels
from sklearn_spx.view.document import UNKNOWN
from sklearn_spx.view.export import write_new

from .serving import Client, serving

SHAPE = (60, 90)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    root = tmp_path_factory.mktemp("images")
    for k, image in enumerate(make_dead_leaves(2, SHAPE, random_state=0).images):
        Image.fromarray(image).save(root / f"{k}.png")
    clear = np.full((*SHAPE, 4), 200, np.uint8)
    clear[:, :, 3] = 255
    clear[:, 50:, 3] = 0
    clear[:30, :, :3] = 40
    Image.fromarray(clear).save(root / "clear.png")
    return root


@pytest.fixture(scope="module")
def out(tmp_path_factory):
    return tmp_path_factory.mktemp("out")


@pytest.fixture(scope="module")
def client(folder, out):
    with serving([folder], out) as server:
        yield Client(server)


def segment(client, number=0, **body):
    body = {"method": "slic", "parameters": {"n_segments": 40}, **body}
    job = client.finish(client.post(f"images/{number}/segment", body))
    assert job["state"] == "done", job
    return job["result"]


def edit(client, number, tool, path, expect=200, **more):
    version = client.get(f"images/{number}")["version"]
    body = {"version": version, "tool": tool, "path": path, **more}
    return client.post(f"images/{number}/edit", body, expect)


def regions_of(client, number):
    """The label image as the browser makes it of atoms and tree."""
    atoms = client.layer(number, "regions", "<i4")
    about = client.get(f"images/{number}")
    content = client.send("GET", f"api/images/{number}/tree")[2]
    n, n_heights, n_pairs, n_joins = np.frombuffer(content, "<i4", 4)
    place = 16 + 8 * n_heights
    pairs = np.frombuffer(content, "<i4", 2 * n_pairs, place).reshape(-1, 2)
    ranks = np.frombuffer(content, "<i4", n_pairs, place + 8 * n_pairs)
    joins = np.frombuffer(content, "<i4", 2 * n_joins, place + 12 * n_pairs).reshape(-1, 2)
    alive = np.frombuffer(content, "u1", n, place + 12 * n_pairs + 8 * n_joins)
    parent = np.arange(n)
    for a, b in [*joins, *pairs[ranks < about["cut"]]]:
        while parent[a] != a:
            a = parent[a]
        while parent[b] != b:
            b = parent[b]
        parent[max(a, b)] = min(a, b)
    for k in range(n):
        while parent[k] != parent[parent[k]]:
            parent[k] = parent[parent[k]]
    assert len(set(parent[alive > 0])) == about["regions"]
    return np.append(parent, -1)[atoms]


def test_what_the_page_begins_with(client, out):
    state = client.get("state")
    assert [image["name"] for image in state["images"]] == ["0.png", "1.png", "clear.png"]
    assert [m["id"] for m in state["methods"]] == list(
        ("slic", "ers", "egb", "trainable-slic", "seal", "del")
    )
    assert "bsds500" in state["methods"][-1]["weights"]
    assert state["out"] == str(out)


def test_segment_and_move_the_threshold(client):
    result = segment(client)
    assert result["regions"] == 40
    assert result["rows"], result["columns"] == SHAPE
    assert set(result["changed"]["layers"]) >= {"regions"}
    assert len(np.unique(regions_of(client, 0))) == 40
    version = result["version"]
    assert client.post("images/0/cut", {"version": version, "cut": 30})["regions"] == 10
    assert len(np.unique(regions_of(client, 0))) == 10
    client.post("images/0/cut", {"version": version, "cut": 41}, expect=400)
    client.post("images/0/cut", {"version": version, "cut": 0})


@pytest.mark.parametrize(
    ("method", "parameters"), [("egb", {"scale": 20, "min_size": 9}), ("ers", {"n_segments": 9})]
)
def test_other_methods(client, method, parameters):
    result = segment(client, 1, method=method, parameters=parameters)
    assert result["regions"] > 1
    assert method.upper() in result["about"]


def test_transparent_pixels_are_outside(client):
    segment(client, 2, parameters={"n_segments": 6})
    atoms = client.layer(2, "regions", "<i4")
    assert (atoms[:, 50:] == -1).all()
    assert (atoms[:, :50] >= 0).all()
    assert "no region there" in edit(client, 2, "label", [[70, 5]], 400, **{"class": 0})["error"]


def test_label_split_join_undo(client):
    version = segment(client)["version"]
    changed = edit(client, 0, "label", [[5, 5], [40, 5]], radius=2, **{"class": 1})
    assert changed["version"] == version + 1
    classes = client.layer(0, "classes")
    assert set(np.unique(classes)) == {1, UNKNOWN}
    box = changed["changed"]["layers"]["classes"]
    query = ",".join(map(str, box))
    content = client.send("GET", f"api/images/0/layers/classes?box={query}")[2]
    part = classes[box[0] : box[2], box[1] : box[3]]
    assert content == part.tobytes()

    joined = edit(client, 0, "join", [[5, 5], [60, 50]])
    assert joined["regions"] < 40
    assert joined["changed"]["tree"]
    body = {"version": joined["version"], "x": 30, "y": 26, "pieces": 3}
    job = client.finish(client.post("images/0/split", body))
    assert job["result"]["regions"] == joined["regions"] + 2
    for _ in range(3):
        undone = client.post("images/0/undo", {"version": job["result"]["version"]})
        job["result"] = undone
    assert (client.layer(0, "classes") == UNKNOWN).all()
    assert len(np.unique(regions_of(client, 0))) == 40
    assert client.post("images/0/redo", {"version": undone["version"]})["redo"] == "join"


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"tool": "burn"}, "tool is 'burn'"),
        ({"path": []}, "path is []"),
        ({"path": [[1]]}, "path holds [1]"),
        ({"path": [[1, "2"]]}, "path is '2'"),
        ({"path": [[1, 1e300]]}, "path is 1e+300"),
        ({"path": {"x": 1}}, "path is {'x': 1}"),
        ({"path": [[1, 1]] * 20_001}, "expected are 1 to 20000"),
        ({"radius": -1}, "radius is -1"),
        ({"radius": 1e9}, "radius is"),
        ({"radius": 10**400}, "radius is 1000"),
        ({"path": [[1, 10**400]]}, "path is 1000"),
        ({"class": 10**400}, "class is 1000"),
        ({"class": -1}, "class is -1"),
        ({"class": 1.0}, "class is 1.0"),
        ({"class": None}, "class is None"),
        ({"version": "1"}, "version is '1'"),
    ],
)
def test_edits_of_wrong_types(client, fields, says):
    segment(client)
    before = client.get("images/0")
    body = {"version": before["version"], "tool": "label", "path": [[5, 5]], "class": 0, **fields}
    assert says in client.post("images/0/edit", body, expect=400)["error"]
    assert client.get("images/0") == before


def test_an_unknown_class_and_another_window(client):
    segment(client)
    assert "no class 77" in edit(client, 0, "label", [[5, 5]], 404, **{"class": 77})["error"]
    body = {"version": 0, "tool": "label", "path": [[5, 5]], "class": 0}
    assert "changed elsewhere" in client.post("images/0/edit", body, expect=409)["error"]


@pytest.mark.parametrize("box", ["1,2,3", "0,0,61,90", "-1,0,5,5", "a,b,c,d", "0,0,5,91"])
def test_parts_that_are_none(client, box):
    segment(client)
    status, _, content = client.send("GET", f"api/images/0/layers/classes?box={box}")
    assert status == 400
    assert "box is" in json.loads(content)["error"]


def test_classes(client):
    found = client.post("classes/2", {"name": "cell", "color": "#00FF00"})["classes"]
    assert found[2] == {"name": "cell", "color": "#00ff00"}
    client.post("classes/2", {"name": "background", "color": "#00ff00"}, expect=400)
    client.post("classes/2", {"name": "x\n", "color": "#00ff00"}, expect=400)
    client.post("classes/2", {"name": "x", "color": "red"}, expect=400)
    client.post("classes/9", {"name": "x", "color": "#000000"}, expect=404)


def test_train_and_accept(client):
    segment(client, 0, parameters={"n_segments": 60})
    segment(client, 1, parameters={"n_segments": 60})
    edit(client, 0, "label", [[5, 5], [5, 20]], **{"class": 0})
    edit(client, 0, "mark", [[60, 40], [80, 50]], radius=2, **{"class": 1})
    job = client.finish(client.post("train"))
    assert job["state"] == "done", job
    assert job["result"]["learned_from"] == 1
    assert set(job["result"]["predicted"]) >= {0, 1}
    for number in (0, 1):
        predicted = client.layer(number, "predicted")
        assert set(np.unique(predicted)) <= {0, 1}
        assert client.layer(number, "certainty").min() >= 127  # the likelier of two
    before, predicted = client.layer(0, "classes"), client.layer(0, "predicted")
    version = client.get("images/0")["version"]
    done = client.post("images/0/accept", {"version": version, "least": 0})
    assert done["undo"] == "accept"
    expected = np.where(before == UNKNOWN, predicted, before)
    assert (client.layer(0, "classes") == expected).all()


def test_training_without_two_classes(tmp_path):
    Image.new("RGB", (40, 40), "red").save(tmp_path / "a.png")
    with serving([tmp_path]) as server:
        client = Client(server)
        assert "0 classes" in client.post("train", expect=409)["error"]
        assert "nothing is segmented" in client.post("export", {"kind": "coco"}, 409)["error"]
        assert "not segmented" in edit(client, 0, "join", [[1, 1]], 409)["error"]


def export(client, kind, number=0):
    job = client.finish(client.post("export", {"kind": kind, "image": number}))
    assert job["state"] == "done", job
    result = job["result"]
    status, headers, content = client.send("GET", f"api/downloads/{result['download']}")
    assert status == 200
    assert "attachment" in headers["Content-Disposition"]
    return result, content


def test_save_regions(client, out):
    segment(client)
    result, content = export(client, "regions")
    path = out / "0_labels.png"
    assert result["written"] == [str(path)]
    assert path.read_bytes() == content
    found = read_labels(path)
    assert found.shape == SHAPE
    assert len(np.unique(found)) == 40
    again, _ = export(client, "regions")
    assert again["written"] == [str(out / "0_labels-2.png")]  # nothing is overwritten
    assert path.read_bytes() == content


def test_save_classes(client):
    segment(client)
    edit(client, 0, "label", [[5, 5]], **{"class": 1})
    result, content = export(client, "classes")
    assert result["name"] == "classes.zip"
    with zipfile.ZipFile(io.BytesIO(content)) as zipped:
        picture = Image.open(io.BytesIO(zipped.read("0_classes.png")))
        legend = json.loads(zipped.read("classes.json"))
    classes = client.layer(0, "classes")
    assert (np.asarray(picture) == np.where(classes == UNKNOWN, 0, classes + 1)).all()
    assert picture.convert("RGB").getpixel((5, 5)) == (230, 159, 0)
    assert legend["classes"][1] == {"number": 2, "name": "object", "color": "#e69f00"}


def test_save_geojson_and_coco(client):
    segment(client)
    edit(client, 0, "label", [[5, 5]], **{"class": 1})
    _, content = export(client, "geojson")
    features = json.loads(content)["features"]
    assert len(features) == 40
    atom = int(client.layer(0, "regions", "<i4")[5, 5])  # nothing is merged
    assert {f["id"]: f["properties"]["class"] for f in features}[atom] == "object"
    _, content = export(client, "coco", None)
    found = json.loads(content)
    assert {"0.png"} <= {image["file_name"] for image in found["images"]}
    assert [c["name"] for c in found["categories"]][:3] == ["unlabelled", "background", "object"]


def test_save_the_training_set(client):
    segment(client)
    edit(client, 0, "label", [[5, 5]], **{"class": 1})
    _, content = export(client, "training")
    with zipfile.ZipFile(io.BytesIO(content)) as zipped:
        assert set(zipped.namelist()) == {"0_regions.tif", "0_marks.tif", "classes.json"}


def test_kinds_and_images_that_are_none(client):
    assert "kind is" in client.post("export", {"kind": "exe"}, 400)["error"]
    client.post("export", {"kind": "coco", "image": 99}, 404)


def test_write_new(tmp_path):
    assert write_new(tmp_path, "a.json", b"1").name == "a.json"
    assert write_new(tmp_path, "a.json", b"2").name == "a-2.json"
    (tmp_path / "a-3.json").symlink_to(tmp_path / "nowhere")
    assert write_new(tmp_path, "a.json", b"3").name == "a-4.json"
    assert (tmp_path / "a.json").read_bytes() == b"1"
    assert not (tmp_path / "nowhere").exists()


@pytest.mark.slow
def test_a_large_photograph_is_segmented_smaller(tmp_path):
    Image.new("RGB", (2600, 1700), "gray").save(tmp_path / "large.png")
    with serving([tmp_path]) as server:
        client = Client(server)
        about = client.get("images/0")
        assert about["proposed"] == 2
        assert segment(client, 0)["columns"] == 1300
        assert client.send("GET", "api/images/0/tiles/3/0/0")[0] == 200
        result, content = export(client, "regions")
        assert Image.open(io.BytesIO(content)).size == (2600, 1700)
        assert "smaller size" in result["notes"][0]


# --- jobs ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("state", ["waiting", "running"])
def test_a_newer_request_takes_the_place_of_an_older(client, monkeypatch, state):
    body = {"method": "slic", "parameters": {"n_segments": 7}}
    jobs = client.server.session.jobs
    go_on = threading.Event()
    with monkeypatch.context() as patch:  # a job that is not done before the newer one comes
        if state == "waiting":
            jobs.submit("another", "segment", lambda: _late(go_on, body), lambda found: None)
        else:
            work = jobs._work
            patch.setattr(jobs, "_work", lambda job, *more: (go_on.wait(60), work(job, *more)))
        first = client.post("images/0/segment", body)
        while jobs.job(first["job"]).state != state:
            jobs.wait(jobs.job(first["job"]), "waiting", 0.01)
        second = client.post("images/0/segment", {**body, "parameters": {"n_segments": 5}})
        go_on.set()
        assert client.finish(first)["state"] == "cancelled"
        assert client.finish(second)["result"]["regions"] == 5


def _late(go_on, body):
    """Arguments of a segmentation that are there once ``go_on`` is set."""
    go_on.wait(60)
    return body["method"], body["parameters"], np.zeros((9, 9, 3), np.uint8), None


@pytest.mark.slow
def test_a_job_that_takes_long_is_killed_and_the_next_one_works(client, monkeypatch):
    segment(client)
    jobs = client.server.session.jobs
    monkeypatch.setattr("sklearn_spx.view.jobs.GRACE", 0.1)
    process = jobs._worker._process
    large = {"method": "ers", "parameters": {"n_segments": 50}}
    job = jobs.submit("segment 0", "segment", lambda: _endless(large), lambda found: None)
    while job.stage in ("waiting", "starting"):
        jobs.wait(job, job.stage, 0.1)
    before = client.get("images/0")["version"]
    assert client.post(f"jobs/{job.number}/cancel")["state"] == "cancelled"
    assert process.wait(60) != 0
    assert segment(client)["version"] == before + 1  # the cancelled one left nothing


def _endless(body):
    """Arguments of a segmentation that takes minutes."""
    noise = np.random.default_rng(0).integers(0, 255, (3000, 4000, 3), np.uint8)
    return body["method"], body["parameters"], noise, None


@pytest.mark.slow
def test_a_process_that_dies_is_said_and_made_anew(client):
    jobs = client.server.session.jobs
    segment(client)
    jobs._worker._process.kill()
    jobs._worker._process.wait()
    assert segment(client)["regions"] == 40


def test_what_cannot_be_segmented_is_said(tmp_path):
    Image.new("RGB", (40, 40)).save(tmp_path / "a.png")
    (tmp_path / "b.png").write_bytes(b"no image")
    with serving([tmp_path]) as server:
        client = Client(server)
        body = {"method": "slic", "parameters": {"n_segments": 4}}
        assert "b.png: " in client.post("images/1/segment", body, 422)["error"]
        (tmp_path / "a.png").write_bytes(b"gone")
        assert "a.png: " in client.post("images/0/segment", body, 422)["error"]
