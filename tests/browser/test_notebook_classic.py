"""Notebook 7, the other front end of Jupyter: a live widget works there as in JupyterLab."""


def test_sliders_move_in_notebook_7(open_notebook, artefacts):
    notebook = open_notebook("06_regularization", classic=True)
    assert "/notebooks/notebooks/" in notebook.page.url
    notebook.run(to_the_end=False)
    [widget] = notebook.live()
    for label, slider in widget.sliders.items():
        # Notebook 7 takes the arrow keys for itself, to go from cell to cell; the other keys of a slider reach it
        for move in (
            slider.drag,
            lambda slider=slider: slider.press("Home"),
            lambda slider=slider: slider.press("End"),
        ):
            shown, words, source = slider.shown(), widget.words(), widget.source()
            with widget.never_blank():
                move()
                widget.settle(picture_other_than=source)
            assert slider.shown() != shown, f"{label} still shows {shown}"
            assert widget.words() != words
    widget.screenshot(artefacts / "06_regularization-notebook-7.png")
    assert not notebook.problems()
