"""scikit-learn under ``zerofill run``: a grid search in two processes."""

from unedited import output_of

PROGRAM = """
    import numpy as np
    from counting import handlers
    from sklearn.base import BaseEstimator, ClassifierMixin
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import GridSearchCV

    class Counting(ClassifierMixin, BaseEstimator):
        def __init__(self, C=1.0):
            self.C = C

        def fit(self, X, y):
            assert handlers() == {"zerofill"}
            self.model_ = LogisticRegression(C=self.C).fit(X, y)
            self.classes_ = self.model_.classes_
            return self

        def predict(self, X):
            return self.model_.predict(X)

    if __name__ == "__main__":
        generator = np.random.default_rng(0)
        X = generator.normal(size=(20_000, 20))
        search = GridSearchCV(Counting(), {"C": [0.1, 1, 10]}, n_jobs=2, error_score="raise")
        search.fit(X, X[:, 0] > 0)
        print(search.best_score_ > 0.9)
"""


def test_a_grid_search_uses_zerofill(tmp_path):
    assert output_of(tmp_path, PROGRAM) == "True\n"
