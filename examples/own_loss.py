"""A loss of your own, for each layer: python examples/own_loss.py

A loss compares the margins, goodness minus threshold, of the positive with those of the negatives.
In this folder, `ff check own_loss:squared_hinge` tests what every loss must keep.
"""

import argparse

import torch

import forward_forward as ff


def squared_hinge(pos: torch.Tensor, neg: torch.Tensor) -> torch.Tensor:
    """Margins of positives [batch] and negatives [negatives, batch] -> loss [batch]."""
    if len(neg) == 0:
        raise ValueError("squared_hinge expects at least one negative, got none")
    return torch.relu(1 - (pos - neg)).square().mean(0)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--epochs", type=int, default=15)
    parser.add_argument("--data", default="digits")
    args = parser.parse_args()
    train, test = ff.datasets.named(args.data)
    for loss in (ff.losses.CrossEntropy(), squared_hinge):
        plan = ff.recipes.one_pass(train, loss=loss, hidden=(200, 200), epochs=args.epochs)
        plan.trainer.fit(train, epochs=plan.epochs, batch_size=plan.batch_size)
        figures = ff.predict.evaluate(plan.trainer.network, test)
        print(f"{getattr(loss, '__name__', loss)}: {figures['error']:.2f} % test errors")


if __name__ == "__main__":
    main()
