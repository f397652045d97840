"""The part of a notebook that an answer needs: the source of a student's answer, without the rest of the notebook."""

import ast
import builtins
import inspect
import re
import symtable
import sys
import textwrap
from contextlib import suppress
from dataclasses import dataclass, field
from functools import lru_cache

NOT_EXERCISES = {"begin_anew", "hand_in", "hint", "names", "progress"}
# calls that show something, and so are no part of an answer
_SHOW = {"print", "display", "check", "plots", "widgets", "plt", "predict", "help", "get_ipython"}
# calls that change what they are given, or what they are called on, and return something all the same
_CHANGE = {"fit", "next", "pop", "popitem", "setdefault", "step"}
_DRAWS = re.compile(r"\b(default_rng|RandomState|Generator|Random|iter)\(")  # objects that each call moves on
_AT_ONCE = {"listcomp", "setcomp", "dictcomp", "genexpr"}  # scopes whose code runs where it stands
_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)


def needed_for(cells, expression):
    """The program that an expression needs, taken from the cells of a notebook.

    Executed in an empty namespace, it leaves what the expression is to be evaluated in. Of a name that was defined
    several times it has the last definition. It is found by reading: what `exec`, or a second name for the same array,
    does behind the reader's back stays out.

    Parameters
    ----------
    cells : list of str
        The cells' sources, in the order in which they were executed. Magics, and cells that do not parse, are left out.
    expression : str
        What stands in the parentheses of ``check.softmax(…)``.

    Returns
    -------
    str
        Imports, definitions and assignments, in order. Empty when nothing is needed.
    """
    return _program(_statements(cells), expression)


def answers_in(cells):
    """The answers that the cells of a notebook hand to their checks.

    Parameters
    ----------
    cells : list of str
        As for `needed_for`.

    Returns
    -------
    dict
        {name of the check: (program, expression)}, of the last call of each check.
    """
    statements, calls = _statements(cells), {}
    for at, statement in enumerate(statements):
        for name, given in statement.checks:  # what a block does before it calls the check counts too
            calls[name] = at + hasattr(statement.node, "body"), given
    return {name: (_program(statements[:at], expression), expression) for name, (at, expression) in calls.items()}


def of_call(name, answer):
    """The program and the expression of the call ``check.NAME(answer)`` that is running.

    In a notebook they come from the cells executed so far, elsewhere from the answer's file.

    Parameters
    ----------
    name : str
        Of the check.
    answer : object
        What it was given.

    Returns
    -------
    program, expression : str
        Empty where the source cannot be found.
    """
    try:
        called = getattr(answer, "__name__", "")
        shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
        if shell is not None:
            cells = [cell for cell in shell.user_ns["In"] if isinstance(cell, str)]
            if found := answers_in(cells).get(name):
                return found
            if called.isidentifier() and shell.user_ns.get(called) is answer:
                return needed_for(cells, called), called
        if callable(answer):
            module = sys.modules.get(answer.__module__)
            if called.isidentifier() and getattr(module, called, None) is answer:
                return needed_for([inspect.getsource(module)], called), called
            source = textwrap.dedent(inspect.getsource(answer))
            return (source, called) if called.isidentifier() else ("", "")
        number = getattr(answer, "tolist", lambda: answer)()  # NumPy's as Python's
        return ("", repr(number)) if ast.literal_eval(repr(number)) == number else ("", "")
    except Exception:  # a verdict must not fail because its source is hard to find
        return "", ""


# ------------------------------------------------------------------------------------------------ what statements do


@dataclass
class _Statement:
    """One statement at the top level of a cell, and the names it deals with."""

    node: ast.stmt
    source: str
    binds: set = field(default_factory=set)  # gives them a value …
    surely: set = field(default_factory=set)  # … whatever they were before
    stores: set = field(default_factory=set)  # changes their value: x[i] = 0, x.a = 0, x += 1
    calls: set = field(default_factory=set)  # probably changes their value: x.append(0), fit(x, y)
    touches: set = field(default_factory=set)  # uses them in a call, which changes a generator of random numbers
    now: set = field(default_factory=set)  # needs them when it runs …
    late: set = field(default_factory=set)  # … and when the functions that it defines are called
    checks: list = field(default_factory=list)  # (name of the check, what is given to it)


def _statements(cells):
    """The statements of all cells, without what only shows something."""
    return [statement for cell in cells for statement in _statements_of(cell)]


@lru_cache(maxsize=2000)  # each check of a long session reads all its cells
def _statements_of(cell):
    source = _without_magics(cell)
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ()
    found = []
    for node, text in zip(tree.body, _texts(tree.body, _lines(source)), strict=True):
        # no code that could run, such as a `return` outside of a function
        with suppress(SyntaxError, ValueError, RecursionError):
            found.append(_read(node, text))
    return tuple(found)


def _without_magics(cell):
    """A cell as Python: what its magics run stays, the magics go."""
    try:
        if "get_ipython()" not in cell and ast.parse(cell):  # as most cells are
            return cell
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        pass
    from IPython.core.inputtransformer2 import TransformerManager

    try:
        source = TransformerManager().transform_cell(cell)
        # `get_ipython().run_cell_magic('time', '', 'x = 1\n')`: what runs in the notebook, and what elsewhere
        magics = [node for node in ast.parse(source).body if "get_ipython()" in ast.unparse(node)]
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return cell
    for node in reversed(magics):
        call = node.value if isinstance(node, ast.Expr) else None
        kind = call.func.attr if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) else None
        runs = ""
        if kind in ("run_line_magic", "run_cell_magic") and all(isinstance(part, ast.Constant) for part in call.args):
            name, *_, body = (part.value for part in call.args)
            runs = _without_magics(body) if name in ("time", "capture", "prun") else ""
        if kind:
            lines = _lines(source)
            source = "\n".join([*lines[: node.lineno - 1], *_lines(runs), *lines[node.end_lineno :]])
    return source


def _lines(source):
    """As Python counts them, for which a form feed ends no line."""
    return re.split(r"\r\n|\r|\n", source)


def _texts(nodes, lines):
    """The sources of statements: as they were written, but for those that share a line."""
    spans = [(min([n.lineno, *(d.lineno for d in getattr(n, "decorator_list", []))]), n.end_lineno) for n in nodes]
    for i, (node, (first, last)) in enumerate(zip(nodes, spans, strict=True)):
        alone = (i == 0 or spans[i - 1][1] < first) and (i + 1 == len(spans) or last < spans[i + 1][0])
        yield "\n".join(lines[first - 1 : last]) if alone else ast.unparse(node)


def _read(node, source):
    checks = [found for call in _outside_of_functions(node) if (found := _given_to_check(call))]
    if any(map(_shows_only, ast.walk(node))):
        node = _WithoutShows().visit(node)
        source = ast.unparse(ast.fix_missing_locations(node))
    told = _Statement(node, source, checks=checks)
    if isinstance(node, ast.Pass):
        return told
    table = symtable.symtable(source, "cell", "exec")
    for symbol in table.get_symbols():
        if symbol.is_assigned() or symbol.is_imported():
            told.binds.add(symbol.get_name())
        if symbol.is_referenced():
            told.now.add(symbol.get_name())
    for child in table.get_children():
        _read_scope(child, told, late=False)
    if getattr(node, "decorator_list", None) or not isinstance(node, _SCOPES + (ast.ClassDef,)):
        told.now |= told.late  # it may call them at once
    told.surely = set(told.binds) if _is_sure(node) else set()
    for part in _outside_of_functions(node):
        if isinstance(part, ast.AugAssign) and isinstance(part.target, ast.Name):
            told.stores.add(part.target.id)
            told.now.add(part.target.id)
            told.surely.discard(part.target.id)
        elif isinstance(part, ast.Subscript | ast.Attribute) and not isinstance(part.ctx, ast.Load):
            told.stores.add(_root(part))
        elif isinstance(part, ast.Call):
            given = [part.func, *part.args, *(keyword.value for keyword in part.keywords)]
            told.touches |= {_root(value) for value in given}
            if _last_name(part.func) in _CHANGE:
                told.calls |= {_root(value) for value in given[:2]}
        elif isinstance(part, ast.Expr) and isinstance(part.value, ast.Call) and _root(part.value.func) not in _SHOW:
            outs = [keyword.value for keyword in part.value.keywords if keyword.arg == "out"]
            told.calls |= {_root(value) for value in (part.value.func, *part.value.args[:1], *outs)}
            if _last_name(part.value.func) == "seed":
                told.stores.add(_root(part.value.func))
    return told


def _read_scope(table, told, late):
    """What a function, a class or a comprehension needs of the names at the top level."""
    late = late or table.get_type() == "function" and table.get_name() not in _AT_ONCE
    for symbol in table.get_symbols():
        if symbol.is_global():
            (told.late if late else told.now).add(symbol.get_name())
    for child in table.get_children():
        _read_scope(child, told, late)


def _is_sure(node):
    """Whether a statement gives each name that it binds a value, whatever happens."""
    if isinstance(node, ast.Import):  # `import a.b` after `import a.c` keeps both
        return not any("." in alias.name and not alias.asname for alias in node.names)
    return not isinstance(node, ast.If | ast.For | ast.While | ast.Try | ast.Match)


def _shows_only(node):
    return isinstance(node, ast.Expr) and bool(_check_called(node.value) or _root_call(node.value) == "get_ipython")


def _given_to_check(call):
    name = isinstance(call, ast.Call) and _check_called(call)
    if not name or name in NOT_EXERCISES:
        return None
    given = [*call.args, *(keyword.value for keyword in call.keywords if keyword.arg == "answer")]
    return (name, ast.unparse(given[0])) if len(given) == 1 and not isinstance(given[0], ast.Starred) else None


class _WithoutShows(ast.NodeTransformer):
    """Calls of checks, and what magics became, taken out of the statements they stand in."""

    def visit_Expr(self, node):
        return ast.copy_location(ast.Pass(), node) if _shows_only(node) else node


def _check_called(node):
    """The name of the check that an expression calls; None when it calls none."""
    while isinstance(node, ast.Attribute):  # `check.softmax(f).passed`
        node = node.value
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        if _last_name(node.func.value) == "check":
            return node.func.attr
    return None


def _outside_of_functions(node):
    """All nodes of a statement but those of functions that it only defines."""
    yield node
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, _SCOPES) and not isinstance(node, _SCOPES):
            yield from _outside_of_functions(child)


def _root(node):
    """The name at which `x[i].a` begins; "" when there is none."""
    while isinstance(node, ast.Subscript | ast.Attribute | ast.Starred):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""


def _root_call(node):
    """The name of the function whose result is used, as in `f().a()`."""
    while isinstance(node, ast.Call | ast.Attribute):
        node = node.func if isinstance(node, ast.Call) else node.value
    return node.id if isinstance(node, ast.Name) else ""


def _last_name(node):
    return getattr(node, "attr", getattr(node, "id", ""))


# ------------------------------------------------------------------------------------------ what an answer needs


def _program(statements, expression):
    try:
        wanted = _read(ast.parse(expression).body[0], expression)
    except (SyntaxError, ValueError, IndexError, RecursionError):
        return ""
    end = len(statements)
    chosen = {at for at, statement in enumerate(statements) if _imports_from(statement.node, "__future__")}
    asked, seen = [(name, end) for name in wanted.now | wanted.late], set()
    while asked:
        name, before = question = asked.pop()
        if question in seen:
            continue
        seen.add(question)
        for at in _that_make(name, statements[:before]):
            statement = statements[at]
            chosen.add(at)
            asked += [(used, at) for used in statement.now]
            # a function finds its names when it is called: by the one who asks, or by the expression
            asked += [(used, when) for used in statement.late for when in (before, end)]
    parts = [(statements[at].node, statements[at].source) for at in sorted(chosen)]
    future = [part for part in parts if _imports_from(part[0], "__future__")]
    return _joined([*future, *(part for part in parts if part not in future)])


def _that_make(name, statements):
    """Which statements make the value of a name: the last one that surely binds it, and what changes it afterward."""
    binding = next((at for at in reversed(range(len(statements))) if name in statements[at].surely), None)
    fixed, draws = False, False
    if binding is not None:
        yield binding
        fixed = isinstance(statements[binding].node, (*_SCOPES, ast.ClassDef, ast.Import, ast.ImportFrom))
        draws = bool(_DRAWS.search(statements[binding].source))
    elif not hasattr(builtins, name):
        yield from (at for at, statement in enumerate(statements) if _imports_from(statement.node, star=True))
    for at in range(0 if binding is None else binding + 1, len(statements)):
        statement = statements[at]
        changed = statement.binds | statement.stores
        if not fixed:
            changed |= statement.calls | (statement.touches if draws else set())
        if name in changed:
            yield at


def _imports_from(node, module=None, star=False):
    if not isinstance(node, ast.ImportFrom):
        return False
    return node.names[0].name == "*" if star else node.module == module


def _joined(parts):
    """The statements as one text, with the blank lines that Python's style asks for."""
    text, before = "", None
    for node, source in parts:
        if before:
            block = isinstance(node, (*_SCOPES, ast.ClassDef)) or isinstance(before, (*_SCOPES, ast.ClassDef))
            imports = isinstance(before, ast.Import | ast.ImportFrom)
            ends = imports and not isinstance(node, ast.Import | ast.ImportFrom)
            text += "\n\n" if block else "\n" if ends else ""
        text += source + "\n"
        before = node
    return text
