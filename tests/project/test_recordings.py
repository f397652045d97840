"""What is recorded of a widget: which settings, the pixels, the words, and what is said when a setting fails."""

import json
from io import BytesIO
from pathlib import Path

import matplotlib
import nbformat
import numpy as np
import pytest
from IPython.core.interactiveshell import InteractiveShell
from PIL import Image

from mnist_scratch.classroom import widgets
from tools import recordings


class Picture:
    """As much of a Figure as a widget needs: its values as the colors of two pixels."""

    def __init__(self, *values):
        self.alt_text = f"A picture of {values}."
        self.pixels = np.array([[[value % 256, value // 256, 7] for value in values]], np.uint8)

    def get_figwidth(self):
        return 1

    def live_png(self):
        buffer = BytesIO()
        Image.fromarray(self.pixels).save(buffer, "png")
        return buffer.getvalue()


def shown(folder, recording, setting):
    """The pixels and the words that were recorded of a setting."""
    name, words = recording["settings"][setting]
    return np.asarray(Image.open(folder / name).convert("RGB")), words


def test_two_sliders_are_recorded_as_a_grid_each_setting_with_its_pixels_and_words(tmp_path):
    sliders = {"a": widgets.whole("an a", 3, 5, 4), "b": widgets.choice("a b", [0.0, 300.0, 500.0], 300.0)}
    live = widgets.Live(lambda a, b: Picture(a, int(b)), "It is good.", **sliders)
    recording = recordings.record(live, tmp_path)
    assert len(recording["settings"]) == 9 and recording["why"] == "It is good."
    for i, a in enumerate([3, 4, 5]):
        for k, b in enumerate([0, 300, 500]):
            pixels, words = shown(tmp_path, recording, f"{i},{k}")
            assert np.array_equal(pixels, Picture(a, b).pixels) and words == Picture(a, b).alt_text
    assert recording["sliders"] == [
        {"label": "an a", "texts": ["3", "4", "5"], "start": 1, "of": 3},
        {"label": "a b", "texts": ["0", "300", "500"], "start": 1, "of": 3},
    ]
    assert [slider.value for slider in live.sliders.values()] == [4, 300.0]


def test_of_too_many_settings_each_slider_is_recorded_alone(tmp_path):
    sliders = {f"n{i}": widgets.whole(f"n{i}", 0, 20, 5) for i in range(9)}  # 800,000,000,000 combinations
    recording = recordings.record(widgets.Live(lambda **values: Picture(*values.values()), **sliders), tmp_path)
    reached = {tuple(map(int, setting.split(","))) for setting in recording["settings"]}
    assert reached == {(*[5] * i, n, *[5] * (8 - i)) for i in range(9) for n in range(21)}
    assert np.array_equal(shown(tmp_path, recording, "5,17" + ",5" * 7)[0], Picture(5, 17, *[5] * 7).pixels)


@pytest.mark.parametrize("start", [0, 4, 100, 199])
def test_of_many_examples_some_are_recorded_around_the_one_at_the_start(tmp_path, start):
    live = widgets.Live(Picture_of_example, example=widgets.whole("example", 0, 199, start))
    [slider] = recordings.record(live, tmp_path)["sliders"]
    examples = list(map(int, slider["texts"]))
    assert examples == list(range(examples[0], examples[-1] + 1)) and 0 <= examples[0] <= examples[-1] <= 199
    assert 1 < len(examples) < 60 and examples[slider["start"]] == start and slider["of"] == 200


def Picture_of_example(example):
    return Picture(example)


def test_settings_that_look_the_same_share_a_picture(tmp_path):
    live = widgets.Live(lambda n: Picture(n // 5), n=widgets.whole("n", 0, 9, 0))
    recording = recordings.record(live, tmp_path)
    assert len(recording["settings"]) == 10 and len(list(tmp_path.iterdir())) == 2


def test_a_setting_that_cannot_be_drawn_is_named(tmp_path):
    live = widgets.Live(
        lambda n, m: Picture(n // (m - 2)), n=widgets.whole("n", 0, 9, 0), m=widgets.whole("m", 0, 3, 0)
    )
    with pytest.raises(RuntimeError, match="n=0, m=2: ZeroDivisionError"):
        recordings.record(live, tmp_path)


# ------------------------------------------------------------------------------------------------ whole notebooks


@pytest.fixture
def notebook(tmp_path):
    """A function that writes a notebook of code cells, with ids a, b, c …; it returns its path."""

    def write(*sources):
        path = tmp_path / "12_waves.ipynb"
        cells = [nbformat.v4.new_code_cell(source, id=chr(97 + i)) for i, source in enumerate(sources)]
        nbformat.write(nbformat.v4.new_notebook(cells=cells), path)
        return path

    yield write
    InteractiveShell.clear_instance()


def test_a_notebook_is_run_as_far_as_its_last_widget(notebook, tmp_path, capsys):
    sources = ["from mnist_scratch.classroom import widgets\nprint('much')", "wave = widgets.hello()\nwave", "1 / 0"]
    recorded = recordings.record_notebook(notebook(*sources), tmp_path)
    assert list(recorded) == ["b"] and len(recorded["b"]["settings"]) == 9
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    "source, complaint",
    [
        ("undefined", "cell b: NameError"),
        ("widgets.hello(); 3", "cell c: it makes a widget"),
        (
            "widgets.Live(lambda n: 1 / (n - 3) and hello.show(n), n=widgets.whole('n', 1, 9, 1))",
            "cell c: n=3: ZeroDiv",
        ),
    ],
)
def test_what_fails_is_named_by_notebook_and_cell(notebook, tmp_path, source, complaint):
    first = (
        "from mnist_scratch.classroom import widgets\nfrom mnist_scratch.classroom.moving import Wave\nhello = Wave()"
    )
    sources = [first, source, "widgets.hello()"] if complaint.startswith("cell b") else [first, "0", source]
    with pytest.raises(RuntimeError, match=f"12_waves.ipynb, {complaint}") as raised:
        recordings.record_notebook(notebook(*sources), tmp_path)
    assert "\n" not in str(raised.value)


@pytest.fixture
def kept(notebook, tmp_path, monkeypatch):
    """The path of a notebook whose recordings are kept, of a course that holds little else."""

    def record(path, folder):
        (folder / "a.webp").write_bytes(b"picture")
        return {"b": {"settings": {"0": ["a.webp", "words"]}}}

    monkeypatch.setattr(recordings, "ROOT", tmp_path)
    monkeypatch.setattr(recordings, "CACHE", tmp_path / "build")
    monkeypatch.setattr(recordings, "record_notebook", record)
    for name in FILES:
        Path(tmp_path, name).parent.mkdir(parents=True, exist_ok=True)
        Path(tmp_path, name).write_bytes(b"as it was")
    path = notebook("1")
    assert not recordings.is_kept(path)
    recordings.keep(path)
    assert recordings.is_kept(path)
    return path


FILES = [
    "mnist_scratch/tuning.py",
    "mnist_scratch/classroom/diagrams.py",
    "data/train-images-idx3-ubyte.gz",
    "results/as-published.json",
    "results/momentum-1024/summary.json",
    "results/relu-128-64/model.npz",
    "tools/recordings.py",
]


@pytest.mark.parametrize("name", FILES)
def test_a_notebook_is_recorded_again_when_what_it_may_read_has_changed(kept, tmp_path, name):
    assert Path(recordings.__file__).parents[1].joinpath(name).exists(), "a file of the course"
    Path(tmp_path, name).write_bytes(b"as it is")
    assert not recordings.is_kept(kept)
    recordings.keep(kept)
    assert recordings.is_kept(kept)
    Path(tmp_path, name).unlink()
    assert not recordings.is_kept(kept)


def test_a_notebook_is_recorded_again_when_its_code_has_changed(kept, notebook):
    assert not recordings.is_kept(notebook("2"))


@pytest.mark.parametrize("package", ["numpy", "matplotlib", "ipywidgets"])
def test_a_notebook_is_recorded_again_when_what_is_installed_has_changed(kept, monkeypatch, package):
    version = recordings.version
    monkeypatch.setattr(recordings, "version", lambda name: "99" if name == package else version(name))
    assert not recordings.is_kept(kept)


def test_a_notebook_is_recorded_again_with_another_python(kept, monkeypatch):
    monkeypatch.setattr("platform.python_version", lambda: "99")
    assert not recordings.is_kept(kept)


def test_what_changes_while_a_notebook_is_recorded_counts_as_changed(kept, tmp_path, monkeypatch):
    monkeypatch.setattr(
        recordings, "record_notebook", lambda *_: Path(tmp_path, FILES[0]).write_bytes(b"as it is") and {}
    )
    recordings.keep(kept)
    assert not recordings.is_kept(kept)


def test_a_matplotlibrc_of_this_machine_changes_no_recording(notebook, tmp_path):
    source = "import matplotlib\nfrom mnist_scratch.classroom import widgets"
    asked = "assert matplotlib.rcParams['lines.linewidth'] == 1.5\nwidgets.hello()"
    with matplotlib.rc_context({"lines.linewidth": 9}):
        assert list(recordings.record_notebook(notebook(source, asked), tmp_path)) == ["b"]


def test_pages_and_pictures_are_laid_out_for_the_website(kept, tmp_path, monkeypatch):
    monkeypatch.setattr(recordings, "record_all", lambda: {"12_waves": recordings.CACHE / "12_waves"})
    site = Path(tmp_path, "source")
    site.mkdir()
    recordings.lay_out(site)
    assert [path.name for path in (site / "_static" / "recordings").iterdir()] == ["a.webp"]
    pages = json.loads((site / "recordings.json").read_text(encoding="utf-8"))
    assert pages == {"notebooks/12_waves": {"b": {"settings": {"0": ["a.webp", "words"]}}}}
