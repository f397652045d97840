"""Opening a notebook executes nothing: neither its cells, nor what somebody has planted in what is stored."""

import json
import urllib.request

from tools import lab

PLANTED = """<img src="nowhere.png" alt="x" onerror="window.planted = '{0}'"><script>window.planted = '{0}'</script>"""
COUNT_JS = """
async () => {
  const request = { code: '', silent: true, user_expressions: { count: 'get_ipython().execution_count' } };
  const reply = await window.course.kernel().requestExecute(request).done;
  return reply.content.user_expressions.count.data['text/plain'];
}
"""


def test_opening_runs_no_cell(open_notebook):
    notebook = open_notebook("02_forward_pass")
    assert notebook.page.evaluate(COUNT_JS) == "1"  # the number that the first cell will get
    notebook.run(to_the_end=False)
    assert int(notebook.page.evaluate(COUNT_JS)) > 1


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
    kernelspec = {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}, "trusted": True}
    content = {"cells": cells, "metadata": kernelspec, "nbformat": 4, "nbformat_minor": 4}
    request = urllib.request.Request(
        f"{address}/api/contents/notebooks/planted.ipynb?token={lab.TOKEN}",
        method="PUT",
        data=json.dumps({"type": "notebook", "format": "json", "content": content}).encode(),
    )
    urllib.request.urlopen(request, timeout=30).close()
    page = open_notebook("planted").page
    page.get_by_role("paragraph").filter(has_text="The end.").wait_for()
    page.wait_for_timeout(1000)  # for pictures to be missed
    assert page.evaluate(COUNT_JS) == "1"
    assert page.evaluate("() => window.planted ?? null") is None
    # what was planted would have been seen
    page.evaluate("html => { document.body.insertAdjacentHTML('beforeend', html) }", PLANTED.format("by hand"))
    page.wait_for_function("() => window.planted === 'by hand'")
