"""The part of a notebook that an answer needs: the source of a student's answer, without the rest of the notebook.

A name needs the last statement that surely defines it, those after it that may change its value, and all that these
need in turn. Values are changed by `x += 1`, `x[i] = …`, `x.a = …`, by calls that stand alone, as `x.append(…)`, of the
notebook's functions that do such things, and in `_CHANGE`. It is found by reading: what changes through another name
of the same thing (`b = a`, then `b[0] = 1`), by `exec`, `global`, `np.random.seed` or other calls is not seen.
"""

import ast
import builtins
import dis
import inspect
import re
import sys
import warnings
from contextlib import suppress
from functools import lru_cache

_NOT_EXERCISES = {"add", "begin_anew", "hand_in", "hint", "names", "progress"}  # what else `check` can do
_SHOW = {"display", "help", "plots", "plt", "predict", "print", "widgets"}  # they change nothing
# change what they are called on, or given first, though their result is kept
_CHANGE = set("fit next pop step choice integers normal permutation random standard_normal uniform".split())
_KINDS = dict.fromkeys([ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef], "definition")  # surely give a value
_KINDS |= {ast.Import: "import", ast.ImportFrom: "import", ast.Assign: "assignment", ast.AnnAssign: "assignment"}


def needed_for(cells, expression):
    """The program that an expression needs, executed before it in an empty namespace: in order, as text.

    Parameters
    ----------
    cells : list of str
        The cells' sources, in the order in which they were executed. Magics, and cells that do not parse, are left out.
    expression : str
        What stands in the parentheses of ``check.softmax(…)``.
    """
    return _program([statement for cell in cells for statement in _statements(cell)], expression)


def answers_in(cells):
    """{name of the check: (program, expression)}, of the last call of each check in the cells, as for `needed_for`."""
    statements = [statement for cell in cells for statement in _statements(cell)]
    calls = {name: (at, given) for at, statement in enumerate(statements) for name, given in statement.checks}
    # what a block does before it calls the check counts too
    return {name: (_program(statements[: at + 1], given), given) for name, (at, given) in calls.items()}


def of_call(name, answer):
    """(program, expression) of the running ``check.NAME(answer)``, from the cells so far or its file; else "", ""."""
    try:
        called = getattr(answer, "__name__", "")
        shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
        if shell is not None:
            cells, names = shell.history_manager.input_hist_raw, shell.user_ns
            if name in (found := answers_in(cells)):
                return found[name]
        elif called:
            cells, names = [inspect.getsource(inspect.getmodule(answer))], vars(inspect.getmodule(answer))
        if called.isidentifier() and names.get(called) is answer:
            return needed_for(cells, called), called
        number = getattr(answer, "tolist", lambda: answer)()  # NumPy's as Python's
        return ("", repr(number)) if ast.literal_eval(repr(number)) == number else ("", "")
    except Exception:  # a verdict must not fail because its source is hard to find
        return "", ""


def _program(statements, expression):
    try:
        _, now, late = _names(compile(expression, "answer", "eval"))
    except (SyntaxError, ValueError, RecursionError):
        return ""
    asked, chosen, text, last = [(name, len(statements)) for name in now | late], set(), "", None
    for name, before in asked:  # and it grows
        for at in _that_make(name, statements[:before]):
            chosen.add(at)
            # a function finds its names when it is called: by the one who asks, or by the expression
            later = {(used, when) for used in statements[at].late for when in (before, len(statements))}
            asked += ({(used, at) for used in statements[at].now} | later) - {*asked}
    for statement in (statements[at] for at in sorted(chosen)):
        empty_lines = 2 if "definition" in (last, statement.kind) else last == "import" != statement.kind
        text += "\n" * (empty_lines if text else 0) + statement.source + "\n"
        last = statement.kind
    return text


def _that_make(name, statements):
    """Which statements make a name's value: the last one that surely defines it, and what may change it afterward."""
    start = next((at for at in reversed(range(len(statements))) if name in statements[at].defines), None)
    # calls change no function, class or module; and some functions of the notebook change nothing
    fixed = start is not None and statements[start].kind != "assignment"
    changing = dict(statement.changing for statement in statements)
    for at, statement in enumerate(statements[start:], start or 0):
        calls = [] if fixed else [names for function, names, alone in statement.calls if changing.get(function, alone)]
        star = start is None and "*" in statement.binds and not hasattr(builtins, name)
        if star or name in statement.binds.union(*calls):
            yield at


class _Statement:
    """One statement at the top level of a cell, and the names it deals with."""

    def __init__(self, node, source):
        calls = [part for part in _own(node) if _is_check(part) and len(part.args) == 1]
        self.checks = [(c.func.attr, ast.unparse(c.args[0])) for c in calls if c.func.attr not in _NOT_EXERCISES]
        if any(map(_is_check, ast.walk(node))):
            source = re.sub(r"(?m)^( *).*\bcheck\.\w+\(.*[^:]$", r"\1pass", ast.unparse(node))
            (node,) = ast.parse(source).body  # as `ast` had written it, each call had a line of its own
        self.source, self.kind = source, _KINDS.get(type(node))
        stores, self.calls = _effects(node)
        binds, now, self.late = _names(compile(ast.Module([node], []), "cell", "exec"))
        # `import a.b` says nothing of what else is in a
        whole = {alias.asname or alias.name for alias in node.names} if self.kind == "import" else binds
        self.binds = binds | whole | stores  # it gives them a value, or changes it
        self.defines = whole if self.kind else set()  # they have this value, whatever they had before
        # it needs them at once; and when a function in it is called, which it may well do itself
        self.now = now if self.kind == "definition" and not node.decorator_list else now | self.late
        self.changing = (node.name, _changes(ast.Module(node.body, []))) if self.kind == "definition" else ("", True)


@lru_cache(maxsize=2000)  # each check of a long session reads all its cells
def _statements(cell):
    try:
        with warnings.catch_warnings(action="ignore"):  # the cell has shown its own
            source = _without_magics(cell)
            nodes, lines, found = ast.parse(source).body, source.split("\n"), []
            for node in nodes:
                first, last = min(n.lineno for n in [node, *getattr(node, "decorator_list", [])]), node.end_lineno
                alone = sum(n.lineno <= last and first <= n.end_lineno for n in nodes) == 1  # not `a = 1; b = 2`
                found.append(_Statement(node, "\n".join(lines[first - 1 : last]) if alone else ast.unparse(node)))
            return found
    except (SyntaxError, ValueError, RecursionError, MemoryError):  # it has never run
        return []


def _without_magics(cell):
    """A cell as Python: `%time` and `%%time` leave what they run, other magics become calls of get_ipython()."""
    with suppress(SyntaxError):
        ast.parse(cell)  # as most cells do; in a text, a line may begin with %
        return cell
    from IPython.core.inputtransformer2 import TransformerManager

    return TransformerManager().transform_cell(re.sub(r"(?m)\A\s*%%(?:time|capture)\b.*\n|^( *)%time +", r"\1", cell))


def _is_check(node):
    return isinstance(node, ast.Call) and re.fullmatch(r"(\w+\.)?check\.\w+", ast.unparse(node.func))


def _names(code):
    """The names that compiled code gives a value to, that it needs at once, that functions in it need when called."""
    binds, now, late = set(), set(), set()
    kinds = {"STORE_NAME": binds, "LOAD_NAME": now, "LOAD_GLOBAL": now, "LOAD_FROM_DICT_OR_GLOBALS": now}
    for step in dis.get_instructions(code):
        kinds.get(step.opname, set()).add(step.argval)
    for inner in filter(inspect.iscode, code.co_consts):
        _, at_once, when_called = _names(inner)
        function = inner.co_flags & inspect.CO_OPTIMIZED and not inner.co_name.endswith(("comp>", "expr>"))
        (late if function else now).update(at_once)  # a class and a comprehension run where they stand
        late |= when_called
    return binds, now, late


def _effects(node):
    """The names that a statement stores into, and its calls: (function, names it may change, whether it seems to)."""
    stores, calls = set(), []
    alone = [part.value for part in _own(node) if isinstance(part, ast.Expr)]
    for part in _own(node):
        if isinstance(part, ast.AugAssign):
            stores.add(_root(part.target))
        elif isinstance(part, ast.Subscript | ast.Attribute) and not isinstance(part.ctx, ast.Load):
            stores.add(_root(part))
        elif isinstance(part, ast.Call) and _root(part.func) not in _SHOW:
            function, given = ast.unparse(part.func).split(".")[-1], [*part.args, *(k.value for k in part.keywords)]
            if function in _CHANGE or part not in alone:
                given = given[:1]  # the one that is changed, as is the custom
            calls.append((function, {*map(_root, [part.func, *given])}, function in _CHANGE or part in alone))
    return stores - {""}, calls


def _changes(body):
    """Whether calls of a function may change what they are given: it stores into more than what it has made itself."""
    stores, calls = _effects(body)
    assigned = [n for part in _own(body) if isinstance(part, ast.Assign) for n in ast.walk(part)]
    made = {n.id for n in assigned if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    return bool(stores.union(*(names for _, names, alone in calls if alone)) - made - {""})


def _own(node):
    """The parts of a statement, without those of the functions and classes in it."""
    yield node
    if not isinstance(node, ast.Lambda) and _KINDS.get(type(node)) != "definition":
        for child in ast.iter_child_nodes(node):
            yield from _own(child)


def _root(node):
    """The name at which `x[i].a` begins; "" when there is none."""
    while isinstance(node, ast.Subscript | ast.Attribute | ast.Starred):
        node = node.value
    return getattr(node, "id", "")
