"""Small generated files to export, and the command that does it."""

import pytest

from fpncompiler.cli import main


@pytest.fixture(scope="session")
def small(tmp_path_factory):
    """A BiFPN over P3 to P5 on a small backbone that pads as TensorFlow does."""
    return compiled(tmp_path_factory.mktemp("small"), "tf_mobilenetv3_small_minimal_100")


def compiled(folder, backbone, *more):
    spec = folder / "small.yaml"
    spec.write_text("fpnc: 1\nname: small\nextends: bifpn\ndepth: 1\n")
    arguments = ["--backbone", backbone, "--levels", "3..5", "--classes", "4", "--name", "small"]
    assert main(["compile", str(spec), *arguments, *more, "-o", str(folder)]) == 0
    return folder / "small.py"


@pytest.fixture
def export(capsys, tmp_path, monkeypatch):
    """`fpnc export` in an empty folder: exit code, standard output, standard error."""
    monkeypatch.chdir(tmp_path)

    def run(file, *arguments, size="64x96"):
        capsys.readouterr()
        try:
            code = main(["export", str(file), "--size", size, *arguments])
        except SystemExit as stop:
            code = stop.code
        return code, *capsys.readouterr()

    return run
