"""The stop button of JupyterLab, clicked in the page while a cell trains."""

TRAINING = """
from mnist_scratch import Network, fit, load_mnist

net, train = Network([784, 128, 64, 10], seed=0), load_mnist().train
history = fit(net, train, epochs=1000, on_epoch=lambda history: history.epochs == 1 and print("begun."))
"""
AFTERWARDS = """
assert 1 <= history.epochs < 1000 and len(history.train_loss) == history.epochs + 1
again = fit(net, train, epochs=history.epochs + 1, resume=history)
assert again is history and not history.stopped
print("all is well.")
"""


def test_a_click_ends_the_cell_and_nothing_else(open_notebook, artefacts):
    notebook = open_notebook("00_start_here")
    notebook.begin(TRAINING)
    notebook.wait_for("begun.")
    milliseconds = notebook.stop()
    (artefacts / "interruption.txt").write_text(f"{milliseconds:.0f} ms\n", encoding="utf-8")
    assert "interrupted" in notebook.wait_for_the_end().splitlines()[-1]
    notebook.begin(AFTERWARDS)
    assert notebook.wait_for_the_end() == "all is well."
    assert not notebook.problems()
