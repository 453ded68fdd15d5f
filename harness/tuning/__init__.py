"""Choosing the settings of post-processing on held-out training vehicles, from few passes over the images."""
