"""
A first network
===============

Train two layers on scikit-learn's digits, without backpropagation, and read labels from them.
"""

import matplotlib.pyplot as plt

import forward_forward as ff

train, test = ff.datasets.digits()
net = ff.mlp(64, 200, 200, num_classes=10, seed=0)
trainer = ff.Trainer(net, lr=3e-3, seed=0)
fitted = trainer.fit(train, epochs=3)
fig, axes = plt.subplots()
axes.plot([1,2])
plt.show()
