"""Feature files: HDF5 with keys, features, checksums and provenance, and no links out of the file."""

from harness.features.provenance import Provenance
from harness.features.reader import FeatureFile, FeatureRows
from harness.features.writer import FeatureWriter, write_features

__all__ = ["FeatureFile", "FeatureRows", "FeatureWriter", "Provenance", "write_features"]
