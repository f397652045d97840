"""The progress bar of a training."""

import os


def progress_bar(total, shown):
    """A tqdm bar of so many steps; it is only counted, not drawn, if shown is false or TQDM_DISABLE is set."""
    # imported here: tqdm.auto loads ipywidgets in a notebook, and `import mnist_scratch` should stay light
    from tqdm.auto import tqdm

    # tqdm's notebook bar overlooks the variable that switches tqdm off everywhere else
    disable = not shown or bool(os.environ.get("TQDM_DISABLE"))
    return tqdm(total=total, disable=disable, leave=False, unit="step", mininterval=0.25)
