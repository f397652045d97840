"""ensemble: one network that answers the mean of the logits of several."""

import numpy as np
import pytest

from mnist_scratch import Network, ensemble

DEPTHS = pytest.mark.parametrize("sizes", [[4, 3], [4, 5, 3], [4, 5, 2, 3]])
KINDS = [("relu", "softmax", "cross_entropy"), ("tanh", "sigmoid", "binary_cross_entropy")]
X = np.random.default_rng(0).standard_normal((7, 4))


def some_members(n, sizes, **settings):
    rng = np.random.default_rng(0)
    members = [Network(sizes, seed=seed, **settings) for seed in range(n)]
    for net in members:
        for b in net.biases:
            b[:] = 0.3 * rng.standard_normal(b.shape)
    return members


@pytest.mark.parametrize("n", [1, 2, 3])
@pytest.mark.parametrize("activation, output, loss", KINDS)
@pytest.mark.parametrize("dtype, tolerance", [("float32", 1e-5), ("float64", 1e-13), ("complex128", 1e-13)])
@DEPTHS
def test_its_logits_are_the_mean_of_its_members(tmp_path, sizes, dtype, tolerance, activation, output, loss, n):
    members = some_members(n, sizes, activation=activation, output=output, loss=loss, dtype=dtype)
    before = [array.copy() for net in members for array in net.parameters()]
    joined = ensemble(iter(members))
    assert (joined.activation, joined.output, joined.loss_name) == (activation, output, loss) and joined.dtype == dtype
    assert joined.sizes == [sizes[0], *(n * size for size in sizes[1:-1]), sizes[-1]]
    mean = sum(net.forward(X) for net in members) / n
    np.testing.assert_allclose(joined.forward(X), mean, rtol=tolerance, atol=tolerance)
    for A, *own in zip(joined.activations(X)[1:-1], *(net.activations(X)[1:-1] for net in members), strict=True):
        np.testing.assert_allclose(A, np.hstack(own), rtol=tolerance, atol=tolerance)  # side by side, in their order
    joined.save(tmp_path / "model.npz")
    assert np.array_equal(Network.load(tmp_path / "model.npz").forward(X), joined.forward(X))
    for array in joined.parameters():
        array += 1  # its members are not touched
    after = [array for net in members for array in net.parameters()]
    assert all(a.tobytes() == b.tobytes() for a, b in zip(after, before, strict=True))


KIND = {"sizes": [4, 5, 3], "output": "softmax", "loss": "binary_cross_entropy"}


CHANGES = [{"sizes": sizes} for sizes in ([4, 6, 3], [5, 5, 3], [4, 5, 2], [4, 3])]
CHANGES += [{"activation": "tanh"}, {"output": "sigmoid"}, {"loss": "cross_entropy"}, {"dtype": "float64"}]


@pytest.mark.parametrize("change", CHANGES)
def test_members_of_different_kinds_are_refused(change):
    usual, other = Network(**KIND), Network(**(KIND | change))
    for members in ([usual, other], [other, usual], [usual, usual, other], []):
        with pytest.raises(ValueError, match="^networks must be one or more of the same kind, not "):
            ensemble(members)
