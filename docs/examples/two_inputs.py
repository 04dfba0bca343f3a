"""A network of two inputs, a picture and words, and a function that makes them."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Matching(nn.Module):
    """Tells how well a sentence fits a picture."""

    def __init__(self, width: int = 16, vocabulary: int = 1000) -> None:
        super().__init__()
        self.image = nn.Conv2d(3, width, 3, stride=2, padding=1)
        self.words = nn.Embedding(vocabulary, width)
        self.classifier = nn.Linear(2 * width, 1)

    def forward(self, image: Tensor, words: Tensor) -> Tensor:
        """Map pictures (N, 3, H, W) and words (N, L) to scores (N, 1)."""
        both = torch.cat([self.image(image).mean((2, 3)), self.words(words).mean(1)], dim=1)
        scores: Tensor = self.classifier(both)
        return scores


def make_inputs() -> dict[str, Tensor]:
    """Two pictures and two sentences of twelve words."""
    return {"image": torch.rand(2, 3, 64, 64), "words": torch.randint(1000, (2, 12))}
