"""What scikit-learn itself asks of an estimator."""

import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from forward_forward.sklearn import FFClassifier, FFDetector, FFRegressor, FFTransformer

pytestmark = pytest.mark.slow

EXPECTED = {
    f"check_sample_weight_equivalence_on_{kind}_data": (
        "a sample of weight 2 is seen once per epoch with twice the weight; a sample that occurs"
        " twice is seen twice, in other batches and each time with another wrong label"
    )
    for kind in ("dense", "sparse")
}


def expected(estimator):
    return EXPECTED if isinstance(estimator, FFClassifier | FFRegressor) else {}


# Small, with few steps per epoch: one of the checks sets max_iter=1000.
ESTIMATORS = [
    FFClassifier((20,), max_iter=40, batch_size=200),
    FFRegressor((20,), max_iter=40, batch_size=50),
    FFTransformer((5,), max_iter=1),
    FFDetector((10,), max_iter=3),
]


@parametrize_with_checks(ESTIMATORS, expected_failed_checks=expected)
def test_what_scikit_learn_asks_of_an_estimator(estimator, check):
    check(estimator)
