"""The progress bar of a training."""

import os
from contextlib import contextmanager


@contextmanager
def progress_bar(total, shown):
    """A tqdm bar of so many steps, which goes away in the end; hidden unless shown, or if TQDM_DISABLE is set."""
    # imported here: tqdm.auto loads ipywidgets in a notebook, and `import mnist_scratch` should stay light
    from tqdm.auto import tqdm

    # tqdm's notebook bar overlooks the variable that switches tqdm off everywhere else
    disable = not shown or bool(os.environ.get("TQDM_DISABLE"))
    bar = tqdm(total=total, disable=disable, leave=False, unit="step", mininterval=0.25)
    try:
        yield bar
    finally:
        bar.total = bar.n  # a bar that ends early would stay, in red
        bar.close()
