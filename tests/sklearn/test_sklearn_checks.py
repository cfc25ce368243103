"""What scikit-learn itself asks of an estimator."""

from sklearn.utils.estimator_checks import parametrize_with_checks

from forward_forward.sklearn import FFClassifier, FFDetector, FFTransformer

EXPECTED = {
    "check_sample_weight_equivalence_on_dense_data": (
        "a sample of weight 2 is seen once a pass with twice the say, one that is there twice is"
        " seen twice, each time beside another wrong label"
    )
}


def expected(estimator):
    return EXPECTED if isinstance(estimator, FFClassifier) else {}


@parametrize_with_checks(
    [FFClassifier(), FFTransformer(), FFDetector()], expected_failed_checks=expected
)
def test_what_scikit_learn_asks_of_an_estimator(estimator, check):
    check(estimator)
