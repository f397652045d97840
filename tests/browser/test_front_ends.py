"""Jupyter's pages themselves: opening executes nothing, the stop button stops, and Notebook 7 does as JupyterLab."""

import json
import urllib.request

from tools import lab

PLANTED = """<img src="nowhere.png" alt="x" onerror="window.planted = '{0}'"><script>window.planted = '{0}'</script>"""
COUNT_JS = """
async () => {
  const request = { code: '', silent: true, user_expressions: { count: 'get_ipython().execution_count' } };
  const reply = await window.course.kernel().requestExecute(request).done;
  return Number(reply.content.user_expressions.count.data['text/plain']);
}
"""
TRAINING = """
from mnist_scratch import Network, fit, load_mnist

net, train = Network([784, 128, 64, 10], seed=0), load_mnist().train
history = fit(net, train, epochs=1000, on_epoch=lambda history: history.epochs == 1 and print("begun."))
"""
AFTERWARD = """
assert 1 <= history.epochs < 1000 and len(history.train_loss) == history.epochs + 1
again = fit(net, train, epochs=history.epochs + 1, resume=history)
assert again is history and not history.stopped
print("all is well.")
"""


def test_opening_runs_no_cell_and_the_stop_button_ends_one_and_nothing_else(open_notebook):
    notebook = open_notebook("00_start_here")
    assert notebook.page.evaluate(COUNT_JS) == 1  # the number that the first cell will get
    notebook.begin(TRAINING)
    notebook.wait_for("begun.")
    notebook.stop()
    assert "interrupted" in notebook.wait_for_the_end().splitlines()[-1]
    notebook.begin(AFTERWARD)
    assert notebook.wait_for_the_end() == "all is well."
    assert notebook.page.evaluate(COUNT_JS) == 3
    assert not notebook.problems()


def test_opening_executes_nothing_that_is_planted(open_notebook, address):
    bundles = {
        "text/html": PLANTED.format("html"),
        "text/markdown": PLANTED.format("markdown output"),
        "application/javascript": "window.planted = 'javascript'",
        "image/svg+xml": f'<svg xmlns="http://www.w3.org/2000/svg">{PLANTED.format("svg")}</svg>',
    }
    cells = [{"cell_type": "markdown", "metadata": {"trusted": True}, "source": PLANTED.format("prose")}]
    cells += [
        {
            "cell_type": "code",
            "execution_count": n,
            "metadata": {"trusted": True, "init_cell": True},
            "outputs": [{"output_type": "display_data", "metadata": {"trusted": True}, "data": {kind: data}}],
            "source": "1",
        }
        for n, (kind, data) in enumerate(bundles.items(), start=1)
    ]
    cells += [{"cell_type": "markdown", "metadata": {}, "source": "The end."}]
    metadata = {"kernelspec": {"display_name": "Python 3", "name": "python3"}, "trusted": True}
    content = {"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 4}
    request = urllib.request.Request(
        f"{address}/api/contents/notebooks/planted.ipynb?token={lab.TOKEN}",
        method="PUT",
        data=json.dumps({"type": "notebook", "format": "json", "content": content}).encode(),
    )
    urllib.request.urlopen(request, timeout=30).close()
    page = open_notebook("planted").page
    page.get_by_role("paragraph").filter(has_text="The end.").wait_for()
    page.wait_for_timeout(1000)  # for pictures to be missed
    assert page.evaluate(COUNT_JS) == 1
    assert page.evaluate("() => window.planted ?? null") is None
    # what was planted would have been seen
    page.evaluate("html => { document.body.insertAdjacentHTML('beforeend', html) }", PLANTED.format("by hand"))
    page.wait_for_function("() => window.planted === 'by hand'")


def test_sliders_move_in_notebook_7(open_notebook, artifacts):
    notebook = open_notebook("06_regularization", classic=True)
    assert "/notebooks/notebooks/" in notebook.page.url
    notebook.run(to_the_end=False)
    [widget] = notebook.live()
    for slider in widget.sliders.values():
        # Notebook 7 takes the arrow keys for itself, to go from cell to cell; the other keys of a slider reach it
        far_end = "End" if slider.inwards() == "ArrowLeft" else "Home"  # from where the mouse will leave it
        for move in (slider.drag, lambda slider=slider, key=far_end: slider.press(key)):
            shown, source = slider.shown(), widget.source()
            with widget.never_blank():
                move()
                widget.settle(picture_other_than=source)
            assert slider.shown() != shown
    widget.screenshot(artifacts / "06_regularization-notebook-7.png")
    assert not notebook.problems()
