"""torch on one thread, and back."""

import threading

import pytest
import torch
from joblib import Parallel, delayed

from sklearn_spx.utils.threads import (
    one_torch_thread,
    own_threads,
    threads_after_net,
    torch_threads,
)


def test_the_last_to_leave_restores_the_number():
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    try:
        with one_torch_thread():
            assert torch.get_num_threads() == 1
            with one_torch_thread():
                assert torch.get_num_threads() == 1
            assert torch.get_num_threads() == 1
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(before)


def test_from_many_threads():
    before = torch.get_num_threads()
    barrier = threading.Barrier(4)

    def work():
        for _ in range(50):
            with one_torch_thread():
                pass
        barrier.wait()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert torch.get_num_threads() == before


def test_each_thread_takes_one_while_another_is_inside():
    found, entered, leave = [], threading.Event(), threading.Event()

    def first():
        with one_torch_thread():
            entered.set()
            leave.wait(10)

    def second():
        torch.set_num_threads(3)  # a thread that has had work of torch before
        entered.wait(10)
        with one_torch_thread():
            found.append(torch.get_num_threads())
        leave.set()

    threads = [threading.Thread(target=work) for work in (first, second)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [1]


def test_several_images_at_once_take_one_thread_each():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        with torch_threads(None):
            assert torch.get_num_threads() == 2
        with torch_threads(2):
            assert torch.get_num_threads() == 1
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


@pytest.mark.parametrize(("n_jobs", "expected"), [(None, 4), (1, 4), (2, 1)])
def test_threads_of_ours_are_not_within_those_of_joblib(n_jobs, expected):
    workers = Parallel(n_jobs=n_jobs, prefer="threads")
    assert workers(delayed(own_threads)(4) for _ in range(3)) == [expected] * 3


@pytest.mark.parametrize(("n_jobs", "expected"), [(None, 3), (2, 1)])
def test_what_follows_a_net_has_the_threads_of_torch(n_jobs, expected):
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    try:
        assert threads_after_net(n_jobs) == expected
    finally:
        torch.set_num_threads(before)


def test_one_thread_unless_asked():
    assert own_threads(None) == 1
