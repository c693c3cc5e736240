"""Checkpoints and other files of torch: in order, damaged, hostile."""

import codecs
import errno
import io
import os
import pickle
import re
import struct
import zipfile

import numpy as np
import pytest
import torch

from sklearn_spx.nets.checkpoint import read_checkpoint, read_tensors_of_torch, write_checkpoint
from sklearn_spx.training.loop import train

from ..model_files import watched


def _net():
    torch.manual_seed(0)
    return torch.nn.Sequential(
        torch.nn.Linear(3, 4), torch.nn.BatchNorm1d(4), torch.nn.Linear(4, 1)
    )


def _draw(step):
    rng = np.random.default_rng(step)
    return torch.from_numpy(rng.normal(size=(8, 3)).astype(np.float32))


def _train(path, *, optimizer=torch.optim.AdamW, max_steps=4, net=None, draw=_draw):
    net = _net() if net is None else net
    return train(
        net,
        draw,
        lambda net, x: (net(x) ** 2).mean(),
        optimizer=optimizer(net.parameters(), lr=0.01),
        max_steps=max_steps,
        validate=lambda net: -1.0,
        checkpoint=path,
        identity={"fruit": "apples", "n": 3},
    )


def _sgd(params, lr):
    return torch.optim.SGD(params, lr=lr, momentum=0.9, weight_decay=1e-4)


@pytest.fixture(scope="module")
def content(tmp_path_factory):
    """A checkpoint of a run that goes on."""
    path = tmp_path_factory.mktemp("run") / "run.pt"

    def stop(step):
        if step == 2:
            raise KeyboardInterrupt
        return _draw(step)

    with pytest.raises(KeyboardInterrupt):
        _train(path, draw=stop)
    return path.read_bytes()


@pytest.fixture
def state(content, tmp_path):
    (tmp_path / "valid.pt").write_bytes(content)
    return read_checkpoint(tmp_path / "valid.pt")


def refused(path, problem=""):
    """Assert that neither reading nor training takes the file, and that it is named."""
    for take in (_train, read_checkpoint) if problem == "" else (_train,):
        with (
            watched() as events,
            pytest.raises(ValueError, match=f"{re.escape(str(path))}.*{problem}") as caught,
        ):
            take(path)
        assert type(caught.value) is ValueError
        opened = {what for event, what in events if event == "open"}
        here = {what for what in opened if what.startswith(str(path.parent))}  # not torch's own
        assert here <= {str(path), f"{path}.lock"}
        assert not {e for e, _ in events} & {"subprocess.Popen", "os.system", "exec", "compile"}


# --- in order ------------------------------------------------------------------------------------


@pytest.mark.parametrize("optimizer", [torch.optim.Adam, torch.optim.AdamW, _sgd])
def test_a_run_goes_on(optimizer, tmp_path):
    whole, parts = _net(), _net()
    _train(tmp_path / "whole.pt", net=whole, optimizer=optimizer)

    def stop(step):
        if step == 2:
            raise KeyboardInterrupt
        return _draw(step)

    with pytest.raises(KeyboardInterrupt):
        _train(tmp_path / "run.pt", net=parts, optimizer=optimizer, draw=stop)
    parts = _net()
    _train(tmp_path / "run.pt", net=parts, optimizer=optimizer)
    for name, value in whole.state_dict().items():
        assert torch.equal(parts.state_dict()[name], value)


def test_what_is_written_is_read(state, tmp_path):
    write_checkpoint(tmp_path / "again.pt", state)
    again = read_checkpoint(tmp_path / "again.pt")
    assert again.keys() == state.keys()
    assert again["step"] == 2
    assert all(torch.equal(again["net"][name], state["net"][name]) for name in state["net"])


@pytest.mark.parametrize("legacy", [False, True])
def test_tensors_of_others(legacy, tmp_path):
    tensors = {"a": torch.ones(2, 3), "n": torch.tensor(7)}
    new = not legacy
    torch.save(tensors, tmp_path / "net.pth", _use_new_zipfile_serialization=new)
    found = read_tensors_of_torch(tmp_path / "net.pth")
    assert all(torch.equal(found[name], tensor) for name, tensor in tensors.items())


@pytest.mark.parametrize("where", ["fsync", "replace"])
def test_a_full_disk_keeps_the_old_checkpoint(where, state, tmp_path, monkeypatch):
    path = tmp_path / "valid.pt"
    before = path.read_bytes()

    def full(*arguments):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, where, full)
    with pytest.raises(OSError, match="No space left"):
        write_checkpoint(path, {**state, "step": 3})
    monkeypatch.undo()
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == [path.name]


# --- damaged and hostile: bytes ------------------------------------------------------------------


codecs.lookup("cp437")  # imported by the first archive whose names are no ASCII


class _Program:
    """A pickle of it runs a program when it is opened."""

    def __reduce__(self):
        return os.system, ("touch victim",)


def _saved(thing, **options):
    buffer = io.BytesIO()
    torch.save(thing, buffer, **options)
    return buffer.getvalue()


def _compressed(content):
    buffer = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(content)) as old,
        zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as new,
    ):
        for member in old.namelist():
            new.writestr(member, old.read(member))
    return buffer.getvalue()


def _with_pickle(content, data):
    """The archive with another pickle in it."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(buffer, "w") as new:
        for member in old.namelist():
            new.writestr(member, data if member.endswith("data.pkl") else old.read(member))
    return buffer.getvalue()


BYTES = {
    "empty": lambda valid: b"",
    "one byte": lambda valid: valid[:1],
    "cut at a hundred bytes": lambda valid: valid[:100],
    "cut in the middle": lambda valid: valid[: len(valid) // 2],
    "cut by a byte": lambda valid: valid[:-1],
    "cut by the directory": lambda valid: valid[: valid.rindex(b"PK\x01\x02")],
    "text": lambda valid: b"epoch 3, loss 0.5\n",
    "a web page": lambda valid: b"<!DOCTYPE html><html></html>",
    "a safetensors file": lambda valid: struct.pack("<Q", 2) + b"{}",
    "a pickle of numbers": lambda valid: pickle.dumps({"step": 3}),
    "a pickle that runs a program": lambda valid: pickle.dumps(_Program()),
    "a saved one that runs a program": lambda valid: _saved(_Program()),
    "an older one that runs a program": lambda valid: _saved(
        _Program(), _use_new_zipfile_serialization=False
    ),
    "one with a program within": lambda valid: _saved({"identity": _Program()}),
    "an archive with another pickle": lambda valid: _with_pickle(valid, pickle.dumps(_Program())),
    "an archive with a broken pickle": lambda valid: _with_pickle(valid, b"\x80\x02}q\x00("),
    "an archive with no pickle": lambda valid: _with_pickle(valid, b""),
    "an archive of other files": lambda valid: _zip({"readme.txt": b"hello"}),
    "an archive of nothing": lambda valid: _zip({}),
    "a program for torch": lambda valid: _script(),
    "compressed": _compressed,
    "a whole net": lambda valid: _saved(_net()),
    "a tensor": lambda valid: _saved(torch.zeros(3)),
    "a list": lambda valid: _saved([1, 2]),
    "null": lambda valid: _saved(None),
    "a dict of numbers": lambda valid: _saved({1: 2}),
    "a dict of nothing": lambda valid: _saved({}),
    "a net's tensors alone": lambda valid: _saved(_net().state_dict()),
}


def _zip(members):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return buffer.getvalue()


def _script():
    """An archive as of torch.jit, which has code in it."""
    names = ("data.pkl", "constants.pkl", "version", "code/net.py")
    return _zip({f"net/{name}": b"3" for name in names})


@pytest.mark.parametrize("name", BYTES)
def test_bytes(name, content, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "run.pt"
    path.write_bytes(BYTES[name](content))
    refused(path)
    if name not in ("a net's tensors alone", "a dict of nothing"):
        with pytest.raises(ValueError, match=re.escape(str(path))):
            read_tensors_of_torch(path)
    assert not (tmp_path / "victim").exists()


def test_cut_anywhere(content, tmp_path):
    path = tmp_path / "run.pt"
    for end in range(0, len(content), 97):
        path.write_bytes(content[:end])
        with pytest.raises(ValueError, match=re.escape(str(path))):
            read_checkpoint(path)


def test_broken_bytes(content, tmp_path):
    """Bytes changed here and there: read, or refused by name."""
    path, rng = tmp_path / "run.pt", np.random.default_rng(0)
    for _ in range(300):
        broken = bytearray(content)
        for at in rng.integers(0, len(broken), rng.integers(1, 4)):
            broken[at] = rng.integers(256)
        path.write_bytes(broken)
        try:
            read_checkpoint(path)
            complaint = str(path)
        except ValueError as error:
            complaint = str(error)
        assert str(path) in complaint


# --- damaged and hostile: what is in it ----------------------------------------------------------

FIELDS = {
    "identity": (None, 3, ["apples"], {"fruit": ["apples"]}, {"fruit": torch.zeros(1)}, {1: 2}),
    "net": (None, [], {"a": 1}, {1: torch.zeros(1)}, {"a": torch.tensor([np.nan])}),
    "optimizer": (None, {}, {"state": {}}, {"state": [], "param_groups": []}),
    "scaler": (None, [1], {"scale": "1"}, {"scale": None}),
    "step": (None, -1, 1.5, True, "3", torch.tensor(3)),
    "seconds": (None, "1", True),
    "history": (None, {}, [1], [{"loss": "a"}], [{1: 2}], ({"loss": 1.0},)),
    "best": ([], {"a": 1}, "best", {"a": torch.tensor([np.inf])}),
    "best_score": (None, "1", torch.tensor(1.0)),
    "waited": (None, -1, 0.5),
    "failures": (None, -1, "0"),
    "losses": (None, "0", torch.tensor(1.0)),
    "n_losses": (None, -1, 0.5),
}


@pytest.mark.parametrize(
    ("key", "value"),
    [
        pytest.param(key, value, id=f"{key}-{i}")
        for key, values in FIELDS.items()
        for i, value in enumerate(values)
    ],
)
def test_fields_of_another_kind(key, value, state, tmp_path):
    torch.save({**state, key: value}, tmp_path / "run.pt")
    refused(tmp_path / "run.pt")


@pytest.mark.parametrize("key", FIELDS)
def test_fields_that_are_missing(key, state, tmp_path):
    del state[key]
    torch.save(state, tmp_path / "run.pt")
    refused(tmp_path / "run.pt")


def test_fields_that_are_too_many(state, tmp_path):
    torch.save({**state, "__class__": 1}, tmp_path / "run.pt")
    refused(tmp_path / "run.pt")


def _expanded():
    """A tensor of a billion numbers that are one in the file."""
    return torch.zeros(1).expand(2**30)


NETS = {
    "a tensor missing": (lambda net: net.pop("0.weight"), "'0.weight' is missing"),
    "a tensor too many": (lambda net: net.update(x=torch.zeros(1)), "'x' is none"),
    "another shape": (lambda net: net.update({"0.weight": torch.zeros(3, 4)}), "'0.weight' is"),
    "another dtype": (lambda net: net.update({"0.weight": torch.zeros(4, 3).double()}), "float64"),
    "one number for many": (lambda net: net.update({"0.bias": _expanded()}), "'net' is a"),
    "a sparse tensor": (
        lambda net: net.update({"0.bias": torch.zeros(4).to_sparse()}),
        "'net' is a",
    ),
}


@pytest.mark.parametrize("name", NETS)
@pytest.mark.parametrize("where", ["net", "best"])
def test_another_net(name, where, state, tmp_path):
    change, problem = NETS[name]
    state["best"] = dict(state["net"])
    change(state[where])
    torch.save(state, tmp_path / "run.pt")
    refused(tmp_path / "run.pt", problem.replace("'net'", f"'{where}'"))


def _group(**options):
    return lambda optimizer: optimizer["param_groups"][0].update(options)


def _slot(**slots):
    return lambda optimizer: optimizer["state"][0].update(slots)


OPTIMISERS = {
    "a group more": lambda optimizer: optimizer["param_groups"].append({}),
    "no groups": lambda optimizer: optimizer["param_groups"].clear(),
    "no rate": lambda optimizer: optimizer["param_groups"][0].pop("lr"),
    "no parameters": lambda optimizer: optimizer["param_groups"][0].pop("params"),
    "other parameters": _group(params=[0]),
    "parameters that are tensors": _group(params=[torch.zeros(2)] * 6),
    "a rate that is a word": _group(lr="0.01"),
    "a rate that is NaN": _group(lr=float("nan")),
    "other betas": _group(betas=(0.5, 0.5)),
    "betas that are tensors": _group(betas=(torch.zeros(2), torch.zeros(2))),
    "another decay": _group(weight_decay=1.0),
    "upwards": _group(maximize=True),
    "a slot missing": lambda optimizer: optimizer["state"][0].pop("exp_avg"),
    "a slot more": _slot(more=torch.zeros(1)),
    "a slot of another shape": _slot(exp_avg=torch.zeros(7)),
    "a slot that is a word": _slot(exp_avg="0"),
    "a slot that is NaN": _slot(exp_avg=torch.full((4, 3), np.nan)),
    "a step of many numbers": _slot(step=torch.zeros(4, 3)),
    "a parameter that is not there": lambda optimizer: optimizer["state"].update({99: {}}),
    "a parameter by name": lambda optimizer: optimizer["state"].update({"0.weight": {}}),
}


@pytest.mark.parametrize("name", OPTIMISERS)
def test_another_optimiser(name, state, tmp_path):
    OPTIMISERS[name](state["optimizer"])
    torch.save(state, tmp_path / "run.pt")
    refused(tmp_path / "run.pt", "optimi")


def test_nothing_is_changed_by_a_checkpoint_that_is_refused(state, tmp_path):
    state["optimizer"]["state"][0].pop("exp_avg")
    state["net"]["0.bias"] += 1
    torch.save(state, tmp_path / "run.pt")
    net = _net()
    with pytest.raises(ValueError, match="optimiser"):
        _train(tmp_path / "run.pt", net=net)
    assert torch.equal(net[0].bias, _net()[0].bias)


def test_a_run_in_full_precision_goes_on_in_half(state, tmp_path, monkeypatch):
    """The scaler of a run on the CPU has no state, which torch would not load into one that has."""
    loaded = []
    scaler = type(
        "Scaler", (torch.amp.GradScaler,), {"load_state_dict": lambda self, s: loaded.append(s)}
    )
    monkeypatch.setattr(torch.amp, "GradScaler", scaler)
    torch.save({**state, "scaler": {}}, tmp_path / "run.pt")
    _train(tmp_path / "run.pt")
    assert not loaded
