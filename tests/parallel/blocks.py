"""Blocks of the cases: not linear, with dropout, or with a weight that is used late."""

import torch
from torch import nn


class CustomBlock(nn.Module):
    """A block that is not linear, with its own dropout."""

    def __init__(self, noise: float) -> None:
        super().__init__()
        self.inside = nn.Linear(24, 24)
        # Transposed in memory, unlike what optimisers and files expect.
        self.inside.weight = nn.Parameter(self.inside.weight.detach().t())
        self.noise = nn.Dropout(noise)
        with torch.no_grad():
            for weight in self.parameters():
                weight.copy_(torch.linspace(-0.4, 0.5, weight.numel()).view(weight.shape))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.noise(torch.relu(self.inside(x)))


class LateWeightBlock(CustomBlock):
    """A block with a weight that is unused in the first steps."""

    def __init__(self) -> None:
        super().__init__(0.0)
        self.late = nn.Parameter(torch.linspace(0.0, 0.1, 24))
        self.register_buffer("learned", torch.zeros((), dtype=torch.int64))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.learned += torch.is_grad_enabled()
        return super().forward(x + self.late if self.learned > 5 else x)
