"""In a scikit-learn pipeline
==========================

``FFClassifier`` is an ordinary estimator: use it in a pipeline and in a grid search.
"""

import matplotlib.pyplot as plt
from sklearn.compose import make_column_transformer
from sklearn.datasets import load_wine
from sklearn.metrics import ConfusionMatrixDisplay
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PowerTransformer

from forward_forward.sklearn import FFClassifier

# %%
# The data are a table of thirteen measurements of 178 wines from three growers.

wine = load_wine()
X, X_new, y, y_new = train_test_split(
    wine.data, wine.target_names[wine.target], random_state=0, stratify=wine.target
)
print(X.shape, *wine.target_names)

# %%
# A pipeline
# ----------
# Its first step makes skewed columns more symmetric. ``FFClassifier`` standardises its inputs.

skewed = [wine.feature_names.index(each) for each in ("malic_acid", "color_intensity", "proline")]
columns = make_column_transformer((PowerTransformer(), skewed), remainder="passthrough")
pipeline = make_pipeline(
    columns, FFClassifier(hidden_layer_sizes=(50, 50), max_iter=15, random_state=0)
)
pipeline.fit(X, y)
print(f"accuracy on unseen wines: {100 * pipeline.score(X_new, y_new):.1f} %")

# %%
# A search
# --------
# Losses and goodness functions are parameters too, by name or as objects.

search = GridSearchCV(
    pipeline,
    {
        "ffclassifier__loss": ["SiluPair(alpha=6)", "log_sigmoid"],
        "ffclassifier__goodness": ["mean_square", "l2_norm"],
    },
    cv=3,
).fit(X, y)
print(search.best_params_)

# %%
# Probabilities and the underlying goodness
# -----------------------------------------

best = search.best_estimator_
print(best.predict_proba(X_new[:3]).round(3))
goodness = best[-1].goodness_by_layer(best[:-1].transform(X_new[:3]))
print("goodness [layers, samples, classes]:", goodness.shape)

# %%

fig, axes = plt.subplots(figsize=(4.5, 3.6), layout="constrained")
ConfusionMatrixDisplay.from_estimator(best, X_new, y_new, ax=axes, cmap="Blues", colorbar=False)
axes.set_title("45 wines that were not in the training data")
plt.show()
