import numpy as np
import pytest
from sklearn.linear_model import Ridge

from palate.linalg.affine import ridge_map


@pytest.mark.parametrize("shape", [(40, 6), (6, 40)], ids=["tall", "wide"])
def test_it_is_the_ridge_regression_of_scikit_learn(shape):
    rng = np.random.default_rng(0)
    rows = (3 + rng.normal(size=shape)).astype(np.float32)
    targets = (rng.normal(size=(shape[0], 3)) - 5).astype(np.float32)
    new = (3 + rng.normal(size=(5, shape[1]))).astype(np.float32)
    expected = Ridge(alpha=0.7, solver="svd").fit(rows.astype(float), targets.astype(float)).predict(new)
    assert np.allclose(ridge_map(rows, targets, 0.7)(new), expected, atol=1e-3)
    weight = rng.integers(1, 9, shape[0]).astype(np.float32)
    expected = Ridge(alpha=0.7, solver="svd").fit(rows, targets, weight / weight.mean()).predict(new)
    assert np.allclose(ridge_map(rows, targets, 0.7, 5 * weight)(new), expected, atol=1e-3)


def test_one_row_alone_gives_its_own_target_to_all():
    only = ridge_map(np.ones((1, 3), np.float32), np.array([[2.0, 4.0]], np.float32), 1.0)
    assert only(np.array([[9.0, 9, 9]], np.float32)).tolist() == [[2.0, 4.0]]
