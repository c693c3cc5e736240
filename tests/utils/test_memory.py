"""Memory that goes back to the system."""

from sklearn_spx.utils import memory


def test_it_is_asked_for_after_large_arrays_alone(monkeypatch):
    asked = []
    monkeypatch.setattr(memory, "_trim", lambda: asked.append)
    memory.give_back(1000)
    assert not asked
    memory.give_back(10**8)
    assert asked == [0]


def test_a_library_that_has_no_such_function_is_left_alone(monkeypatch):
    monkeypatch.setattr(memory, "_trim", lambda: None)
    memory.give_back(10**8)


def test_other_systems_are_not_asked(monkeypatch):
    monkeypatch.setattr(memory.sys, "platform", "win32")
    assert memory._trim.__wrapped__() is None
