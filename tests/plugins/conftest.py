import pytest
import torch

from tests.plugins import eight as vehicles


@pytest.fixture(scope="session")
def eight(tmp_path_factory):
    """The data set of eight vehicles that are easy to learn by heart."""
    return vehicles.draw(tmp_path_factory.mktemp("eight"))


@pytest.fixture(autouse=True)
def one_thread():
    """Steps this small gain nothing from a second thread, and lose much to one if tests share the machine."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
