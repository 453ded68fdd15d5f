"""The report of one run: a folder with rank lists, slices and pictures, which opens in a browser without a server."""
