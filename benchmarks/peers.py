"""One epoch of five networks, side by side with PyTorch, scikit-learn and JAX.

    make bench NAME=peers                  the whole measurement; writes peers.json, peers.md and peers.png here
    python -m benchmarks.peers --quick     2 rounds, 5,000 images: does everything run? Prints the table, writes nothing

How it is done, and what the figures do not say, is in benchmarks/README.md. The file reads from top to bottom: what is
trained, the contenders, the measurements (each in a process of its own), the report.
"""

import argparse
import contextlib
import gc
import importlib
import importlib.metadata
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
import warnings
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import geometric_mean, median

import numpy as np
from threadpoolctl import threadpool_info, threadpool_limits

from benchmarks.common import CORES, processor_model, store, system_name
from mnist_scratch import SGD, Dataset, Network, fit, load_mnist, one_hot

HERE = Path(__file__).resolve().parent


# ----------------------------------------------------------------------------------------- what is trained


@dataclass(frozen=True)
class Setting:
    """A network and how it is trained. All are softmax with cross-entropy, the one loss that all peers have."""

    sizes: tuple
    activation: str
    batch_size: int
    learning_rate: float
    momentum: float = 0.0
    weight_decay: float = 0.0

    @property
    def title(self):
        return f"{'-'.join(map(str, self.sizes))} {self.activation}, mini-batch {self.batch_size}"

    def start(self):
        """A network with the weights from which every contender starts, in every round."""
        return Network(self.sizes, self.activation, seed=0)


NETWORKS = {
    "sigmoid-100": Setting((784, 100, 10), "sigmoid", 10, 0.5, weight_decay=1e-4),
    "momentum-1024": Setting((784, 1024, 10), "relu", 128, 0.01, momentum=0.9, weight_decay=1e-4),
    "relu-128-64": Setting((784, 128, 64, 10), "relu", 128, 0.1),
    "mlp-2layer": Setting((784, 128, 10), "sigmoid", 64, 1.0, weight_decay=1e-4),
    "sigmoid-64": Setting((784, 64, 10), "sigmoid", 128, 0.5),
}
SOFTMAX_REGRESSION = Setting((784, 10), "relu", 64, 0.1, weight_decay=1e-4)  # no peer's case: for the busy machine only


def load_data(path, batch_size, n_images=None):
    """The images, shuffled once and for all, as many as fill whole batches: (X, y), (n, 784) float32 and (n,)."""
    X, y = np.load(path / "images.npy"), np.load(path / "labels.npy")
    n = min(len(X), n_images or len(X)) // batch_size * batch_size
    return X[:n], y[:n]


# ----------------------------------------------------------------------------------------- the contenders
#
# Each is a function of a setting and the data. It prepares everything that is not training and returns a function
# `epoch()`, which starts from the same weights each time, goes once through the same batches in the same order, and
# returns the seconds of that, and the trained parameters [W1, b1, W2, ...] in our layout.


def ours(setting, X, y, threads=None, shuffle=False):
    data = Dataset(X, y)
    optimizer = SGD(setting.learning_rate, setting.momentum)

    def epoch():
        net = setting.start()
        history = fit(
            net,
            data,
            epochs=1,
            batch_size=setting.batch_size,
            optimizer=optimizer,
            weight_decay=setting.weight_decay,
            shuffle=shuffle,
            threads=threads,
            progress=False,
        )
        return history.seconds[-1], net.parameters()

    return epoch


def matrix_products(setting, X, y, threads):
    """The floor: what an epoch's forward and backward pass multiply, and nothing else."""
    weights, batch_size = setting.start().weights, setting.batch_size

    def epoch():
        with threadpool_limits(threads, user_api="blas"):
            started = time.perf_counter()
            for first in range(0, len(X), batch_size):
                A = [X[first : first + batch_size]]
                for W in weights:
                    A.append(A[-1] @ W)
                dZ = A.pop()  # of the right shape; its values do not matter here
                for l in reversed(range(len(weights))):
                    A[l].T @ dZ
                    if l > 0:  # nobody needs the gradient with respect to the images
                        dZ = dZ @ weights[l].T
            return time.perf_counter() - started, None

    return epoch


def pytorch(setting, X, y, threads):
    import torch

    images, labels = torch.from_numpy(X), torch.from_numpy(y)  # no copies
    batch_size = setting.batch_size

    def epoch():
        torch.set_num_threads(threads)
        model = torch_model(setting.start())
        optimizer = torch_optimizer(model, setting.weight_decay, lr=setting.learning_rate, momentum=setting.momentum)
        started = time.perf_counter()
        for first in range(0, len(images), batch_size):
            rows = slice(first, first + batch_size)
            loss = torch.nn.functional.cross_entropy(model(images[rows]), labels[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        return time.perf_counter() - started, torch_parameters(model)

    return epoch


def torch_model(net):
    """The same network in PyTorch, with copies of its weights; Linear keeps them transposed."""
    import torch

    activation = {"relu": torch.nn.ReLU, "sigmoid": torch.nn.Sigmoid, "tanh": torch.nn.Tanh}[net.activation]
    layers = []
    for W, b in zip(net.weights, net.biases, strict=True):
        linear = torch.nn.Linear(*W.shape)
        linear.weight = torch.nn.Parameter(torch.tensor(W.T.copy()))
        linear.bias = torch.nn.Parameter(torch.tensor(b))
        layers += [linear, activation()]
    return torch.nn.Sequential(*layers[:-1])


def torch_linears(model):
    return list(model[::2])  # between two of them is an activation


def torch_optimizer(model, weight_decay, kind="SGD", **settings):
    """PyTorch's optimizer for it. Without groups it would decay the biases too."""
    import torch

    linears = torch_linears(model)
    groups = [
        {"params": [linear.weight for linear in linears], "weight_decay": weight_decay},
        {"params": [linear.bias for linear in linears], "weight_decay": 0.0},
    ]
    return getattr(torch.optim, kind)(groups, **settings)


def torch_parameters(model):
    """Copies of its parameters in our layout: arrays [W1, b1, W2, ...]."""
    return [parameter.detach().numpy().T.copy() for parameter in model.parameters()]


def scikit_learn(setting, X, y, threads):
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.neural_network import MLPClassifier

    class TimedClassifier(MLPClassifier):
        """Times the training loop alone: checks of the data and the coding of the labels come before it."""

        def _fit_stochastic(self, *args, **kwargs):
            started = time.perf_counter()
            super()._fit_stochastic(*args, **kwargs)
            self.training_seconds_ = time.perf_counter() - started

    model = TimedClassifier(
        hidden_layer_sizes=setting.sizes[1:-1],
        activation={"relu": "relu", "sigmoid": "logistic"}[setting.activation],
        solver="sgd",
        alpha=setting.weight_decay * setting.batch_size,  # its penalty is alpha / (2 m) of the squares
        batch_size=setting.batch_size,
        learning_rate_init=setting.learning_rate,
        momentum=setting.momentum,
        nesterovs_momentum=False,
        max_iter=1,
        shuffle=False,
        warm_start=True,  # go on from the weights it holds
        random_state=0,
    )
    warnings.simplefilter("ignore", ConvergenceWarning)  # one epoch is what we want
    model.fit(X[:1000], y[:1000])  # makes the object complete

    def epoch():
        net = setting.start()
        model.coefs_, model.intercepts_ = net.weights, net.biases
        with threadpool_limits(threads, user_api="blas"):
            model.fit(X, y)
        return model.training_seconds_, [a for pair in zip(model.coefs_, model.intercepts_, strict=True) for a in pair]

    return epoch


def jax_scan(setting, X, y):
    import jax
    import jax.numpy as jnp

    g = {"relu": jax.nn.relu, "sigmoid": jax.nn.sigmoid}[setting.activation]
    eta, mu, decay = setting.learning_rate, setting.momentum, setting.weight_decay

    def data_loss(parameters, X, Y):
        A = X
        for W, b in parameters[:-1]:
            A = g(A @ W + b)
        W, b = parameters[-1]
        return -jnp.sum(Y * jax.nn.log_softmax(A @ W + b)) / len(X)

    def step(state, batch):
        parameters, velocity = state
        loss, gradients = jax.value_and_grad(data_loss)(parameters, *batch)
        gradients = [(dW + decay * W, db) for (dW, db), (W, _) in zip(gradients, parameters, strict=True)]
        if mu:
            gradients = velocity = jax.tree.map(lambda v, g: mu * v + g, velocity, gradients)
        return (jax.tree.map(lambda w, g: w - eta * g, parameters, gradients), velocity), loss

    batches = [jnp.asarray(a.reshape(-1, setting.batch_size, a.shape[1])) for a in (X, one_hot(y))]

    def start():
        net = setting.start()
        parameters = [(jnp.asarray(W), jnp.asarray(b)) for W, b in zip(net.weights, net.biases, strict=True)]
        return parameters, jax.tree.map(jnp.zeros_like, parameters) if mu else []

    run = jax.jit(lambda state, batches: jax.lax.scan(step, state, batches))
    started = time.perf_counter()
    run = run.lower(start(), batches).compile()
    compile_seconds = time.perf_counter() - started

    def epoch():
        state = jax.block_until_ready(start())
        started = time.perf_counter()
        (parameters, _), _ = jax.block_until_ready(run(state, batches))
        return time.perf_counter() - started, [np.asarray(a) for pair in parameters for a in pair]

    epoch.compile_seconds = compile_seconds
    return epoch


THREADS = {1: "1 thread"} | ({CORES: f"{CORES} threads"} if CORES > 1 else {})


def variants(name, contender):
    """The contender with one thread and with all there are. Which suits a network is measured, not guessed."""
    return {f"{name}, {text}": partial(contender, threads=n) for n, text in THREADS.items()}


PEERS = {
    "PyTorch": variants("PyTorch", pytorch),
    "scikit-learn": variants("scikit-learn", scikit_learn),
    "JAX": {"JAX": jax_scan},  # sets its threads up by itself, once in a process
}
MODULES = {"PyTorch": "torch", "scikit-learn": "sklearn.neural_network", "JAX": "jax"}


# -------------------------------------------------------------------------------------- the measurements
#
# Each runs in a fresh process, so that no library's thread pool or memory is in the way of another's.


def in_rounds(contenders, rounds):
    """Run the contenders in turn, rounds times, and time them; a first round for warming up is not counted.

    contenders: {name: epoch}. Returns {name: seconds of each round} and {name: distance}, how far a contender's
    weights ended from the first one's: ‖W − W'‖ / ‖W'‖, the largest of all arrays.
    """
    names, seconds, distances = list(contenders), {name: [] for name in contenders}, {}
    trained = {name: epoch()[1] for name, epoch in contenders.items()}
    for name in names[1:]:
        if trained[name] is not None:
            pairs = zip(trained[name], trained[names[0]], strict=True)
            distances[name] = float(np.max([np.linalg.norm(a - b) / np.linalg.norm(b) for a, b in pairs]))
    for r in range(rounds - 1):
        for name in names[r % len(names) :] + names[: r % len(names)]:  # each comes first now and then
            gc.collect()
            seconds[name].append(contenders[name]()[0])
    return seconds, distances


def measure_speed(path, peer, rounds):
    """Ours, the matrix products and one peer, alternating in this process."""
    results = {}
    for name, setting in NETWORKS.items():
        X, y = load_data(path, setting.batch_size)
        contenders = variants("ours", ours) | variants("products", matrix_products) | PEERS[peer]
        contenders = {who: contender(setting, X, y) for who, contender in contenders.items()}
        seconds, distances = in_rounds(contenders, rounds)
        for who, distance in distances.items():
            # rounding alone parts them by less than 0.001 in an epoch; leaving out the weight decay, by 0.008 and more
            if not distance <= 0.005:  # so written, NaN is caught too
                raise RuntimeError(f"{name}, {who}: not the same training, its weights differ by {distance:.1%}")
        results[name] = {"seconds": seconds, "distance_of_weights": distances}
        compiling = [e.compile_seconds for e in contenders.values() if hasattr(e, "compile_seconds")]
        results[name] |= {"compile_seconds": compiling[0]} if compiling else {}
    return results


def measure_defaults(path, rounds):
    """What `fit` does when nothing is asked for: it chooses the threads, and it shuffles."""
    results = {}
    for name, setting in NETWORKS.items():
        data = load_data(path, setting.batch_size)
        contenders = variants("ours", ours) | {"default": ours, "default, shuffled": partial(ours, shuffle=True)}
        results[name], _ = in_rounds({who: c(setting, *data) for who, c in contenders.items()}, rounds)
    return results


def measure_memory(path, network, peer):
    """By how much the process's peak grows: when the library is imported, and in one epoch. In bytes.

    The peak is the largest resident set size so far. It includes the data, which are loaded before.
    """
    setting = NETWORKS[network]
    X, y = load_data(path, setting.batch_size)
    loaded = peak_memory()
    if loaded is None:
        return None
    if peer == "ours":
        imported, contender = loaded, ours
    else:
        importlib.import_module(MODULES[peer])
        imported, contender = peak_memory(), list(PEERS[peer].values())[-1]
    contender(setting, X, y)()
    return {"importing": imported - loaded, "training": peak_memory() - imported}


def peak_memory():
    """The largest resident set size of this process so far, in bytes; None where the system does not tell (Windows)."""
    try:
        import resource
    except ImportError:
        return None
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def measure_company(path, rounds, n_images):
    """Our epochs while so many other processes keep cores busy: {case: {number of processes: seconds}}."""
    cases = {
        "sigmoid-100": (ours, NETWORKS["sigmoid-100"], None),
        # a fifth of the images: this is what the rule of `fit` avoids, and it may take a hundred times as long
        f"sigmoid-100, threads={CORES}": (partial(ours, threads=CORES), NETWORKS["sigmoid-100"], n_images // 5),
        "softmax-regression": (ours, SOFTMAX_REGRESSION, None),
        "relu-128-64": (ours, NETWORKS["relu-128-64"], None),
    }
    results = {}
    for case, (contender, setting, n) in cases.items():
        epoch = contender(setting, *load_data(path, setting.batch_size, n))
        company = {str(n): partial(in_company, epoch, n) for n in sorted({0, 1, CORES})}
        results[case], _ = in_rounds(company, rounds)
    return results


def in_company(epoch, n):
    with contextlib.ExitStack() as stack:
        for _ in range(n):
            stack.enter_context(busy_process())
        return epoch()


@contextlib.contextmanager
def busy_process():
    """Another process that computes without end, for as long as the context lasts; it ends with its parent too."""
    code = "import os; print(flush=True); parent = os.getppid()\nwhile os.getppid() == parent: sum(range(10**5))"
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
    try:
        process.stdout.readline()  # it is running
        yield
    finally:
        process.kill()
        process.communicate()


def prepare(path, n_images, n_validation=10_000):
    """Write the shuffled images and labels as files that load without a peak of memory, and describe the machine."""
    train = load_mnist(n_validation=n_validation).train
    order = np.random.default_rng(0).permutation(len(train))[:n_images]
    np.save(path / "images.npy", train.images[order])
    np.save(path / "labels.npy", train.labels[order])
    return {"n_images": len(order), "machine": machine()}


def machine():
    """What a reader needs in order to judge the figures; nothing that names the machine."""
    blas = next((found for found in threadpool_info() if found["user_api"] == "blas"), {})
    return {
        "processor": processor_model(),
        "cores": CORES,
        "memory_bytes": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") if hasattr(os, "sysconf") else None,
        "system": system_name(),
        "python": platform.python_version(),
        "numpy": np.__version__,
        "blas": {key: blas.get(key) for key in ("internal_api", "version", "architecture", "num_threads")},
    } | {name: importlib.metadata.version(name) for name in ("torch", "scikit-learn", "jax")}


WORK = (prepare, measure_speed, measure_defaults, measure_memory, measure_company)


def in_own_process(function, path, **arguments):
    """The result of a function, run in a fresh process by the module that defines it, whose --task must `run_task`."""
    print(f"{function.__name__} {' '.join(map(str, arguments.values()))} ...", file=sys.stderr, flush=True)
    task = json.dumps({"function": function.__name__, "path": str(path), "arguments": arguments})
    # JAX would take a graphics card where there is one; the numbers of threads are set here, for each contender
    environment = {name: value for name, value in os.environ.items() if not name.endswith("_NUM_THREADS")}
    environment["JAX_PLATFORMS"] = "cpu"
    environment.setdefault("OPENBLAS_THREAD_TIMEOUT", "12")  # for all alike, as mnist_scratch does when it comes first
    module = sys.modules[function.__module__].__spec__.name  # __main__, too, has its own name there
    command = [sys.executable, "-m", module, "--task", task]
    run = subprocess.run(command, cwd=HERE.parent, stdout=subprocess.PIPE, text=True, check=True, env=environment)
    return json.loads(run.stdout.splitlines()[-1])


def run_task(task, functions):
    """The other end of `in_own_process`: run the one of the functions that the task names, and print its result."""
    task = json.loads(task)
    function = {f.__name__: f for f in functions}[task["function"]]
    print(json.dumps(function(Path(task["path"]), **task["arguments"])))


def measure(rounds, n_images):
    """Everything, as numbers. This process stays small: a child's peak of memory is never below its parent's."""
    with tempfile.TemporaryDirectory() as folder:
        run = partial(in_own_process, path=Path(folder))
        results = run(prepare, n_images=n_images) | {"rounds_counted": rounds - 1}
        results["speed"] = {peer: run(measure_speed, peer=peer, rounds=rounds) for peer in PEERS}
        results["defaults"] = run(measure_defaults, rounds=rounds)
        results["memory"] = {
            name: {who: run(measure_memory, network=name, peer=who) for who in ("ours", *PEERS)} for name in NETWORKS
        }
        results["company"] = run(measure_company, rounds=rounds, n_images=results["n_images"])
    return results


# ------------------------------------------------------------------------------------------------ the report


@dataclass(frozen=True)
class Ratio:
    """A ratio of times in the same round: the median of the rounds, the smallest and the largest."""

    median: float
    low: float
    high: float
    threads: str

    @classmethod
    def of(cls, seconds, variant, reference):
        ratios = [a / b for a, b in zip(seconds[variant], seconds[reference], strict=True)]
        return cls(median(ratios), min(ratios), max(ratios), threads_of(variant))

    def __str__(self):
        return f"{self.median:.2f} ({self.low:.2f}–{self.high:.2f})"


def threads_of(variant):
    """What follows the comma of "PyTorch, 1 thread", with the comma."""
    return variant[variant.find(",") :] if "," in variant else ""


def best(seconds, who):
    """The variant of a contender with the smaller median: "PyTorch, 1 thread". seconds: {variant: of each round}."""
    return min((variant for variant in seconds if variant.startswith(who)), key=lambda v: median(seconds[v]))


def pooled(results, name):
    """The seconds of ours and of the products in the rounds of all processes: {variant: seconds}."""
    runs = [networks[name]["seconds"] for networks in results["speed"].values()]
    common = [variant for variant in runs[0] if all(variant in run for run in runs)]
    return {variant: [s for run in runs for s in run[variant]] for variant in common}


def speed_ratios(results):
    """{network: {peer: Ratio of the peer's time to ours in the same round}}, each in its better variant."""
    table = {}
    for name in NETWORKS:
        ours_best = best(pooled(results, name), "ours")
        runs = {peer: networks[name]["seconds"] for peer, networks in results["speed"].items()}
        table[name] = {peer: Ratio.of(run, best(run, peer), ours_best) for peer, run in runs.items()}
    return table


def report(results):
    """peers.md: one table, what else was measured in a line each, and the machine."""
    ratios, shares = speed_ratios(results), []
    lines = [
        "# One epoch, side by side",
        "",
        f"Medians of {results['rounds_counted']} rounds (smallest–largest); {results['n_images']:,} images an epoch, "
        "float32. A ratio is a peer's time over ours in the same round: above 1, ours is faster. "
        "[How it was measured](README.md).",
        "",
        "![Bars of the ratios in the table, a group for each network.](peers.png)",
        "",
        f"| network | ours, s | {' | '.join(f'{peer} / ours' for peer in PEERS)} | matrix products / ours | "
        f"memory, MB: ours, {', '.join(PEERS)} |",
        "|---" * (len(PEERS) + 4) + "|",
    ]
    for name, setting in NETWORKS.items():
        seconds = pooled(results, name)
        variant = best(seconds, "ours")
        mine = seconds[variant]
        shares.append(Ratio.of(seconds, variant.replace("ours", "products"), variant))  # with as many threads
        cells = [f"`{name}`: {setting.title}"]
        cells += [f"{median(mine):.3f} ({min(mine):.3f}–{max(mine):.3f}){threads_of(variant)}"]
        cells += [f"{ratio}{ratio.threads}" for ratio in ratios[name].values()]
        cells += [str(shares[-1]), ", ".join(map(megabytes, results["memory"][name].values()))]
        lines.append(f"| {' | '.join(cells)} |")
    means = [geometric_mean(ratios[name][peer].median for name in NETWORKS) for peer in PEERS]
    means.append(geometric_mean(share.median for share in shares))
    lines += [f"| geometric mean | | {' | '.join(f'**{mean:.2f}**' for mean in means)} | |", ""]

    lines += [
        "Our time beside other processes that compute without end, over our time without them. With one on every core "
        "ours has to share, and up to 2 is its fair share.",
        "",
    ]
    for case, seconds in results["company"].items():
        beside = [f"beside {n}: {Ratio.of(seconds, n, '0')}" for n in seconds if n != "0"]
        lines.append(f"- {case}: {'; '.join(beside)}")
    defaults = results["defaults"].values()
    choice = [Ratio.of(seconds, "default", best(seconds, "ours")).median for seconds in defaults]
    shuffled = [Ratio.of(seconds, "default, shuffled", "default").median for seconds in defaults]
    lines += [
        "",
        "`fit` chooses its threads with such company in mind. Alone on the machine, its choice takes "
        f"{min(choice):.2f} to {max(choice):.2f} times as long as the better thread count. Shuffling, which is left "
        f"out above for all, multiplies its time by {min(shuffled):.2f} to {max(shuffled):.2f}.",
        "",
    ]
    about = results["machine"]
    compiling = [network["compile_seconds"] for network in results["speed"]["JAX"].values()]
    lines.append(
        f"{machine_text(about)}, scikit-learn {about['scikit-learn']}, JAX {about['jax']}, which compiled for "
        f"{min(compiling):.1f} to {max(compiling):.1f} s a network, not counted."
    )
    return "\n".join(lines) + "\n"


def machine_text(about):
    """The machine, Python, NumPy and PyTorch, as the beginning of a sentence. about: what `machine` returned."""
    blas = about["blas"]
    memory = f", {about['memory_bytes'] / 2**30:.0f} GiB of memory" if about["memory_bytes"] else ""
    return (
        f"Machine: {about['processor']}, {about['cores']} cores{memory}, {about['system']}; Python {about['python']}; "
        f"NumPy {about['numpy']} with {blas['internal_api']} {blas['version']} ({blas['architecture']} kernels, "
        f"{blas['num_threads']} threads); PyTorch {about['torch']}"
    )


def megabytes(memory):
    return "–" if memory is None else f"{sum(memory.values()) / 1e6:.0f}"


def picture(results):
    """peers.png: the ratios as bars, with the range of the rounds."""
    from mnist_scratch.classroom.plots import BLUE, GREEN, ORANGE, Figure

    ratios = speed_ratios(results)
    alt = "; ".join(
        f"{name}: " + ", ".join(f"{peer} {ratio.median:.2f}" for peer, ratio in peers.items())
        for name, peers in ratios.items()
    )
    figure = Figure(9.0, 3.8, f"Time of each peer over ours. {alt}")
    axis = figure.subplots()
    places, width = np.arange(len(ratios) + 1), 0.8 / len(PEERS)
    for i, (peer, color) in enumerate(zip(PEERS, (BLUE, ORANGE, GREEN), strict=True)):
        rows = [peers[peer] for peers in ratios.values()]
        heights = [row.median for row in rows]
        heights.append(geometric_mean(heights))
        x = places + (i - (len(PEERS) - 1) / 2) * width
        axis.bar(x, heights, 0.92 * width, color=color, label=peer)
        ink = "black" if color == ORANGE else "white"  # the one that can be read on it
        for place, height in zip(x, heights, strict=True):
            axis.text(place, 0.04, f"{height:.2f}", ha="center", fontsize=9, color=ink)
        below, above = ([abs(getattr(row, end) - row.median) for row in rows] for end in ("low", "high"))
        axis.errorbar(x[:-1], heights[:-1], [below, above], fmt="none", ecolor="black", capsize=2, linewidth=0.9)
    axis.axhline(1.0, color="black", linewidth=1.2)
    axis.axvline(places[-1] - 0.5, color="black", linewidth=0.6, linestyle=":")
    axis.set_xticks(places, [*ratios, "geometric mean"], fontsize=9)
    axis.set_ylabel("time of the peer / our time\n(above 1: ours is faster)")
    axis.spines[["top", "right"]].set_visible(False)
    figure.legend(loc="outside upper center", ncols=len(PEERS), fontsize=9, frameon=False)
    return figure.png(small=True)


def main():
    parser = argparse.ArgumentParser(description="One epoch of five networks beside PyTorch, scikit-learn and JAX.")
    parser.add_argument("--quick", action="store_true", help="2 rounds, 5,000 images; writes only where --out says")
    parser.add_argument("--rounds", type=int, help="how many, the first is not counted (default 5)")
    parser.add_argument("--report", action="store_true", help="measure nothing, write table and plot of peers.json")
    parser.add_argument("--out", type=Path, help="the folder to write to (default: that of this file)")
    parser.add_argument("--task", help=argparse.SUPPRESS)  # a child of this very file
    options = parser.parse_args()
    if options.task:
        run_task(options.task, WORK)
        return
    if options.rounds is not None and options.rounds < 2:
        parser.error("--rounds must be 2 or more: the first one is not counted")
    if options.quick and options.report:
        parser.error("--report is of a whole measurement")
    out = options.out or (None if options.quick else HERE)
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)  # better now than after ten minutes
    if options.report:
        results = json.loads((out / "peers.json").read_text(encoding="utf-8"))
    else:
        started = time.perf_counter()
        results = measure(options.rounds or (2 if options.quick else 5), n_images=5_000 if options.quick else 50_000)
        print(f"measured in {(time.perf_counter() - started) / 60:.1f} minutes", file=sys.stderr)
        if out is not None:
            store(out / "peers.json", results)
    print(report(results))
    if out is not None:
        (out / "peers.md").write_text(report(results), encoding="utf-8")
        (out / "peers.png").write_bytes(picture(results))


if __name__ == "__main__":
    main()
