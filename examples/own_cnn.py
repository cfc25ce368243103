"""A convolutional network of your own, by local losses and by backprop: python examples/own_cnn.py

The class is plain torch. From the command line: ff train --data digits --model own_cnn.py:CNN
"""

import argparse

import torch
from torch import nn
from torch.nn import functional as F

import forward_forward as ff


class CNN(nn.Module):
    """A residual convolution between two others."""

    def __init__(self, num_classes: int = 10, width: int = 16) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, width, 3, padding=1)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1)
        self.norm = nn.BatchNorm2d(width)
        self.conv3 = nn.Conv2d(width, 2 * width, 3, padding=1)
        self.fc = nn.Linear(2 * width * 4, num_classes)  # pictures of 8 x 8

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = F.relu(self.conv1(x))
        x = F.max_pool2d(F.relu(x + self.norm(self.conv2(x))), 2)
        x = F.max_pool2d(F.relu(self.conv3(x)), 2)
        return self.fc(x.flatten(1))


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--epochs", type=int, default=15)
    parser.add_argument("--data", default="digits")
    args = parser.parse_args()
    train, test = ff.datasets.named(args.data)
    for rule in ("local", "backprop"):
        plan = ff.recipes.converted(train, model=CNN, rule=rule, epochs=args.epochs)
        plan.trainer.fit(train, epochs=plan.epochs, batch_size=plan.batch_size)
        figures = ff.predict.evaluate(plan.trainer.network, test)
        layers = " ".join(f"{each:.2f}" for each in figures["goodness_error_by_layer"])
        print(f"{rule}: {figures['error']:.2f} % test errors, by layer {layers}")


if __name__ == "__main__":
    main()
