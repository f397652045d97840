"""The stop button of JupyterLab, clicked in the page while a cell trains or sweeps."""

import pytest
from interruption_scenes import BEGUN, SCENES, SETUP, WELL


@pytest.fixture(scope="module")
def notebook(open_notebook):
    notebook = open_notebook("00_start_here")
    notebook.begin(SETUP)
    assert notebook.wait_for_the_end() == WELL
    return notebook


@pytest.mark.parametrize("name", SCENES)
def test_a_click_ends_the_cell_and_nothing_else(notebook, artefacts, name):
    source, after = SCENES[name]
    notebook.begin(source)
    notebook.wait_for(BEGUN)
    milliseconds = notebook.stop()
    with open(artefacts / "interruption.txt", "a", encoding="utf-8") as file:
        file.write(f"{name}: {milliseconds:.0f} ms\n")
    assert "interrupted" in notebook.wait_for_the_end().splitlines()[-1]
    notebook.begin(after)
    assert notebook.wait_for_the_end() == WELL
    assert not notebook.problems()
