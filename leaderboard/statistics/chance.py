"""Random numbers for resampling, the same on every machine."""

from harness.basics.chance import Chance as Chance, IntArray as IntArray
