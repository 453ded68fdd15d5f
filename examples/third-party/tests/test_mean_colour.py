"""The contract of a method, one test for each property."""

from harness.testing import MethodTests


class TestMeanColour(MethodTests):
    """The method as it is."""

    method = "mean-colour"


class TestGrid(MethodTests):
    """Its variant."""

    method = "mean-colour/grid"
