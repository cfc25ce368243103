"""A number of rows -> the table that the tests write in every dialect."""

import numpy as np
import pandas


def rows(count: int = 24) -> pandas.DataFrame:
    """Numbers with fractions and in thousands, categories, truth values and labels."""
    k = np.arange(count)
    return pandas.DataFrame(
        {
            "dose": 0.5 * k - 3,
            "cells": 1000 + 37 * k,
            "colour": np.array(["süß", "rot"])[k % 2],
            "new": k % 3 == 0,
            "label": np.array(["yes", "no", "no"])[k % 3],
        }
    )
