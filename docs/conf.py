"""How Sphinx makes the website: `make site`. It reads a copy of the course with docs/ on top, see tools/website.py."""

import ast
import inspect
import json
import os
import re
from pathlib import Path
from textwrap import shorten

from docutils.nodes import container, literal_block, paragraph, raw, section
from myst_nb.core.render import NbElementRenderer
from sphinx.addnodes import pending_xref
from sphinx.util import logging

from mnist_scratch.classroom.predictions import Reveal
from tools.address import published, ways_to_open

project = "Neural networks from scratch"
author = "the mnist_scratch authors"
language = "en"
smartquotes = False  # g'(Z) is a derivative
highlight_language = "text"

extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx.ext.mathjax", "sphinx.ext.viewcode"]
exclude_patterns = ["_*", "README.md"]  # index.md has what README.md says
templates_path = ["_templates"]

nb_execution_mode = "off"  # a page shows what is stored; that it is right is what the tests are for
nb_code_prompt_show = "Show the code, which holds the answers"  # only that of questions is folded
nb_code_prompt_hide = "Hide the code"
myst_enable_extensions = ["dollarmath", "amsmath"]
myst_dmath_double_inline = True  # $$ within a paragraph, as Jupyter shows it
myst_heading_anchors = 3

mathjax_path = "mathjax/tex-svg.js"  # in _static; tools/website.py puts it there
mathjax3_config = {"options": {"enableMenu": False}}  # the menu would make each formula a stop of the Tab key

napoleon_google_docstring = False
napoleon_use_rtype = False
napoleon_custom_sections = [("Attributes", "params_style")]  # several names may share a line
default_role = "py:obj"  # `fit` in a docstring is a link, or code where there is nothing to link to

autodoc_member_order = "bysource"
autodoc_inherit_docstrings = False  # those of Matplotlib and ipywidgets are not ours
autodoc_preserve_defaults = True
add_module_names = False

html_theme = "sphinx_book_theme"
html_title = project
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_favicon = "_static/favicon.svg"
html_baseurl = os.environ.get("SITE_URL", "")
html_js_files = ["site.js", "living.js", "pad.js", "predictions.js", "print.js"]
html_show_sphinx = False
html_show_copyright = False
html_use_index = False  # the search finds names too
html_domain_indices = False
html_context = {"default_mode": "auto", "site_url": html_baseurl.rstrip("/")}
html_theme_options = {
    "navbar_persistent": [],  # there is a search field in the sidebar
    "use_fullscreen_button": False,
    "search_bar_text": "Search the course",
    "show_toc_level": 2,
    # the first page and the glossary need the room
    "secondary_sidebar_items": {"**": ["page-toc.html"], "index": [], "glossary": []},
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-high-contrast-dark",
}
if published():
    html_theme_options |= {"repository_url": published(), "use_repository_button": True}


WIDE = 700  # pixels
warn = logging.getLogger(__name__).warning  # which ends the build


def with_alt_text(render_image):
    """MyST-NB takes a stored picture's size from its output, but not its alt text; wide ones scroll on a phone.

    Each is loaded when it comes near the screen, or to be printed.
    """

    def render(self, data):
        images = render_image(self, data)
        for image in images:
            image["alt"] = data.output_metadata.get(data.mime_type, {}).get("alt", "")
            image["loading"] = "lazy"
            if data.output_metadata.get(data.mime_type, {}).get("width", 0) > WIDE:
                image["classes"].append("wide")
        return images

    return render


NbElementRenderer.render_image = with_alt_text(NbElementRenderer.render_image)


def lead_links_to_pages(app, doctree):
    """A link to a module leads to its documentation, one to a folder to the page that lists it."""
    for link in doctree.findall(pending_xref):
        if link.get("reftype") != "myst" or link.get("refdomain") or link["reftarget"].startswith("#"):
            continue
        target, _, heading = link["reftarget"].partition("#")
        path = os.path.normpath(Path(app.env.docname).parent / target).replace(os.sep, "/")
        if path.startswith("mnist_scratch/"):
            link["refdomain"], link["reftype"] = "py", "mod"
            link["reftarget"] = path.removesuffix(".py").replace("/", ".")
            continue
        page = path.removeprefix("docs/").removeprefix("../")  # docs/ lies on top of all else
        page = page.removesuffix(".md").removesuffix(".ipynb")
        for name in (page, f"{page}/index"):
            if name in app.env.found_docs:
                link["refdomain"], link["reftarget"], link["reftargetid"] = "doc", name, heading or None


def find_set_anchors(app, doctree):
    """What a page marks with <a id="…"> is a place that links may lead to, as a heading is."""
    places = app.env.metadata[app.env.docname].setdefault("myst_slugs", {})
    for node in doctree.findall(raw):
        if match := re.match(r'<a id="(.+?)"', node.astext()):
            places[match[1]] = (node.line, match[1], match[1])


def describe(app, pagename, templatename, context, doctree):
    """A page's first paragraph tells what the page is about, wherever a link to it is shown."""
    first = next(doctree.findall(paragraph), None) if doctree else None
    words = first.astext().removeprefix("The question. ") if first else context["docstitle"]
    context["description"] = shorten(words, 200, placeholder=" …")


def lead_to_colab(app, pagename, templatename, context, doctree):
    """A notebook whose first cell fetches the course can be opened in Colab, alone."""
    if re.fullmatch(r"notebooks/\w+", pagename):
        context["colab"] = ways_to_open(published(), f"{Path(pagename).name}.ipynb").get("Colab")


def put_pads_into_cells(app, doctree):
    """Where a cell shows the drawing pad, its picture becomes a pad that reads in the page, see pad.js."""
    for cell in parts(doctree, nb_element="cell_code"):
        if "draw_a_digit(" in cell[0].astext():
            for output in cell[1:]:
                output.insert(0, raw("", '<div class="drawing" data-pad>', format="html"))
                output.append(raw("", "</div>", format="html"))


def put_recordings_beside_stills(app, doctree):
    """A recording of a widget, see tools/recordings.py, goes behind its stored picture, where living.js finds it."""
    recordings = json.loads(Path(app.srcdir, "recordings.json").read_text(encoding="utf-8"))
    if app.env.docname not in recordings:
        return
    cells = json.loads(Path(app.env.doc2path(app.env.docname)).read_text(encoding="utf-8"))["cells"]
    for cell in parts(doctree, nb_element="cell_code"):
        recording = recordings[app.env.docname].get(cells[cell["cell_index"]]["id"])
        if recording:
            text = json.dumps(recording, ensure_ascii=False).replace("<", "\\u003c")  # nothing may end the script
            html = f'<script type="application/json" class="recording">{text}</script>'
            cell.children[-1].append(raw("", html, format="html"))


def bring_answers(app, doctree):
    """A reveal brings along what it tells for each choice, in the words of a run: see _static/predictions.js."""
    asked = {}
    for cell in parts(doctree, nb_element="cell_code"):
        source = cell.next_node(literal_block).astext()
        if question := re.search(r"^(\w+) = predict\(", source, re.MULTILINE):
            calls = (node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call))
            call = next(one for one in calls if getattr(one.func, "id", None) == "predict")
            asked[question[1]] = ast.literal_eval(call.args[1])
            wrap(cell, f'<div class="prediction" id="prediction-{question[1]}">', "</div>")
        elif revealed := re.search(r"^(\w+)\.reveal\(", source, re.MULTILINE):
            options = asked.get(revealed[1], {})
            stored = "".join(shown.astext() for shown in parts(cell, mime_type="text/plain")).strip()
            told = (Reveal(options, right, None, exact) for right in options for exact in (True, False))
            reveal = next((one for one in told if repr(one) == stored), None)
            if reveal is None:
                warn(f"what {revealed[1]}.reveal shows answers no question {revealed[1]} above it", location=cell)
                continue
            chosen = (Reveal(options, reveal.right, choice, reveal.exact) for choice in options)
            templates = "".join(f"<template>{one._repr_mimebundle_()['text/html']}</template>" for one in chosen)
            wrap(
                cell, f'<div class="reveal" data-question="prediction-{revealed[1]}"><div>', f"</div>{templates}</div>"
            )


def parts(node, **attributes):
    """The containers in a node that have these attributes."""
    return (one for one in node.findall(container) if attributes.items() <= one.attributes.items())


def wrap(cell, before, after):
    """Put HTML around the HTML that a cell shows."""
    [html] = (shown.next_node(raw) for shown in parts(cell, mime_type="text/html"))
    html.replace_self(raw("", f"{before}{html.astext()}{after}", format="html", classes=html["classes"]))


def fold_solutions(app, doctree):
    """The answer to an exercise opens by a click on the page that holds the answers."""
    if not app.env.docname.startswith("notebooks/solutions/"):
        return
    for exercise in doctree.findall(section):
        if re.match(r"\d+\.\d+ ", exercise[0].astext()):
            summary = f"<summary>Show the answer to {exercise[0].astext().split()[0]}</summary>"
            exercise.insert(1, raw("", f'<details class="solution">{summary}', format="html"))
            exercise.append(raw("", "</details>", format="html"))


def skip_foreign(app, what, name, obj, skip, options):
    """What others put into our classes: Matplotlib a method, the standard library a line for each field of a record."""
    module, text = (getattr(obj, key, None) or "" for key in ("__module__", "__doc__"))
    foreign = callable(obj) and not str(module).startswith("mnist_scratch")
    return True if foreign or text.startswith("Alias for field number") else None


def own_signature(app, what, name, obj, options, signature, returns):
    """Traitlets hides what a widget of ours takes."""
    if what == "class" and signature and signature.startswith("(*args"):
        if "__init__" not in vars(obj):
            return "", None
        _, *parameters = inspect.signature(obj.__init__).parameters.values()
        return str(inspect.Signature(parameters)), None


def setup(app):
    app.connect("autodoc-process-signature", own_signature)
    app.connect("doctree-read", lead_links_to_pages)
    app.connect("doctree-read", find_set_anchors)
    app.connect("html-page-context", describe)
    app.connect("html-page-context", lead_to_colab)
    app.connect("doctree-read", put_pads_into_cells)
    app.connect("doctree-read", put_recordings_beside_stills)
    app.connect("doctree-read", bring_answers)
    app.connect("doctree-read", fold_solutions)
    app.connect("autodoc-skip-member", skip_foreign)
