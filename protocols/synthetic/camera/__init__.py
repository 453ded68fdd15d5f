"""The cameras: from a mesh and a viewpoint to a JPEG file and the boxes of the visible parts."""
