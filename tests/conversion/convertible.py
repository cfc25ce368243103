"""Models of torch that users bring, for pictures [batch, 1, 8, 8] of ten classes."""

import torch
from torch import nn


class Residual(nn.Module):
    """Two convolutions beside a shorter way."""

    def __init__(self, channels, out, stride=1):
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(channels, out, 3, stride, 1),
            nn.BatchNorm2d(out),
            nn.ReLU(),
            nn.Conv2d(out, out, 3, 1, 1),
            nn.BatchNorm2d(out),
        )
        self.short = nn.Conv2d(channels, out, 1, stride)

    def forward(self, x):
        return torch.relu(self.body(x) + self.short(x))


class Patches(nn.Module):
    """Pictures [batch, 1, 8, 8] to 16 tokens with their places."""

    def __init__(self, width):
        super().__init__()
        self.project = nn.Conv2d(1, width, 2, 2)
        self.place = nn.Parameter(0.1 * torch.randn(16, width))

    def forward(self, x):
        return self.project(x).flatten(2).transpose(1, 2) + self.place


class Mean(nn.Module):
    def forward(self, x):
        return x.mean(1)


def attention(width, norm_first=True):
    return nn.TransformerEncoderLayer(
        width, 4, 2 * width, dropout=0.0, batch_first=True, norm_first=norm_first
    )


def mlp():
    return nn.Sequential(
        nn.Flatten(),
        *(nn.Linear(64, 150), nn.BatchNorm1d(150), nn.ReLU(), nn.Dropout(0.1)),
        *(nn.Linear(150, 150), nn.BatchNorm1d(150), nn.ReLU(), nn.Linear(150, 10)),
    )


def vgg():
    features = nn.Sequential(
        *(nn.Conv2d(1, 32, 3, padding=1), nn.ReLU(inplace=True)),
        *(nn.Conv2d(32, 32, 3, padding=1), nn.ReLU(inplace=True), nn.MaxPool2d(2)),
        *(nn.Conv2d(32, 64, 3, padding=1), nn.ReLU(inplace=True), nn.MaxPool2d(2)),
    )
    return nn.Sequential(features, nn.Flatten(), nn.Linear(256, 128), nn.ReLU(), nn.Linear(128, 10))


def resnet():
    return nn.Sequential(
        *(nn.Conv2d(1, 24, 3, padding=1), nn.BatchNorm2d(24), nn.ReLU()),
        *(Residual(24, 24), Residual(24, 48, 2)),
        *(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(48, 10)),
    )


def transformer():
    return nn.Sequential(Patches(64), attention(64), attention(64), Mean(), nn.Linear(64, 10))
