import pytest

from tests.evaluation.tiny import save_run


@pytest.fixture(scope="session")
def run_folder(tmp_path_factory):
    """What `fpnc train` leaves of the tiny detector; only read."""
    return save_run(tmp_path_factory.mktemp("run"))
