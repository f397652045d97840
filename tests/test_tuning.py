"""tuning: a trial against the same run by hand; sweeps on several executors."""

from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor

import numpy as np
import pytest
import threadpoolctl

from mnist_scratch import SGD, Network, fit
from mnist_scratch.tuning import Trial, sweep, try_settings

SMALL = {"sizes": (784, 8, 10), "epochs": 1, "n_train": 300, "n_validation": 200}
CONFIGURATIONS = [SMALL | {"learning_rate": rate, "seed": seed} for rate, seed in [(0.3, 1), (0.01, 0), (0.1, 2)]]


def test_a_trial_is_the_run_written_out(mnist):
    changed = {"learning_rate": 0.2, "momentum": 0.5, "weight_decay": 0.01, "batch_size": 32, "seed": 3}
    trial = try_settings(**SMALL, **changed, activation="tanh")
    net = Network([784, 8, 10], "tanh", seed=3, dtype="float64")
    train, validation = mnist.train[:300], mnist.validation[:200]
    optimizer = SGD(0.2, momentum=0.5)
    fit(net, train, epochs=1, batch_size=32, optimizer=optimizer, weight_decay=0.01, seed=3, progress=False)
    assert trial.train_accuracy == np.mean(net.predict(train.images) == train.labels)
    assert trial.validation_accuracy == np.mean(net.predict(validation.images) == validation.labels)
    assert trial.train_accuracy != trial.validation_accuracy and trial.stopped == ""
    assert trial.settings["learning_rate"] == 0.2 and trial.settings["n_validation"] == 200
    assert trial == try_settings(**SMALL, **changed, activation="tanh")


def test_a_trial_that_diverges_says_so():
    trial = try_settings(**SMALL, learning_rate=1e300, weight_decay=0.1)
    assert isinstance(trial, Trial) and trial.stopped.startswith("diverged in epoch 1")


def test_sweeps_keep_the_order_on_any_executor():
    serial = sweep(CONFIGURATIONS)
    assert [(t.settings["learning_rate"], t.settings["seed"]) for t in serial] == [(0.3, 1), (0.01, 0), (0.1, 2)]
    with ThreadPoolExecutor(2) as pool:
        assert sweep(CONFIGURATIONS, pool) == serial
    with ProcessPoolExecutor(1) as pool:
        assert sweep(CONFIGURATIONS[:2], pool) == serial[:2]


def test_a_trials_error_is_raised():
    wrong = [SMALL, SMALL | {"learning_rate": -1}]
    with pytest.raises(ValueError, match="learning_rate"):
        sweep(wrong)
    with ThreadPoolExecutor(2) as pool, pytest.raises(ValueError, match="learning_rate"):
        sweep(wrong, pool)


def test_threads_share_the_limit_of_the_main_thread():
    def threads(**_):
        return [lib["num_threads"] for lib in threadpoolctl.threadpool_info() if lib["user_api"] == "blas"]

    with ThreadPoolExecutor(2) as pool:
        assert all(set(found) <= {1} for found in sweep([{}, {}], pool, run=threads))
