"""What is read here is American English, as the field's words and the package's names are."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("mnist_scratch", "notebooks", "docs", "results", "benchmarks", "tools", "tests")
ISE = """
    author capital categor central character critic digit emphas final general initial local maxim memor minim neutral
    normal optim organ parallel penal quant random real recogn regular serial special standard summar synchron util
    vector visual
"""
OTHERS = r"""
    colour favour honour labour neighbour behaviour flavour centre[ds]?\b metres?\b fibre grey learnt spelt spoilt
    whilst amongst towards afterwards upwards downwards licence practis judgement artefact sceptic programmes?\b
    burnt\b catalogue enrol\b fulfil\b ageing analys(?:e|ing) (?:label|level|model|signal|travel)l(?:ed|ing)
"""
BRITISH = re.compile(
    rf"(?<![a-z])(?:{'|'.join(OTHERS.split())}|(?:{'|'.join(ISE.split())})is(?:e|ing|ation))[a-z]*", re.IGNORECASE
)


def readable(path):
    """The text of a file; of a notebook without its pictures."""
    text = path.read_text(encoding="utf-8")
    return re.sub(r'"image/png": "[^"]*"', "", text) if path.suffix == ".ipynb" else text


def test_the_spelling_is_american():
    paths = [path for folder in FOLDERS for path in (ROOT / folder).rglob("*.*")] + list(ROOT.glob("*.md"))
    paths = {path for path in paths if path.suffix in (".py", ".js", ".css", ".md", ".ipynb")} - {Path(__file__)}
    found = [f"{path.relative_to(ROOT)}: {word}" for path in sorted(paths) for word in BRITISH.findall(readable(path))]
    assert paths and not found, "\n".join(found)


def test_british_words_are_found_in_every_form_and_no_others():
    text = "Colours, regularisation, _neighbouring, vectorised; color, precise, promise, four, centered, emphasis"
    assert BRITISH.findall(text) == ["Colours", "regularisation", "neighbouring", "vectorised"]
